//! `aks firewall`: which flows does the firewall let pass?

use std::ffi::OsString;

use cidrgate::azure::{Answer as Said, FirewallReader, FirewallRule, Flow, Verdict};
use serde::Serialize;

use super::SetArgs;
use crate::answer::{Answer, Stop};
use crate::diagnose::{printable, tell};
use crate::exit::Exit;
use crate::source::{Source, stdin_once};

/// Say for each flow whether the network and DNAT rules of an Azure Firewall let it pass, and which rule says so
///
/// A flow that no rule matches is `no-match`: application rules decide next if there are any and it is TCP, else the
/// firewall drops it. It is `undecided` if a rule by domain names comes first, since addresses cannot tell. Threat
/// intelligence comes before all rules, and is not looked at here.
///
/// Exit code: 0 all allowed, 1 any not, 2 something could not be decided.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  az network firewall show -g rg -n fw -o json > fw.json
  cidrgate aks firewall --config fw.json --flow TCP,10.240.0.4,40.0.0.1:443
  cidrgate aks firewall --config fw.json --set AzureCloud.westeurope=ServiceTags.json \\
      --flow UDP,10.240.0.4,40.0.0.1:53 ICMP,10.240.0.4,40.0.0.1 TCP,2001:db8::4,[2001:db8::1]:443")]
pub(crate) struct Args {
    /// The firewall, or the rule collection groups of its policy
    #[arg(long, value_name = "FILE")]
    config: Source,
    /// The rule collection groups of the policy's parent, which come first
    #[arg(long, value_name = "FILE")]
    parent: Option<Source>,
    #[command(flatten)]
    sets: SetArgs,
    /// Flows: protocol, source, destination with its port (none for ICMP)
    #[arg(long = "flow", value_name = "PROTO,SRC,DST:PORT", num_args = 1.., required = true)]
    flows: Vec<OsString>,
    /// Print JSON, one object a line
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, answer: &mut Answer) -> Result<(), Stop> {
    stdin_once(args.parent.iter().chain([&args.config]).chain(args.sets.sources()))?;
    let sets = args.sets.read()?;
    let mut reader = sets.into_iter().fold(FirewallReader::new(), |reader, (name, set)| reader.set(name.as_str(), set));
    if let Some(parent) = &args.parent {
        // By itself first, so that what is wrong in it is told of the right file.
        let text = parent.read_document(|bytes| reader.read(bytes).map(|_| bytes.to_vec()))?;
        reader = reader.parent(text);
    }
    let firewall = args.config.read_document(|bytes| reader.read(bytes))?;

    for (number, input) in (1..).zip(&args.flows) {
        let input = printable(input.as_encoded_bytes());
        let flow: Flow = match input.parse() {
            Ok(flow) => flow,
            Err(error) => {
                answer.worsen(Exit::Undecided);
                tell(format_args!("--flow {number}: `{input}`: {error}"));
                if args.json {
                    answer.json(&Fault { input: &input, error: error.to_string() })?;
                }
                continue;
            }
        };
        let verdict = firewall.decide(&flow);
        if verdict.answer() != Said::Allow {
            answer.worsen(Exit::No);
        }
        let beat = firewall.beaten(&flow);
        match args.json {
            true => answer.json(&FlowJson::new(&input, &verdict, &beat))?,
            false => answer.line(format_args!("{input} {}", sentence(&verdict, &beat)))?,
        }
    }
    Ok(())
}

/// `allow out: AllowTCPOutbound; beats out: DenyAll (deny)`
fn sentence(verdict: &Verdict<'_>, beat: &[&FirewallRule]) -> String {
    let mut text = verdict.answer().to_string();
    match verdict.rule() {
        Some(rule) => text += &format!(" {}", name(rule)),
        None if verdict.asks_application_rules() => text += ", application rules decide next",
        None => text += ", the firewall drops it",
    }
    if verdict.answer() == Said::Undecided {
        text += ", which matches by domain names";
    }
    for (index, rule) in beat.iter().enumerate() {
        text += if index == 0 { "; beats " } else { ", " };
        text += &format!("{} ({})", name(rule), rule.action());
    }
    text
}

/// Names come from a document, and are shown on a terminal.
fn name(rule: &FirewallRule) -> String {
    let dnat = if rule.is_dnat() { " (DNAT)" } else { "" };
    printable(format!("{}: {}{dnat}", rule.collection(), rule.name()).as_bytes())
}

#[derive(Serialize)]
struct FlowJson<'a> {
    flow: &'a str,
    answer: &'a str,
    collection: Option<&'a str>,
    rule: Option<&'a str>,
    beat: Vec<BeatJson<'a>>,
}

#[derive(Serialize)]
struct BeatJson<'a> {
    collection: &'a str,
    rule: &'a str,
    action: &'a str,
}

impl<'a> FlowJson<'a> {
    fn new(flow: &'a str, verdict: &Verdict<'a>, beat: &[&'a FirewallRule]) -> Self {
        let beat = beat.iter().map(|rule| BeatJson {
            collection: rule.collection(),
            rule: rule.name(),
            action: rule.action().as_str(),
        });
        Self {
            flow,
            answer: verdict.answer().as_str(),
            collection: verdict.rule().map(FirewallRule::collection),
            rule: verdict.rule().map(FirewallRule::name),
            beat: beat.collect(),
        }
    }
}

/// A flow that is none.
#[derive(Serialize)]
struct Fault<'a> {
    input: &'a str,
    error: String,
}
