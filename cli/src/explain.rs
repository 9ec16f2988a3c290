//! `explain`: why is an address allowed or denied?

use std::ffi::OsString;

use cidrgate::Explanation;
use cidrgate::text::{self, Canonical};
use serde::Serialize;

use crate::answer::{Answer, Stop};
use crate::args::PolicyArgs;
use crate::diagnose::Text;
use crate::exit::Exit;
use crate::policy::compile;

/// Say why an address is allowed or denied, and what was close
///
/// Names the rule that decides, each rule it beat and why, and near misses.
///
/// Exit code: 0 allowed, 1 denied, 2 could not be decided.
#[derive(clap::Args)]
#[command(
    override_usage = "cidrgate explain [OPTIONS] POLICY ADDRESS\n       \
                      cidrgate explain [OPTIONS] --allow LIST|--deny LIST... ADDRESS",
    after_long_help = "\
Example:
  cidrgate explain policy.txt 203.0.113.77"
)]
pub(crate) struct Args {
    /// Policy text or JSON
    policy: Option<OsString>,
    /// The address
    address: Option<OsString>,
    #[command(flatten)]
    from: PolicyArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: Args, answer: &mut Answer) -> Result<(), Stop> {
    let mut arguments = args.policy.into_iter().chain(args.address);
    let subject = args.from.subject(&mut arguments)?;
    let address = match (arguments.next(), arguments.next()) {
        (Some(address), None) => address,
        (None, _) => return Err(Stop::Usage("an ADDRESS is missing".into())),
        _ => return Err(Stop::Usage("one ADDRESS is explained at a time".into())),
    };
    let policy = args.from.parts([&subject], [])?.policy(&subject)?;
    let input = address.as_encoded_bytes();
    let address = text::addr(input).map_err(|error| {
        Text { name: &"<arguments>", bytes: input }.in_line(1, error.offset(), &error);
        Stop::Told
    })?;

    let explanation = policy.explain(address);
    if !explanation.action().is_allow() {
        answer.worsen(Exit::No);
    }
    if !args.json {
        return answer.line(format_args!("{}", explanation.to_string().trim_end()));
    }
    let network = Canonical::from(compile(&policy)?.decide(address).network());
    answer.json(&Explained {
        input: &String::from_utf8_lossy(input),
        network: network.as_str(),
        explanation: &explanation,
    })
}

/// What `check` says, and what is behind it.
#[derive(Serialize)]
struct Explained<'a> {
    input: &'a str,
    network: &'a str,
    #[serde(flatten)]
    explanation: &'a Explanation<'a>,
}
