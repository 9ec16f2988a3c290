//! `lint`: rules that never win, and other slips.

use std::ffi::OsString;

use cidrgate::{Finding, Level};
use serde::Serialize;

use crate::answer::{Answer, Stop};
use crate::args::PolicyArgs;
use crate::diagnose::tell;
use crate::exit::Exit;
use crate::policy::{LISTS, Parts, Subject};

/// Find rules that never win, and other slips
///
/// Exit code: 0 clean, or notes only; 1 warnings or errors; 2 a policy could not be read (the others are still judged).
#[derive(clap::Args)]
#[command(
    override_usage = "cidrgate lint [OPTIONS] POLICY...\n       \
                      cidrgate lint [OPTIONS] --allow LIST|--deny LIST...",
    after_long_help = "\
Example:
  cidrgate lint --strict policy.txt

Findings:
  error    contradiction   two rules of equal targets and opposite actions
  warning  shadowed        a rule that never wins
           redundant       a rule whose removal alone changes no answer
           host-bits       host bits that --lenient cleared
           mapped-prefix   looks IPv4-mapped, but matches no IPv4 address
           whole-family    an allow of all of IPv4 or IPv6
           empty-set       a set without addresses
           unused-set      a set that nothing uses
           set-length      written lengths that do not count under longest-prefix
  note     one-family      rules of one family only"
)]
pub(crate) struct Args {
    /// Policy text or JSON
    #[arg(value_name = "POLICY")]
    policies: Vec<OsString>,
    #[command(flatten)]
    from: PolicyArgs,
    /// Exit with 1 on notes too
    #[arg(long)]
    strict: bool,
    /// Print JSON, one object a line
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: Args, answer: &mut Answer) -> Result<(), Stop> {
    let mut policies = args.policies.into_iter();
    let first = args.from.subject(&mut policies)?;
    let mut subjects = vec![first];
    if let Subject::Lists = subjects[0] {
        if policies.next().is_some() {
            return Err(Stop::Usage("--allow and --deny stand in the place of POLICY".into()));
        }
    }
    subjects.extend(policies.map(|policy| Subject::Text(policy.into())));

    let parts = args.from.parts(&subjects, [])?;
    let gravest = if args.strict { Level::Note } else { Level::Warning };
    for subject in &subjects {
        let findings = match judge(&parts, subject) {
            Err(Stop::Told) => {
                answer.worsen(Exit::Undecided);
                continue;
            }
            findings => findings?,
        };
        for finding in findings {
            if finding.level() >= gravest {
                answer.worsen(Exit::No);
            }
            print(&finding, &file(&finding, subject, &args.from), args.json, answer)?;
        }
    }
    Ok(())
}

/// The findings, warnings of reading among them; where the policy cannot be read, that is told.
fn judge(parts: &Parts<'_>, subject: &Subject) -> Result<Vec<Finding>, Stop> {
    parts.policy_with(subject, |_| false)?.lint().map_err(|error| {
        tell(error);
        Stop::Told
    })
}

/// Where a finding is: the policy, or of lists the one it is about.
fn file(finding: &Finding, subject: &Subject, from: &PolicyArgs) -> String {
    match subject {
        Subject::Text(source) => source.to_string(),
        Subject::Lists => {
            let list = finding.rule().and_then(|rule| from.lists.0.get(rule));
            list.map_or(LISTS.into(), |(_, list)| list.to_string())
        }
    }
}

fn print(finding: &Finding, file: &str, json: bool, answer: &mut Answer) -> Result<(), Stop> {
    let (line, column, level, code) = (finding.line(), finding.column(), finding.level(), finding.code());
    if json {
        return answer.json(&Found { file, finding });
    }
    match line {
        0 => answer.line(format_args!("{file}: {level}[{code}]: {finding}")),
        _ => answer.line(format_args!("{file}:{line}:{column}: {level}[{code}]: {finding}")),
    }
}

#[derive(Serialize)]
struct Found<'a> {
    file: &'a str,
    #[serde(flatten)]
    finding: &'a Finding,
}
