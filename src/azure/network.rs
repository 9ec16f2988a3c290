//! [`VirtualNetwork`]: an address space, its subnets, and the one that a firewall needs.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::IpAddr;

use ipnet::IpNet;

use super::json::{Node, Wrong, document_error, parse, within};
use crate::range::IpRange;

/// What the subnet of a firewall must be called.
pub const FIREWALL_SUBNET: &str = "AzureFirewallSubnet";

/// The longest IPv4 prefix that the subnet of a firewall may have.
const FIREWALL_LENGTH: u8 = 26;

document_error! {
    /// Why a document gives no [`VirtualNetwork`].
    NetworkError
}

/// A subnet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subnet {
    name: String,
    id: Option<String>,
    prefixes: Vec<IpNet>,
    route_table: Option<String>,
}

impl Subnet {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its resource id.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Its networks, in general one.
    #[must_use]
    pub fn prefixes(&self) -> &[IpNet] {
        &self.prefixes
    }

    /// The resource id of its route table.
    #[must_use]
    pub fn route_table(&self) -> Option<&str> {
        self.route_table.as_deref()
    }

    /// Whether the address is in it.
    #[must_use]
    pub fn contains(&self, addr: impl Into<IpAddr>) -> bool {
        let addr = addr.into();
        self.prefixes.iter().any(|net| IpRange::from(*net).contains(addr))
    }
}

/// Why a firewall cannot be put into a subnet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubnetFault {
    /// No subnet has the name, or it has no network.
    #[error("there is no subnet {FIREWALL_SUBNET} with a network")]
    Missing,
    /// It lies in no range of the address space.
    #[error("{0} lies in no range of the network's address space")]
    Outside(IpNet),
    /// It has addresses of another subnet.
    #[error("{prefix} overlaps subnet {subnet}, {with}")]
    Overlap {
        /// The network that was tried.
        prefix: IpNet,
        /// The name of the other subnet.
        subnet: String,
        /// The other subnet's network.
        with: IpNet,
    },
    /// It is smaller than /26.
    #[error("{0} is too small: /26 or larger")]
    TooSmall(IpNet),
}

/// A virtual network: its address space and its subnets.
///
/// ```
/// use cidrgate::azure::{SubnetFault, VirtualNetwork};
/// let network = VirtualNetwork::read(r#"{
///     "addressSpace": {"addressPrefixes": ["10.0.0.0/8"]},
///     "subnets": [{"name": "nodes", "addressPrefix": "10.240.0.0/16"}]
/// }"#)?;
/// assert_eq!(network.try_firewall_subnet(&["10.200.0.0/16".parse()?]), []);
/// assert_eq!(network.firewall_subnet_faults(), [SubnetFault::Missing]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VirtualNetwork {
    address_space: Vec<IpNet>,
    subnets: Vec<Subnet>,
}

impl VirtualNetwork {
    /// Reads what `az network vnet show -o json` or Resource Manager prints.
    ///
    /// # Errors
    /// If it is no such document, or the network has no address space.
    pub fn read(text: impl AsRef<[u8]>) -> Result<Self, NetworkError> {
        Ok(Self::read_node(&Node::root(&parse(text.as_ref())?))?)
    }

    pub(super) fn read_node(node: &Node<'_>) -> Result<Self, Wrong> {
        let space = node.required("addressSpace")?.required("addressPrefixes")?;
        let address_space = networks(space.items()?)?;
        if address_space.is_empty() {
            return Err(space.wrong("an address space has at least one range"));
        }
        let subnets = node.list("subnets")?.iter().map(subnet).collect::<Result<_, _>>()?;
        Ok(Self { address_space, subnets })
    }

    /// The ranges of its address space, as listed.
    #[must_use]
    pub fn address_space(&self) -> &[IpNet] {
        &self.address_space
    }

    /// Its subnets, as listed.
    #[must_use]
    pub fn subnets(&self) -> &[Subnet] {
        &self.subnets
    }

    /// The first subnet that has the address.
    #[must_use]
    pub fn subnet_of(&self, addr: impl Into<IpAddr>) -> Option<&Subnet> {
        let addr = addr.into();
        self.subnets.iter().find(|subnet| subnet.contains(addr))
    }

    /// The subnet for a firewall, by its name.
    #[must_use]
    pub fn firewall_subnet(&self) -> Option<&Subnet> {
        self.subnets.iter().find(|subnet| subnet.name == FIREWALL_SUBNET)
    }

    /// What keeps a firewall out of this network as it is, after [Deploy and configure Azure Firewall][docs] and the
    /// [FAQ][faq]: a subnet called [`FIREWALL_SUBNET`], in a range of the address space, apart from the others, and
    /// /26 or larger.
    ///
    /// [docs]: https://learn.microsoft.com/azure/firewall/deploy-cli
    /// [faq]: https://learn.microsoft.com/azure/firewall/firewall-faq
    #[must_use]
    pub fn firewall_subnet_faults(&self) -> Vec<SubnetFault> {
        self.try_firewall_subnet(self.firewall_subnet().map_or(&[], Subnet::prefixes))
    }

    /// The same for a subnet of these networks that is still to be made, or to be made anew.
    #[must_use]
    pub fn try_firewall_subnet(&self, prefixes: &[IpNet]) -> Vec<SubnetFault> {
        let mut faults = Vec::new();
        if prefixes.is_empty() {
            faults.push(SubnetFault::Missing);
        }
        for &prefix in prefixes {
            if !self.address_space.iter().any(|range| within(prefix, *range)) {
                faults.push(SubnetFault::Outside(prefix));
            }
            for other in self.subnets.iter().filter(|other| other.name != FIREWALL_SUBNET) {
                let overlaps = |with: &&IpNet| within(prefix, **with) || within(**with, prefix);
                faults.extend(other.prefixes.iter().filter(overlaps).map(|&with| SubnetFault::Overlap {
                    prefix,
                    subnet: other.name.clone(),
                    with,
                }));
            }
            if matches!(prefix, IpNet::V4(net) if net.prefix_len() > FIREWALL_LENGTH) {
                faults.push(SubnetFault::TooSmall(prefix));
            }
        }
        faults
    }
}

fn networks(nodes: Vec<Node<'_>>) -> Result<Vec<IpNet>, Wrong> {
    nodes.iter().map(Node::network).collect()
}

/// `addressPrefix` and `addressPrefixes` may both be there; what they name twice counts once.
fn subnet(node: &Node<'_>) -> Result<Subnet, Wrong> {
    let mut prefixes = networks(node.one_or_more("addressPrefix")?)?;
    for net in networks(node.list("addressPrefixes")?)? {
        if !prefixes.contains(&net) {
            prefixes.push(net);
        }
    }
    let route_table = match node.member("routeTable")? {
        Some(table) => table.text("id")?.map(ToString::to_string),
        None => None,
    };
    Ok(Subnet {
        name: node.required("name")?.string()?.to_string(),
        id: node.text("id")?.map(ToString::to_string),
        prefixes,
        route_table,
    })
}
