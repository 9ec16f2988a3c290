//! `check`: may these addresses in?

use std::ffi::OsString;
use std::fmt;
use std::net::IpAddr;

use cidrgate::text::{self, Canonical};
use cidrgate::{Label, Rule};
use serde::Serialize;

use crate::answer::{Answer, Stop};
use crate::args::PolicyArgs;
use crate::diagnose::{Text, tell};
use crate::exit::Exit;
use crate::pieces::Pieces;
use crate::policy::Compiled;
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
    let stdin: Vec<Source> = addresses.iter().filter(|address| *address == "-").map(|_| Source::Stdin).collect();
    let compiled = args.from.parts([&subject], &stdin)?.compiled(&subject)?;

    let form = match (args.quiet, args.json) {
        (true, _) => Form::Quiet,
        (_, true) => Form::Json,
        _ => Form::Text,
    };
    let mut check = Check { compiled: &compiled, form, answer, any: false };
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
    compiled: &'a Compiled,
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
        let Compiled { matcher, policy } = self.compiled;
        let decision = matcher.decide(address);
        let action = decision.action();
        if !action.is_allow() {
            self.answer.worsen(Exit::No);
        }
        let address = Canonical::from(address);
        let label = decision.rule().and_then(|index| Some((index, matcher.label(index)?)));
        match self.form {
            Form::Quiet => Ok(()),
            // Nobody knows whether it was a rule.
            Form::Text if matcher.is_verdicts_only() => self.answer.line(format_args!("{address} {action}")),
            Form::Text => {
                let rules = policy.as_ref().map_or(&[][..], |policy| policy.rules());
                let owner = label.map(|(index, label)| Owner { index, label, rule: rules.get(index) });
                match owner {
                    None => self.answer.line(format_args!("{address} {action} default")),
                    Some(owner) => self.answer.line(format_args!("{address} {action} {owner}")),
                }
            }
            Form::Json => self.answer.json(&Verdict {
                address: address.as_str(),
                input: &String::from_utf8_lossy(input),
                action: action.as_str(),
                rule: label.map(|(index, label)| RuleJson { index, line: label.line(), note: label.note() }),
                network: Canonical::from(decision.network()).as_str(),
            }),
        }
    }
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
