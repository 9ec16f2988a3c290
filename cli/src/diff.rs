//! `diff`: who is newly allowed, and who newly denied?

use std::ffi::OsString;
use std::fmt;

use cidrgate::text::Canonical;
use cidrgate::{CidrSet, Code, Count, IpRange};
use serde::Serialize;

use crate::answer::{Answer, Stop};
use crate::args::{Families, PolicyArgs};
use crate::exit::Exit;
use crate::policy::Subject;

/// Print who is newly allowed and newly denied
///
/// Compares answers, not texts: `+` a network that NEW allows and OLD does not, `-` the other way, `#` how many.
/// Prints nothing if both give the same answers.
///
/// Exit code: 0 same, 1 different, 2 a policy could not be read.
#[derive(clap::Args)]
#[command(
    override_usage = "cidrgate diff [OPTIONS] OLD NEW\n       \
                      cidrgate diff [OPTIONS] OLD --allow LIST|--deny LIST...",
    after_long_help = "\
Example:
  cidrgate diff policy.txt next.txt"
)]
pub(crate) struct Args {
    /// The policy that holds, or its image
    old: Option<OsString>,
    /// The policy that is to hold, or its image; --allow and --deny can stand in its place
    new: Option<OsString>,
    #[command(flatten)]
    families: Families,
    #[command(flatten)]
    from: PolicyArgs,
    /// Print JSON, one object a line
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: Args, answer: &mut Answer) -> Result<(), Stop> {
    let mut policies = args.old.into_iter().chain(args.new);
    let old = policies.next().ok_or(Stop::Usage("two policies are compared: OLD and NEW".into()))?;
    let old = Subject::Text(old.into());
    let new = args.from.subject(&mut policies)?;
    if policies.next().is_some() {
        return Err(Stop::Usage("--allow and --deny stand in the place of NEW".into()));
    }

    let parts = args.from.parts([&old, &new], [])?;
    // A set may well be new, or no longer used.
    let [old, new] =
        [&old, &new].map(|policy| parts.compiled_with(policy, |finding| finding.code() != Code::UnusedSet));
    let change = old?.matcher.diff(&new?.matcher);
    let allowed = args.families.of(change.newly_allowed());
    let denied = args.families.of(change.newly_denied());
    for (sign, set) in [("+", &allowed), ("-", &denied)] {
        if !set.is_empty() {
            answer.worsen(Exit::No);
        }
        for network in set.networks() {
            let network_text = Canonical::from(network);
            let network_text = network_text.as_str();
            match args.json {
                false => answer.line(format_args!("{sign} {network_text}"))?,
                true => answer.json(&Changed {
                    change: sign,
                    network: network_text,
                    addresses: CidrSet::from(IpRange::from(network)).count().to_string(),
                })?,
            }
        }
    }
    if !args.json {
        for (what, set) in [("newly allowed", &allowed), ("newly denied", &denied)] {
            if !allowed.is_empty() || !denied.is_empty() {
                answer.line(format_args!("# {what}: {}", Size(set.networks().count(), set.count())))?;
            }
        }
    }
    Ok(())
}

/// `1 network, 256 addresses`
struct Size(usize, Count);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let network = if self.0 == 1 { "network" } else { "networks" };
        let address = if self.1 == 1 { "address" } else { "addresses" };
        write!(f, "{} {network}, {} {address}", self.0, self.1)
    }
}

#[derive(Serialize)]
struct Changed<'a> {
    change: &'a str,
    network: &'a str,
    addresses: String,
}
