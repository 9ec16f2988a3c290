//! What decides, in Azure, whether a client reaches the API server of a Kubernetes cluster, evaluated offline on the
//! JSON that `az … -o json` and Azure Resource Manager print.
//!
//! - [`AuthorizedRanges`]: who may connect to the API server.
//! - [`Plan`]: what a change of that list opens and closes, and the command that makes it.
//! - [`Firewall`]: which flows a firewall lets pass.
//! - [`RouteTable`]: where a packet goes next.
//! - [`VirtualNetwork`]: the address space, the subnets, and the one that a firewall needs.
//! - [`Doctor`]: all of this together: would anyone be locked out?
//!
//! Nothing here talks to the network. Both forms of a document are read: Resource Manager puts a resource's members
//! under `properties`, `az` beside its name. Names of members are taken in any case (`privateIPAddress`,
//! `privateIpAddress`), null is as good as missing, and members that are not known are ignored. A member given twice is
//! an error, and a value of the wrong type one that names its path, such as
//! `networkRuleCollections[0].rules[1].destinationPorts`.

mod doctor;
mod firewall;
mod json;
mod network;
mod plan;
mod ranges;
mod routes;

pub use doctor::{Doctor, DoctorError, Document, Status, Step};
pub use firewall::{
    Answer, Firewall, FirewallError, FirewallReader, FirewallRule, Flow, FlowError, Protocol, Sources, Verdict,
};
pub use network::{FIREWALL_SUBNET, NetworkError, Subnet, SubnetFault, VirtualNetwork};
pub use plan::{Plan, PlanWarning, Planner, Refusal, Respelled};
pub use ranges::{
    AuthorizedRanges, Era, EraError, LIMIT, LIMIT_VNET_INTEGRATION, LimitError, RangeEntry, RangeWarning, RangesError,
    RangesFault, RangesReader,
};
pub use routes::{NextHopType, Origin, Route, RouteFinding, RouteMatch, RouteTable, RouteTableError, RouteTableReader};
