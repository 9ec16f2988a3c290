//! `aks plan`: what does a change of the authorized ranges do, and how is it made?

use cidrgate::azure::{Era, Plan, Planner, RangesReader, Refusal, Respelled};
use cidrgate::text::Canonical;
use cidrgate::{CidrSet, Count, OutOfMemory};
use clap::builder::RangedU64ValueParser;
use serde::Serialize;

use super::SetArgs;
use super::list::ListArg;
use crate::answer::{Answer, Stop};
use crate::diagnose::{printable, tell};
use crate::exit::Exit;
use crate::source::stdin_once;

/// Say what a change of the authorized IP ranges opens and closes, and print the command that makes it
///
/// `+` who may connect afterwards and may not now, `-` the other way, `=` an entry that is only spelled otherwise, then
/// the list that does it: the smallest that is equal to the desired one, or where that is longer than --max, the one
/// that admits the fewest addresses beyond it (`!`). An update replaces the whole list, and for up to two minutes the
/// old one may still answer.
///
/// The change is refused, and no command printed, if an address of --keep would be out afterwards, whether it is in now
/// or not; if no list that fits keeps out of --never; or if an entry is none that today's CLI takes in any spelling.
///
/// Exit code: 0 fine, 1 refused, 2 a list could not be read.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  cidrgate aks plan --current \"\" --desired 20.42.25.196/32,172.0.0.0/16 --keep 20.42.25.196
  cidrgate aks plan --current @now.txt --desired @next.txt --keep 20.42.25.196,168.10.0.7 \\
      --never 172.16.0.0/12 --resource-group myResourceGroup --name myAKSCluster")]
pub(crate) struct Args {
    /// The list that holds: `az aks show --query apiServerAccessProfile.authorizedIpRanges`; `\"\"` if there is none
    #[arg(long, value_name = "LIST", value_parser = ListArg::parser())]
    current: ListArg,
    /// The list that is to hold; `\"\"` switches the feature off and lets everyone connect
    #[arg(long, value_name = "LIST", value_parser = ListArg::parser())]
    desired: ListArg,
    /// What the service adds by itself: the API server's address, the load balancer's outbound ones
    #[arg(long, value_name = "LIST", value_parser = ListArg::parser())]
    own: Option<ListArg>,
    /// Addresses that must be in afterwards: those that the cluster's nodes come from, and yours
    #[arg(long, value_name = "LIST", value_parser = ListArg::parser())]
    keep: Option<ListArg>,
    /// Addresses that must not be admitted for the sake of --max
    #[arg(long, value_name = "LIST", value_parser = ListArg::parser())]
    never: Option<ListArg>,
    /// How many entries the list may have: 200, or 2000 with API server VNet integration
    #[arg(long, value_name = "N", default_value = "200", value_parser = RangedU64ValueParser::<usize>::new().range(1..=1_000_000))]
    max: usize,
    /// Whose rules the desired list is read by: `2019` clears host bits with a warning, `current` refuses what today's
    /// CLI does
    #[arg(long, value_name = "2019|current", default_value = "2019")]
    era: Era,
    /// The cluster's resource group, for the command
    #[arg(long, value_name = "GROUP", requires = "name")]
    resource_group: Option<String>,
    /// The cluster's name, for the command
    #[arg(long, value_name = "NAME", requires = "resource_group")]
    name: Option<String>,
    #[command(flatten)]
    sets: SetArgs,
    /// Print JSON, one object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, answer: &mut Answer) -> Result<(), Stop> {
    let given = [args.own.as_ref(), args.keep.as_ref(), args.never.as_ref()];
    let lists = given.into_iter().flatten().chain([&args.current, &args.desired]);
    stdin_once(lists.filter_map(ListArg::source).chain(args.sets.sources()))?;

    let reader = RangesReader::new();
    let reader = args.sets.read()?.into_iter().fold(reader, |reader, (name, set)| reader.set(name.as_str(), set));
    // What the cluster has it has, whatever today's CLI would say to it.
    let current = args.current.quiet_ranges("--current", &reader);
    let desired = args.desired.quiet_ranges("--desired", &reader.era(args.era));
    let addresses =
        |list: &Option<ListArg>, option| list.as_ref().map_or(Ok(CidrSet::new()), |list| list.addresses(option));
    let (own, keep, never) =
        (addresses(&args.own, "--own"), addresses(&args.keep, "--keep"), addresses(&args.never, "--never"));
    let mut planner = Planner::new().limit(args.max).own(own?).keep(keep?).never(never?);
    if let (Some(group), Some(name)) = (&args.resource_group, &args.name) {
        planner = planner.cluster(group, name);
    }
    let plan = planner.plan(&current?, &desired?).map_err(told)?;

