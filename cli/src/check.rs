//! `check`: may these addresses in?

use std::ffi::OsString;
use std::fmt;
use std::net::IpAddr;

use cidrgate::text::{self, Canonical};
use cidrgate::{Matcher, Policy, Rule};
use serde::Serialize;

use crate::answer::{Answer, Stop};
use crate::args::PolicyArgs;
use crate::diagnose::{Text, tell};
use crate::exit::Exit;
use crate::pieces::Pieces;
use crate::policy::compile;
use crate::source::Source;

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
    let stdin: Vec<Source> = addresses.iter().filter(|address| *address == "-").map(|_| Source::Stdin).collect();
    let policy = args.from.parts([&subject], &stdin)?.policy(&subject)?;
    let matcher = compile(&policy)?;

    let form = match (args.quiet, args.json) {
        (true, _) => Form::Quiet,
        (_, true) => Form::Json,
        _ => Form::Text,
    };
    let mut check = Check { policy: &policy, matcher: &matcher, form, answer, any: false };
    for (number, address) in (1..).zip(&addresses) {
        if address == "-" {
            check.stdin()?;
        } else {
            check.line("<arguments>", number, address.as_encoded_bytes())?;
        }
    }
    if !check.any {
        tell("no address to check");
        return Err(Stop::Told);
    }
    Ok(())
}

enum Form {
    Text,
    Json,
    Quiet,
}

struct Check<'a> {
    policy: &'a Policy,
    matcher: &'a Matcher,
    form: Form,
    answer: &'a mut Answer,
    /// Whether there was any address.
    any: bool,
}

impl Check<'_> {
    /// The addresses on standard input, blank lines left out. What has come is answered before more is waited for.
    fn stdin(&mut self) -> Result<(), Stop> {
        let stdin = Source::Stdin;
        let mut pieces = Pieces::new(stdin.open().map_err(|error| stdin.unreadable(error))?);
        let mut number = 0;
        while pieces.fill().map_err(|error| stdin.unreadable(error))?.is_some() {
            while let Some(piece) = pieces.next() {
                // The rest of a line that is too long to be an address, which was said at its start.
                if !piece.starts {
                    continue;
                }
                number = u32::saturating_add(number, 1);
                if !piece.bytes.trim_ascii().is_empty() || !piece.ends {
                    self.line("<stdin>", number, piece.bytes)?;
                }
            }
            self.answer.flush()?;
        }
        Ok(())
    }

    /// Answers for the address on a line.
    fn line(&mut self, name: &str, number: u32, line: &[u8]) -> Result<(), Stop> {
        self.any = true;
        let indent = line.len() - line.trim_ascii_start().len();
        let input = line.trim_ascii();
        let error = match text::addr(input) {
            Ok(address) => return self.address(address, input),
            Err(error) => error,
        };
        self.answer.worsen(Exit::Undecided);
        Text { name: &name, bytes: line }.in_line(number, indent + error.offset(), &error);
        match self.form {
            Form::Json => {
                self.answer.json(&Fault { input: &String::from_utf8_lossy(input), error: &error.to_string() })
            }
            Form::Text | Form::Quiet => Ok(()),
        }
    }

    fn address(&mut self, address: IpAddr, input: &[u8]) -> Result<(), Stop> {
        let decision = self.matcher.decide(address);
        let action = decision.action();
        if !action.is_allow() {
            self.answer.worsen(Exit::No);
        }
        let address = Canonical::from(address);
        let rule = decision.rule().and_then(|index| Some((index, self.policy.rules().get(index)?)));
        match self.form {
            Form::Quiet => Ok(()),
            Form::Text => self.answer.line(format_args!("{address} {action} {}", Owner(rule.map(|(_, rule)| rule)))),
            Form::Json => self.answer.json(&Verdict {
                address: address.as_str(),
                input: &String::from_utf8_lossy(input),
                action: action.as_str(),
                rule: rule.map(|(index, rule)| RuleJson::new(index, rule)),
                network: Canonical::from(decision.network()).as_str(),
            }),
        }
    }
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

/// An address that is none.
#[derive(Serialize)]
struct Fault<'a> {
    input: &'a str,
    error: &'a str,
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
