//! `aks route`: where do packets to these addresses go next?

use std::ffi::OsString;

use cidrgate::azure::{RouteFinding, RouteMatch, RouteTableReader, VirtualNetwork};
use cidrgate::text::Canonical;
use serde::Serialize;

use super::SetArgs;
use crate::addresses;
use crate::answer::{Answer, Stop};
use crate::diagnose::printable;
use crate::exit::Exit;
use crate::source::{Source, stdin_once};

/// Say for each address which route of a table its packets take, and what is odd about that
///
/// To a route table the default system routes are added, and with --vnet those of the network; the effective routes of
/// a network interface have their own. Findings are blackholes, virtual appliances without an address or outside every
/// subnet, and addresses that no route covers.
///
/// Exit code: 0 no findings, 1 findings, 2 something could not be decided.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  az network route-table show -g rg -n rt -o json > rt.json
  az network vnet show -g rg -n vnet -o json > vnet.json
  cidrgate aks route --config rt.json --vnet vnet.json 40.0.0.1 10.1.2.3")]
pub(crate) struct Args {
    /// The route table, or the effective routes of a network interface
    #[arg(long, value_name = "FILE")]
    config: Source,
    /// The network whose subnet uses the table
    #[arg(long, value_name = "FILE")]
    vnet: Option<Source>,
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
    let sources = args.vnet.iter().chain([&args.config]).chain(args.sets.sources());
    stdin_once(sources.chain(addresses::stdin(&args.addresses)))?;
    let sets = args.sets.read()?;
    let reader = RouteTableReader::new();
    let mut reader = sets.into_iter().fold(reader, |reader, (name, set)| reader.set(name.as_str(), set));
    if let Some(vnet) = &args.vnet {
        reader = reader.network(vnet.read_document(|bytes| VirtualNetwork::read(bytes))?);
    }
    let table = args.config.read_document(|bytes| reader.read(bytes))?;

    addresses::each(&args.addresses, args.json, answer, &mut |address, _, answer| {
        let found = table.find(address);
        let findings = table.findings(address);
        if !findings.is_empty() {
            answer.worsen(Exit::No);
        }
        let address = Canonical::from(address);
        match args.json {
            true => answer.json(&RouteJson::new(address.as_str(), found.as_ref(), &findings)),
            false => answer.line(format_args!("{address} {}", sentence(found.as_ref(), &findings))),
        }
    })
}

/// `VirtualAppliance 10.200.0.4 by user route api-server (40.0.0.1/32): the next hop 10.200.0.4 is in no subnet`
fn sentence(found: Option<&RouteMatch<'_>>, findings: &[RouteFinding]) -> String {
    let mut parts = Vec::new();
    if let Some(found) = found {
        let route = found.route();
        let hop = next_hop(found).map_or(String::new(), |hop| format!(" {hop}"));
        let name = route.name().map_or(String::new(), |name| format!(" {}", printable(name.as_bytes())));
        let kind = printable(route.next_hop_type().as_str().as_bytes());
        let prefix = Canonical::from(found.prefix());
        parts.push(format!("{kind}{hop} by {} route{name} ({prefix})", route.origin()));
    }
    parts.extend(findings.iter().map(ToString::to_string));
    parts.join(": ")
}

/// The next hop; of effective routes there may be several, which have commas between.
fn next_hop(found: &RouteMatch<'_>) -> Option<String> {
    let hops: Vec<String> = found.route().next_hops().iter().map(|hop| Canonical::from(*hop).to_string()).collect();
    if hops.is_empty() { None } else { Some(hops.join(",")) }
}

#[derive(Serialize)]
struct RouteJson<'a> {
    address: &'a str,
    next_hop_type: Option<&'a str>,
    next_hop: Option<String>,
    route: Option<&'a str>,
    prefix: Option<String>,
    origin: Option<&'static str>,
    findings: Vec<String>,
}

impl<'a> RouteJson<'a> {
    fn new(address: &'a str, found: Option<&RouteMatch<'a>>, findings: &[RouteFinding]) -> Self {
        let route = found.map(RouteMatch::route);
        Self {
            address,
            next_hop_type: route.map(|route| route.next_hop_type().as_str()),
            next_hop: found.and_then(next_hop),
            route: route.and_then(|route| route.name()),
            prefix: found.map(|found| Canonical::from(found.prefix()).to_string()),
            origin: route.map(|route| route.origin().as_str()),
            findings: findings.iter().map(ToString::to_string).collect(),
        }
    }
}