    if plan.refused().is_some() {
        answer.worsen(Exit::No);
    }
    if args.json { answer.json(&PlanJson::new(&plan)) } else { text(&plan, answer) }
}

fn text(plan: &Plan, answer: &mut Answer) -> Result<(), Stop> {
    networks("+", "opens", plan.opens(), answer)?;
    networks("-", "closes", plan.closes(), answer)?;
    for one in plan.respelled() {
        answer.line(format_args!("= {} becomes {}, which is the same", printable(one.from().as_bytes()), one.to()))?;
    }
    networks("!", "beyond the desired ones", plan.beyond(), answer)?;
    for warning in plan.warnings() {
        answer.line(format_args!("# {}", printable(warning.to_string().as_bytes())))?;
    }
    match (plan.refused(), plan.command()) {
        (Some(refused), _) => answer.line(format_args!("refused: {}", printable(refused.to_string().as_bytes()))),
        (None, Some(command)) => answer.line(format_args!("{command}")),
        (None, None) => Ok(()),
    }
}

/// The first networks of a set, then how many it has. Where nearly everyone is in it, those that are not.
fn networks(sign: &str, what: &str, set: &CidrSet, answer: &mut Answer) -> Result<(), Stop> {
    /// How many networks are shown.
    const MOST: usize = 20;
    if set.is_empty() {
        return Ok(());
    }
    let others = set.complement().map_err(told)?;
    let few = |set: &CidrSet| set.networks().nth(MOST).is_none();
    if others.is_empty() || !few(set) && few(&others) {
        let but: Vec<_> = others.networks().map(|network| Canonical::from(network).to_string()).collect();
        let but = if but.is_empty() { String::new() } else { format!(" but {}", but.join(", ")) };
        answer.line(format_args!("{sign} everyone{but}"))?;
    } else {
        for network in set.networks().take(MOST) {
            answer.line(format_args!("{sign} {}", Canonical::from(network)))?;
        }
        match set.networks().skip(MOST).count() {
            0 => {}
            more => answer.line(format_args!("{sign} and {more} more; --json has them all"))?,
        }
    }
    answer.line(format_args!("# {what}: {}", size(set.networks().count(), set.count())))
}

fn told(error: OutOfMemory) -> Stop {
    tell(error);
    Stop::Told
}

fn size(networks: usize, addresses: Count) -> String {
    let network = if networks == 1 { "network" } else { "networks" };
    let address = if addresses == 1 { "address" } else { "addresses" };
    format!("{networks} {network}, {addresses} {address}")
}

#[derive(Serialize)]
struct PlanJson<'a> {
    opens: Vec<String>,
    closes: Vec<String>,
    respelled: Vec<RespelledJson<'a>>,
    ranges: &'a [String],
    beyond: Vec<String>,
    refused: Option<RefusedJson>,
    command: Option<&'a str>,
    warnings: Vec<String>,
}

#[derive(Serialize)]
struct RespelledJson<'a> {
    from: &'a str,
    to: &'a str,
}

impl<'a> From<&'a Respelled> for RespelledJson<'a> {
    fn from(one: &'a Respelled) -> Self {
        Self { from: one.from(), to: one.to() }
    }
}

#[derive(Serialize)]
struct RefusedJson {
    reason: String,
    witness: Option<String>,
}

impl From<&Refusal> for RefusedJson {
    fn from(refusal: &Refusal) -> Self {
        Self { reason: refusal.to_string(), witness: refusal.witness() }
    }
}

impl<'a> PlanJson<'a> {
    fn new(plan: &'a Plan) -> Self {
        let networks = |set: &CidrSet| set.networks().map(|network| Canonical::from(network).to_string()).collect();
        Self {
            opens: networks(plan.opens()),
            closes: networks(plan.closes()),
            respelled: plan.respelled().iter().map(Into::into).collect(),
            ranges: plan.ranges(),
            beyond: networks(plan.beyond()),
            refused: plan.refused().map(Into::into),
            command: plan.command(),
            warnings: plan.warnings().iter().map(ToString::to_string).collect(),
        }
    }
}
