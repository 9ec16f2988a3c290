//! `check`: may these addresses in?

use std::ffi::OsString;
use std::fmt;

use cidrgate::text::Canonical;
use cidrgate::{Label, Rule};
use serde::Serialize;

use crate::addresses;
use crate::answer::{Answer, Stop};
use crate::args::PolicyArgs;
use crate::exit::Exit;
use crate::policy::Compiled;

/// Say for each address whether it is allowed, and by which rule
///
/// Exit code: 0 all allowed, 1 any denied, 2 something could not be decided.
#[derive(clap::Args)]
#[command(
    override_usage = "cidrgate check [OPTIONS] POLICY ADDRESS...\n       \
                      cidrgate check [OPTIONS] --allow LIST|--deny LIST... ADDRESS...",
    after_long_help = "\
Examples:
  cidrgate check policy.txt 203.0.113.10
  cidrgate check --allow office.txt --deny lost.txt 203.0.113.10
  cut -d' ' -f1 access.log | cidrgate check --json policy.txt -"
)]
pub(crate) struct Args {
    /// Policy text or JSON, or an image
    policy: Option<OsString>,
    /// Addresses; `-` reads them from standard input, one a line
    #[arg(value_name = "ADDRESS")]
    addresses: Vec<OsString>,
    #[command(flatten)]
    from: PolicyArgs,
    /// Print nothing, only exit
    #[arg(short, long)]
    quiet: bool,
    /// Print JSON, one object a line
    #[arg(long, conflicts_with = "quiet")]
    json: bool,
}

pub(crate) fn run(args: Args, answer: &mut Answer) -> Result<(), Stop> {
    let mut addresses = args.policy.into_iter().chain(args.addresses);
    let subject = args.from.subject(&mut addresses)?;
    let addresses: Vec<OsString> = addresses.collect();
    let Compiled { matcher, policy } = args.from.parts([&subject], addresses::stdin(&addresses))?.compiled(&subject)?;
    let rules = policy.as_ref().map_or(&[][..], |policy| policy.rules());

    let Args { quiet, json, .. } = args;
    addresses::each(&addresses, json, answer, &mut |address, input, answer| {
        let decision = matcher.decide(address);
        let action = decision.action();
        if !action.is_allow() {
            answer.worsen(Exit::No);
        }
        let address = Canonical::from(address);
        let label = decision.rule().and_then(|index| Some((index, matcher.label(index)?)));
        match (quiet, json) {
            (true, _) => Ok(()),
            // Nobody knows whether it was a rule.
            (_, false) if matcher.is_verdicts_only() => answer.line(format_args!("{address} {action}")),
            (_, false) => match label.map(|(index, label)| Owner { index, label, rule: rules.get(index) }) {
                None => answer.line(format_args!("{address} {action} default")),
                Some(owner) => answer.line(format_args!("{address} {action} {owner}")),
            },
            (_, true) => answer.json(&Verdict {
                address: address.as_str(),
                input,
                action: action.as_str(),
                rule: label.map(|(index, label)| RuleJson { index, line: label.line(), note: label.note() }),
                network: Canonical::from(decision.network()).as_str(),
            }),
        }
    })
}

/// The rule that decided: `line 9: allow @office # the two offices`, `--allow office.txt`, or of an image, which does not
/// know the target, `line 9: allow # the two offices`.
struct Owner<'a> {
    index: usize,
    label: Label<'a>,
    rule: Option<&'a Rule>,
}

impl fmt::Display for Owner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.rule, self.label.line(), self.label.note()) {
            // A list in the place of a policy: its note says where it comes from.
            (_, 0, Some(note)) => f.write_str(note),
            (Some(rule), ..) => write!(f, "{rule:#}"),
            // From a builder, without a note.
            (None, 0, None) => write!(f, "rule {}: {}", self.index, self.label.action()),
            (None, line, note) => {
                write!(f, "line {line}: {}", self.label.action())?;
                note.map_or(Ok(()), |note| write!(f, " # {note}"))
            }
        }
    }
}

#[derive(Serialize)]
struct Verdict<'a> {
    address: &'a str,
    input: &'a str,
    action: &'a str,
    rule: Option<RuleJson<'a>>,
    network: &'a str,
}

/// A rule in JSON.
#[derive(Serialize)]
struct RuleJson<'a> {
    index: usize,
    line: u32,
    note: Option<&'a str>,
}
