//! `aks`: what decides who reaches the API server of an Azure Kubernetes cluster, on the JSON that `az` prints.

mod check;
mod list;

use clap::Subcommand;

use cidrgate::{CidrSet, SetName};

use crate::answer::{Answer, Stop};
use crate::args::NamedList;
use crate::list::read_sets;
use crate::source::Source;

/// Judge the authorized IP ranges, routes and firewall of an Azure Kubernetes cluster
///
/// Works on the JSON that `az ... -o json` and Azure Resource Manager print, and asks nobody.
///
/// LIST is the text of --api-server-authorized-ip-ranges itself, entries with commas between, or `@FILE` that holds it
/// in one line. FILE may be gzipped; `-` is standard input.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Subcommand)]
pub(crate) enum Verb {
    Check(check::Args),
}

impl Verb {
    /// How it is called.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Check(_) => "aks check",
        }
    }
}

pub(crate) fn run(verb: Verb, answer: &mut Answer) -> Result<(), Stop> {
    match verb {
        Verb::Check(args) => check::run(&args, answer),
    }
}

/// Sets for what documents only name: service tags, IP groups.
#[derive(clap::Args)]
struct SetArgs {
    /// Hand over the addresses of a service tag or IP group
    #[arg(long = "set", value_name = "NAME=FILE", value_parser = NamedList::parser())]
    sets: Vec<NamedList>,
}

impl SetArgs {
    fn sources(&self) -> impl Iterator<Item = &Source> {
        self.sets.iter().map(|set| &set.list)
    }

    fn read(&self) -> Result<Vec<(SetName, CidrSet)>, Stop> {
        read_sets(&self.sets, false, false)
    }
}
