//! `aks`: what decides who reaches the API server of an Azure Kubernetes cluster, on the JSON that `az` prints.

mod check;
mod doctor;
mod firewall;
mod list;
mod plan;
mod route;

use clap::Subcommand;

use cidrgate::{CidrSet, SetName};

use crate::answer::{Answer, Stop};
use crate::args::NamedSet;
use crate::list::read_sets;
use crate::source::Source;

/// Judge the authorized IP ranges, routes and firewall of an Azure Kubernetes cluster
///
/// Works on the JSON that `az ... -o json` and Azure Resource Manager print, and asks nobody.
///
/// LIST is the text of --api-server-authorized-ip-ranges itself, entries with commas between, or `@FILE` that holds it
/// in one line. FILE may be gzipped; `-` is standard input.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  cidrgate aks check --ranges 20.42.25.196/32,172.0.0.0/16 172.0.3.4
  cidrgate aks plan --current \"\" --desired 20.42.25.196/32,172.0.0.0/16 --keep 20.42.25.196
  cidrgate aks firewall --config fw.json --flow TCP,10.240.0.4,40.0.0.1:443
  cidrgate aks route --config rt.json --vnet vnet.json 40.0.0.1
  cidrgate aks doctor --cluster cluster.json --desired @ranges.txt --me 172.0.3.4")]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Subcommand)]
pub(crate) enum Verb {
    Check(check::Args),
    Plan(plan::Args),
    Firewall(firewall::Args),
    Route(route::Args),
    Doctor(doctor::Args),
}

impl Verb {
    /// How it is called.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Check(_) => "aks check",
            Self::Plan(_) => "aks plan",
            Self::Firewall(_) => "aks firewall",
            Self::Route(_) => "aks route",
            Self::Doctor(_) => "aks doctor",
        }
    }
}

pub(crate) fn run(verb: &Verb, answer: &mut Answer) -> Result<(), Stop> {
    match verb {
        Verb::Check(args) => check::run(args, answer),
        Verb::Plan(args) => plan::run(args, answer),
        Verb::Firewall(args) => firewall::run(args, answer),
        Verb::Route(args) => route::run(args, answer),
        Verb::Doctor(args) => doctor::run(args, answer),
    }
}

/// Sets for what documents only name: service tags, IP groups.
#[derive(clap::Args)]
struct SetArgs {
    /// Hand over the addresses of a service tag or IP group: a list, or published JSON, of which NAME or TAG is taken
    #[arg(long = "set", value_name = "NAME[:TAG]=FILE", value_parser = NamedSet::parser())]
    sets: Vec<NamedSet>,
    /// Take sets without addresses
    #[arg(long)]
    allow_empty: bool,
}

impl SetArgs {
    fn sources(&self) -> impl Iterator<Item = &Source> {
        self.sets.iter().map(|set| &set.file)
    }

    /// The sets by name, each name once.
    fn read(&self) -> Result<Vec<(SetName, CidrSet)>, Stop> {
        let mut names: Vec<_> = self.sets.iter().map(|set| &set.name).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Stop::Usage(format!("set {} is handed over twice", twice[0])));
        }
        read_sets(&self.sets, false, self.allow_empty)
    }
}
