//! `aks check`: may these addresses reach the API server?

use std::ffi::OsString;

use cidrgate::CidrSet;
use cidrgate::azure::{Era, RangesReader};
use cidrgate::text::Canonical;
use serde::Serialize;

use super::SetArgs;
use super::list::ListArg;
use crate::addresses;
use crate::answer::{Answer, Stop};
use crate::diagnose::tell;
use crate::exit::Exit;
use crate::policy::compile;
use crate::source::stdin_once;

/// Say for each address whether the authorized IP ranges let it reach the API server, and by which entry
///
/// An empty list (--ranges "") is the feature switched off: everyone may connect. 0.0.0.0/32 alone lets nobody in but
/// what the service adds by itself.
///
/// Exit code: 0 all in, 1 any out, 2 something could not be decided.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  cidrgate aks check --ranges 20.42.25.196/32,172.0.0.0/16 172.0.3.4
  cidrgate aks check --ranges @ranges.txt --own 40.0.0.1 --era current 172.0.3.4")]
pub(crate) struct Args {
    /// The authorized IP ranges
    #[arg(long, value_name = "LIST", value_parser = ListArg::parser())]
    ranges: ListArg,
    /// What the service adds by itself: the API server's address, the load balancer's outbound ones
    #[arg(long, value_name = "LIST", value_parser = ListArg::parser())]
    own: Option<ListArg>,
    /// Whose rules the list is read by: `2019` clears host bits with a warning, `current` refuses what today's CLI does
    #[arg(long, value_name = "2019|current", default_value = "2019")]
    era: Era,
    #[command(flatten)]
    sets: SetArgs,
    /// Print JSON, one object a line
    #[arg(long)]
    json: bool,
    /// Addresses; `-` reads them from standard input, one a line
    #[arg(value_name = "ADDRESS")]
    addresses: Vec<OsString>,
}

pub(crate) fn run(args: &Args, answer: &mut Answer) -> Result<(), Stop> {
    let lists = [Some(&args.ranges), args.own.as_ref()].into_iter().flatten();
    let sources = lists.filter_map(ListArg::source).chain(args.sets.sources());
    stdin_once(sources.chain(addresses::stdin(&args.addresses)))?;

    let reader = RangesReader::new().era(args.era);
    let reader = args.sets.read()?.into_iter().fold(reader, |reader, (name, set)| reader.set(name.as_str(), set));
    let ranges = args.ranges.ranges("--ranges", &reader);
    let own = args.own.as_ref().map_or(Ok(CidrSet::new()), |own| own.addresses("--own"));
    let (ranges, own) = (ranges?, own?);
    let policy = ranges.policy(&own).map_err(|error| {
        tell(error);
        Stop::Told
    })?;
    let matcher = compile(&policy)?;

    addresses::each(&args.addresses, args.json, answer, &mut |address, input, answer| {
        let decision = matcher.decide(address);
        let action = decision.action();
        if !action.is_allow() {
            answer.worsen(Exit::No);
        }
        let address = Canonical::from(address);
        let entry = decision.rule().and_then(|index| Some((index, ranges.entries().get(index)?)));
        if args.json {
            return answer.json(&Verdict {
                address: address.as_str(),
                input,
                action: action.as_str(),
                rule: entry.map(|(index, entry)| EntryJson { index, text: entry.text() }),
                network: Canonical::from(decision.network()).as_str(),
            });
        }
        match (entry, decision.rule()) {
            (Some((index, entry)), _) => {
                answer.line(format_args!("{address} {action} entry {index}: {}", entry.text()))
            }
            (None, Some(_)) => answer.line(format_args!("{address} {action} the cluster's own")),
            (None, None) if ranges.is_off() => answer.line(format_args!("{address} {action} the feature is off")),
            (None, None) => answer.line(format_args!("{address} {action} default")),
        }
    })
}

/// As `check` has it, but for the rule.
#[derive(Serialize)]
struct Verdict<'a> {
    address: &'a str,
    input: &'a str,
    action: &'a str,
    rule: Option<EntryJson<'a>>,
    network: &'a str,
}

/// An entry of the list.
#[derive(Serialize)]
struct EntryJson<'a> {
    index: usize,
    text: &'a str,
}
