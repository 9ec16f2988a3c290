//! `check`: may these addresses in?

use std::ffi::OsString;
use std::fmt;

use cidrgate::Rule;
use cidrgate::text::Canonical;
use serde::Serialize;

use crate::addresses;
use crate::answer::{Answer, Stop};
use crate::args::PolicyArgs;
use crate::exit::Exit;
use crate::policy::compile;

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
    /// Policy text or JSON
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
    let policy = args.from.parts([&subject], addresses::stdin(&addresses))?.policy(&subject)?;
    let matcher = compile(&policy)?;

    let Args { quiet, json, .. } = args;
    addresses::each(&addresses, json, answer, &mut |address, input, answer| {
        let decision = matcher.decide(address);
        let action = decision.action();
        if !action.is_allow() {
            answer.worsen(Exit::No);
        }
        let address = Canonical::from(address);
        let rule = decision.rule().and_then(|index| Some((index, policy.rules().get(index)?)));
        match (quiet, json) {
            (true, _) => Ok(()),
            (_, false) => answer.line(format_args!("{address} {action} {}", Owner(rule.map(|(_, rule)| rule)))),
            (_, true) => answer.json(&Verdict {
                address: address.as_str(),
                input,
                action: action.as_str(),
                rule: rule.map(|(index, rule)| RuleJson::new(index, rule)),
                network: Canonical::from(decision.network()).as_str(),
            }),
        }
    })
}

/// Who decided: `line 9: allow @office # the two offices`, `--allow office.txt` or `default`.
struct Owner<'a>(Option<&'a Rule>);

impl fmt::Display for Owner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.map(|rule| (rule, rule.line(), rule.note())) {
            None => f.write_str("default"),
            // A list in the place of a policy: its note says where it comes from.
            Some((_, 0, Some(note))) => f.write_str(note),
            Some((rule, ..)) => write!(f, "{rule:#}"),
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

impl<'a> RuleJson<'a> {
    fn new(index: usize, rule: &'a Rule) -> Self {
        Self { index, line: rule.line(), note: rule.note() }
    }
}
