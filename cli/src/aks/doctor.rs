//! `aks doctor`: would anyone be locked out?

use std::convert::Infallible;
use std::ffi::OsString;

use cidrgate::azure::{Doctor, DoctorError, Document, Era, Status, Step};
use cidrgate::text;
use serde::Serialize;

use super::SetArgs;
use super::list::ListArg;
use crate::answer::{Answer, Stop};
use crate::diagnose::{Text, tell};
use crate::exit::Exit;
use crate::source::{Source, stdin_once};

/// Walk the way from a cluster's nodes to its API server, and say at each step who is locked out
///
/// 1 the command line, its extension and the feature; 2 the cluster; 3 the nodes' route to the firewall; 4 the
/// firewall's rules, for every address of the nodes' subnets; 5 every public address that the traffic may leave from,
/// and --me, in the desired list; 6 that list, and what it changes; 7 what keeps a cluster from using the feature.
///
/// A step without its files is not checked; what the files that are there leave open fails. Without --desired the list
/// that the cluster has decides who is locked out.
///
/// Exit code: 0 nobody is locked out as far as the files tell, 1 a step failed, 2 a file could not be read.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  cidrgate aks doctor --cluster cluster.json --vnet vnet.json --routes routes.json \\
      --firewall firewall.json --public-ip public-ip.json --endpoints endpoints.json \\
      --features features.json --versions versions.json \\
      --desired 20.42.25.196/32,168.10.0.0/18 --me 168.10.0.7

Where the files come from, with -o json each:
  cluster.json    az aks show                       public-ip.json  az network public-ip list
  vnet.json       az network vnet show              endpoints.json  kubectl get endpoints
  routes.json     az network route-table show       features.json   az feature list
  firewall.json   az network firewall show          versions.json   az version")]
pub(crate) struct Args {
    /// The cluster
    #[arg(long, value_name = "FILE")]
    cluster: Source,
    /// Whose rules count: `2019` needs the preview's extension and feature, `current` does not
    #[arg(long, value_name = "2019|current", default_value = "2019")]
    era: Era,
    /// What the service adds by itself: the API server's address, the load balancer's outbound ones
    #[arg(long, value_name = "LIST", value_parser = ListArg::parser())]
    own: Option<ListArg>,
    /// The network of the cluster's nodes
    #[arg(long, value_name = "FILE")]
    vnet: Option<Source>,
    /// The route table of the nodes' subnet, or a list of tables, or the effective routes of a node
    #[arg(long, value_name = "FILE")]
    routes: Option<Source>,
    /// The firewall
    #[arg(long, value_name = "FILE")]
    firewall: Option<Source>,
    /// The rule collection groups of the firewall's policy, if it has one
    #[arg(long, value_name = "FILE")]
    firewall_policy: Option<Source>,
    /// The public addresses of the firewall, one or a list; prefixes may be among them
    #[arg(long, value_name = "FILE")]
    public_ip: Option<Source>,
    /// The cluster's endpoints, of which `kubernetes` is the API server
    #[arg(long, value_name = "FILE")]
    endpoints: Option<Source>,
    /// The features of the subscription
    #[arg(long, value_name = "FILE")]
    features: Option<Source>,
    /// The versions of the command line and its extensions
    #[arg(long, value_name = "FILE")]
    versions: Option<Source>,
    /// The list that is to be set
    #[arg(long, value_name = "LIST", value_parser = ListArg::parser())]
    desired: Option<ListArg>,
    /// Your address
    #[arg(long, value_name = "ADDR")]
    me: Option<OsString>,
    #[command(flatten)]
    sets: SetArgs,
    /// Print JSON, one object a line
    #[arg(long)]
    json: bool,
}

impl Args {
    /// The files that are given, the cluster first.
    fn files(&self) -> impl Iterator<Item = (Document, &Source)> {
        [
            (Document::Cluster, Some(&self.cluster)),
            (Document::Vnet, self.vnet.as_ref()),
            (Document::Routes, self.routes.as_ref()),
            (Document::Firewall, self.firewall.as_ref()),
            (Document::FirewallPolicy, self.firewall_policy.as_ref()),
            (Document::PublicIp, self.public_ip.as_ref()),
            (Document::Endpoints, self.endpoints.as_ref()),
            (Document::Features, self.features.as_ref()),
            (Document::Versions, self.versions.as_ref()),
        ]
        .into_iter()
        .filter_map(|(document, source)| Some((document, source?)))
    }

    /// Says why a document cannot be read, by the name of its file.
    fn told(&self, error: &DoctorError) -> Stop {
        let file = self.files().find(|(document, _)| *document == error.document());
        let path = if error.path().is_empty() { String::new() } else { format!("{}: ", error.path()) };
        match file {
            Some((_, source)) => tell(format_args!("{source}: {path}{}", error.reason())),
            None => tell(error),
        }
        Stop::Told
    }
}

pub(crate) fn run(args: &Args, answer: &mut Answer) -> Result<(), Stop> {
    let lists = [args.own.as_ref(), args.desired.as_ref()].into_iter().flatten();
    let files = args.files().map(|(_, source)| source);
    stdin_once(files.chain(lists.filter_map(ListArg::source)).chain(args.sets.sources()))?;

    let bytes = |source: &Source| source.read_document(|bytes| Ok::<_, Infallible>(bytes.to_vec()));
    let mut doctor = Doctor::new(bytes(&args.cluster)?).era(args.era);
    for (document, source) in args.files().skip(1) {
        doctor = doctor.document(document, bytes(source)?);
    }
    for (name, set) in args.sets.read()? {
        doctor = doctor.set(name.as_str(), set);
    }
    if let Some(own) = &args.own {
        doctor = doctor.own(own.addresses("--own")?);
    }
    if let Some(desired) = &args.desired {
        doctor = doctor.desired(desired.text()?);
    }
    if let Some(me) = &args.me {
        let me = me.as_encoded_bytes();
        let addr = text::addr(me).map_err(|error| {
            Text { name: &"--me", bytes: me }.in_line(1, error.offset(), &error);
            Stop::Told
        })?;
        doctor = doctor.me(addr);
    }

    let steps = doctor.examine().map_err(|error| args.told(&error))?;
    for step in &steps {
        if step.status() == Status::Fail {
            answer.worsen(Exit::No);
        }
        if args.json {
            answer.json(&StepJson::new(step))?;
            continue;
        }
        answer.line(format_args!("{} {}: {}", step.number(), step.name(), step.status()))?;
        for evidence in step.evidence() {
            answer.line(format_args!("    {evidence}"))?;
        }
    }
    Ok(())
}

#[derive(Serialize)]
struct StepJson<'a> {
    step: u8,
    name: &'a str,
    status: &'a str,
    evidence: Vec<&'a str>,
}

impl<'a> StepJson<'a> {
    fn new(step: &'a Step) -> Self {
        Self {
            step: step.number(),
            name: step.name(),
            status: step.status().as_str(),
            evidence: step.evidence().collect(),
        }
    }
}
