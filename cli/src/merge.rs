//! `merge`: the smallest list that is all the lists together.

use std::fmt::{self, Display};

use cidrgate::text::Canonical;
use cidrgate::{CidrSet, Fit, FitError, List, OutOfMemory};
use serde::Serialize;

use crate::answer::{Answer, Stop};
use crate::args::{Families, NamedSet};
use crate::diagnose::tell;
use crate::list;
use crate::source::{Source, stdin_once};

/// Print the smallest list that is all the lists together
///
/// First the LISTs are united, then cut down to each --and, then less each --minus; --complement turns the result round;
/// -4 and -6 come next, and --max last.
///
/// With --max, where the smallest list is longer, a list is printed that covers more: as few addresses more as any list
/// of that length can. How many and which is said on standard error.
///
/// Exit code: 0, or 2 if a list could not be read or no list fits --max.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  cidrgate merge drop.txt edrop.txt.gz
  cidrgate merge --and office.txt --minus lost.txt all.txt
  cidrgate merge --max 200 --never lost.txt offices.txt
  cidrgate merge --set EC2.eu-west-1=ip-ranges.json --set web:actions=github-meta.json
  curl https://example.com/list.txt | cidrgate merge --count -")]
pub(crate) struct Args {
    /// Lists of addresses, networks and ranges, one a line; `-` is standard input
    #[arg(value_name = "LIST", required_unless_present = "sets")]
    lists: Vec<Source>,
    /// One more LIST: a tag of the ranges that a cloud publishes, NAME if no TAG is said
    #[arg(long = "set", value_name = "NAME[:TAG]=FILE", value_parser = NamedSet::parser())]
    sets: Vec<NamedSet>,
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
    /// Print at most N networks, if need be by admitting more addresses, as few as can be
    #[arg(long, value_name = "N")]
    max: Option<usize>,
    /// Admit nothing of this list beyond what is asked for
    #[arg(long, value_name = "LIST", requires = "max")]
    never: Vec<Source>,
    /// Print ranges (192.0.2.1-192.0.2.9), one for each run of addresses
    #[arg(long, conflicts_with = "max")]
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
    let files = args.sets.iter().map(|set| &set.file);
    stdin_once(args.lists.iter().chain(files).chain(&args.and).chain(&args.minus).chain(&args.never))?;
    let read = |lists| list::read_all(lists, args.lenient);
    let (lists, and, minus, never) = (read(&args.lists), read(&args.and), read(&args.minus), read(&args.never));
    // As a list of merge, a tag may well be empty.
    let sets = list::read_sets(&args.sets, args.lenient, true)?;
    let (lists, and, minus) = (lists?, and?, minus?);
    let lists = lists.iter().map(List::set).chain(sets.iter().map(|(_, set)| set));
    let set = combine(lists, &and, &minus, args).map_err(told)?;
    let never = never?;
    // One that has become empty would protect nobody.
    if let Some((source, _)) = args.never.iter().zip(&never).find(|(_, list)| list.entries() == 0) {
        return Err(told(format_args!("{source}: the list has no entries; leave out --never if that is right")));
    }

    if let Some(max) = args.max {
        let fit = fit(&set, max, &never)?;
        return match args.count {
            true => print_count(fit.networks().len(), fit.set(), args, answer),
            false => print_networks(fit.networks().iter().copied().map(Canonical::from), args, answer),
        };
    }
    if args.count {
        let networks = if args.ranges { set.ranges().count() } else { set.networks().count() };
        return print_count(networks, &set, args, answer);
    }
    if args.ranges {
        for range in set.ranges() {
            let range = Canonical::from(range);
            match args.json {
                true => answer.json(&Range { range: range.as_str() })?,
                false => answer.text(&range)?,
            }
        }
        return Ok(());
    }
    print_networks(set.networks().map(Canonical::from), args, answer)
}

fn print_networks(networks: impl Iterator<Item = Canonical>, args: &Args, answer: &mut Answer) -> Result<(), Stop> {
    for network in networks {
        match args.json {
            true => answer.json(&Network { network: network.as_str() })?,
            false => answer.text(&network)?,
        }
    }
    Ok(())
}

fn print_count(networks: usize, set: &CidrSet, args: &Args, answer: &mut Answer) -> Result<(), Stop> {
    let addresses = set.count();
    match args.json {
        true => answer.json(&Counts { networks, addresses: addresses.to_string() }),
        false => answer.line(format_args!("{networks}\t{addresses}")),
    }
}

fn told(error: impl Display) -> Stop {
    tell(error);
    Stop::Told
}

/// Fits the set to the limit, and says what that admits.
fn fit(set: &CidrSet, max: usize, never: &[List]) -> Result<Fit, Stop> {
    let never = CidrSet::union_of(never.iter().map(List::set)).map_err(told)?;
    let kept = set.intersection(&never).map_err(told)?;
    if !kept.is_empty() {
        tell(format_args!("asked for, so in despite --never: {}", Excerpt(&kept)));
    }
    let fit = set.fit(max, &never).map_err(|error| match error {
        FitError::NoFit { .. } => told(format_args!("--max {max}: {error}")),
        _ => told(error),
    })?;
    if !fit.extra().is_empty() {
        tell(format_args!("admitted beyond what was asked for: {}", Excerpt(fit.extra())));
    }
    Ok(fit)
}

fn combine<'a>(
    lists: impl Iterator<Item = &'a CidrSet>,
    and: &[List],
    minus: &[List],
    args: &Args,
) -> Result<CidrSet, OutOfMemory> {
    let mut set = CidrSet::union_of(lists)?;
    for list in and {
        set = set.intersection(list.set())?;
    }
    if !minus.is_empty() {
        set = set.difference(&CidrSet::union_of(minus.iter().map(List::set))?)?;
    }
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

/// How many addresses a set has, and its first networks.
struct Excerpt<'a>(&'a CidrSet);

impl Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 5;
        let count = self.0.count();
        write!(f, "{count} {} (", if count == 1 { "address" } else { "addresses" })?;
        for (index, network) in self.0.networks().take(SHOWN).enumerate() {
            write!(f, "{}{}", if index == 0 { "" } else { ", " }, Canonical::from(network))?;
        }
        match self.0.networks().skip(SHOWN).count() {
            0 => f.write_str(")"),
            more => write!(f, " and {more} more)"),
        }
    }
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
