//! `merge`: the smallest list that is all the lists together.

use cidrgate::text::Canonical;
use cidrgate::{CidrSet, List, OutOfMemory};
use serde::Serialize;

use crate::answer::{Answer, Stop};
use crate::args::Families;
use crate::diagnose::tell;
use crate::list;
use crate::source::{Source, stdin_once};

/// Print the smallest list that is all the lists together
///
/// First the LISTs are united, then cut down to each --and, then less each --minus; --complement turns the result round;
/// -4 and -6 come last.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  cidrgate merge drop.txt edrop.txt.gz
  cidrgate merge --and office.txt --minus lost.txt all.txt
  curl https://example.com/list.txt | cidrgate merge --count -")]
pub(crate) struct Args {
    /// Lists of addresses, networks and ranges, one a line; `-` is standard input
    #[arg(value_name = "LIST", required = true)]
    lists: Vec<Source>,
    /// Leave out what is in this list
    #[arg(long, value_name = "LIST")]
    minus: Vec<Source>,
    /// Keep only what is in this list too
    #[arg(long, value_name = "LIST")]
    and: Vec<Source>,
    /// Print what is not in the result, of both families
    #[arg(long)]
    complement: bool,
    #[command(flatten)]
    families: Families,
    /// Print ranges (192.0.2.1-192.0.2.9), one for each run of addresses
    #[arg(long)]
    ranges: bool,
    /// Print how many networks there are (or ranges), a tab, and how many addresses
    #[arg(long)]
    count: bool,
    /// Clear host bits (172.0.0.10/16) with a warning instead of refusing them
    #[arg(long)]
    lenient: bool,
    /// Print JSON, one object a line
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, answer: &mut Answer) -> Result<(), Stop> {
    stdin_once(args.lists.iter().chain(&args.and).chain(&args.minus))?;
    let read = |lists| list::read_all(lists, args.lenient);
    let (lists, and, minus) = (read(&args.lists), read(&args.and), read(&args.minus));
    let set = combine(&lists?, &and?, &minus?, args).map_err(|error| {
        tell(error);
        Stop::Told
    })?;

    if args.count {
        let networks = if args.ranges { set.ranges().count() } else { set.networks().count() };
        let addresses = set.count();
        return match args.json {
            true => answer.json(&Counts { networks, addresses: addresses.to_string() }),
            false => answer.line(format_args!("{networks}\t{addresses}")),
        };
    }
    if args.ranges {
        for range in set.ranges() {
            let range = Canonical::from(range);
            match args.json {
                true => answer.json(&Range { range: range.as_str() })?,
                false => answer.line(format_args!("{range}"))?,
            }
        }
        return Ok(());
    }
    for network in set.networks() {
        let network = Canonical::from(network);
        match args.json {
            true => answer.json(&Network { network: network.as_str() })?,
            false => answer.line(format_args!("{network}"))?,
        }
    }
    Ok(())
}

fn combine(lists: &[List], and: &[List], minus: &[List], args: &Args) -> Result<CidrSet, OutOfMemory> {
    let mut set = CidrSet::union_of(lists.iter().map(List::set))?;
    for list in and {
        set = set.intersection(list.set())?;
    }
    set = set.difference(&CidrSet::union_of(minus.iter().map(List::set))?)?;
    if args.complement {
        let inside = set;
        set = inside.complement()?;
        for (family, before, after) in [
            ("IPv4", inside.only_v4(), args.families.of(&set).only_v4()),
            ("IPv6", inside.only_v6(), args.families.of(&set).only_v6()),
        ] {
            if before.is_empty() && !after.is_empty() {
                tell(format_args!("the complement holds all of {family}, of which nothing was given"));
            }
        }
    }
    Ok(args.families.of(&set))
}

#[derive(Serialize)]
struct Network<'a> {
    network: &'a str,
}

#[derive(Serialize)]
struct Range<'a> {
    range: &'a str,
}

#[derive(Serialize)]
struct Counts {
    networks: usize,
    addresses: String,
}
