//! Route tables and networks: each rule, and random tables against a scan of all routes.
#![cfg(feature = "azure")]

use std::net::{IpAddr, Ipv4Addr};

use cidrgate::CidrSet;
use cidrgate::azure::{NextHopType, Origin, RouteFinding, RouteTable, RouteTableReader, SubnetFault, VirtualNetwork};

fn set(text: &str) -> CidrSet {
    text.replace(' ', "\n").parse().unwrap()
}

fn network(space: &str) -> VirtualNetwork {
    VirtualNetwork::read(format!(r#"{{"addressSpace":{{"addressPrefixes":["{space}"]}}}}"#)).unwrap()
}

/// The name or type of the route of an address, and the prefix.
fn way(table: &RouteTable, addr: &str) -> String {
    table.find(addr.parse::<IpAddr>().unwrap()).map_or("-".into(), |found| {
        let name = found.route().name().unwrap_or(found.route().next_hop_type().as_str());
        format!("{name} {} {}", found.prefix(), found.route().origin())
    })
}

#[test]
fn the_route_of_the_article() {
    let text = r#"{"name":"t","properties":{"routes":[{"name":"api","properties":{
        "addressPrefix":"40.0.0.1/32","nextHopType":"VirtualAppliance","nextHopIPAddress":"10.200.0.4"}}]}}"#;
    let table = RouteTable::read(text).unwrap();
    let found = table.find(Ipv4Addr::new(40, 0, 0, 1)).unwrap();
    assert_eq!(found.route().next_hop_type(), &NextHopType::VirtualAppliance);
    assert_eq!(found.route().next_hops(), [IpAddr::from([10, 200, 0, 4])]);
    assert_eq!(way(&table, "40.0.0.1"), "api 40.0.0.1/32 user");
    assert_eq!(way(&table, "::ffff:40.0.0.1"), "api 40.0.0.1/32 user");
    assert_eq!(way(&table, "40.0.0.2"), "Internet 0.0.0.0/0 system");
    assert_eq!(way(&table, "2001:db8::1"), "-");
}

#[test]
fn system_routes() {
    let read = |space: &str| RouteTableReader::new().network(network(space)).read(r#"{"routes":[]}"#).unwrap();
    let plain = RouteTable::read(r#"{"routes":[]}"#).unwrap();
    for addr in ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1"] {
        assert!(way(&plain, addr).starts_with("None "), "{addr}");
    }
    assert_eq!(way(&plain, "172.32.0.0"), "Internet 0.0.0.0/0 system");
    // A range within keeps it, an equal or a larger one displaces it.
    let small = read("10.0.0.0/16");
    assert_eq!(way(&small, "10.0.1.1"), "VnetLocal 10.0.0.0/16 system");
    assert_eq!(way(&small, "10.1.0.1"), "None 10.0.0.0/8 system");
    assert_eq!(way(&read("10.0.0.0/8"), "10.1.0.1"), "VnetLocal 10.0.0.0/8 system");
    assert_eq!(way(&read("10.0.0.0/7"), "10.1.0.1"), "VnetLocal 10.0.0.0/7 system");
    assert_eq!(way(&read("10.0.0.0/7"), "192.168.1.1"), "None 192.168.0.0/16 system");
}

#[test]
fn effective_routes() {
    let table = RouteTable::read(
        r#"{"nextLink":null,"value":[
        {"name":null,"source":"Default","state":"Active","addressPrefix":["10.0.0.0/8"],"nextHopType":"VnetLocal","nextHopIpAddress":[]},
        {"source":"Default","state":"Invalid","addressPrefix":["0.0.0.0/0"],"nextHopType":"Internet"},
        {"name":"u","source":"User","state":"Active","addressPrefix":["0.0.0.0/0","10.1.0.0/16"],"nextHopType":"VirtualAppliance","nextHopIpAddress":["10.9.0.4"]},
        {"name":"g24","source":"VirtualNetworkGateway","state":"Active","addressPrefix":["10.1.2.0/24","10.2.0.0/16","20.0.0.0/8"],"nextHopType":"VirtualNetworkGateway","nextHopIpAddress":[""]},
        {"name":"odd","source":"User","state":"Active","addressPrefix":["30.0.0.0/8"],"nextHopType":"Wormhole"}]}"#,
    )
    .unwrap();
    assert_eq!(way(&table, "8.8.8.8"), "u 0.0.0.0/0 user");
    assert_eq!(way(&table, "20.1.1.1"), "g24 20.0.0.0/8 bgp");
    // The network's own route is preferred to longer ones of a gateway, not to those of the user.
    assert_eq!(way(&table, "10.2.0.1"), "VnetLocal 10.0.0.0/8 system");
    assert_eq!(way(&table, "10.1.2.1"), "u 10.1.0.0/16 user");
    let odd = table.find(Ipv4Addr::new(30, 0, 0, 1)).unwrap();
    assert_eq!(odd.route().next_hop_type().to_string(), "Wormhole");
    assert_eq!(table.routes().len(), 4);
}

#[test]
fn service_tags() {
    let text = r#"{"routes":[{"name":"tag","addressPrefix":"Storage.westeurope","nextHopType":"Internet"},
        {"name":"net","addressPrefix":"20.0.0.0/16","nextHopType":"None"}]}"#;
    let table = RouteTableReader::new().set("Storage.westeurope", set("20.0.0.0/16 21.0.0.0/8")).read(text).unwrap();
    assert_eq!(way(&table, "20.0.1.1"), "net 20.0.0.0/16 user");
    assert_eq!(way(&table, "21.0.1.1"), "tag 21.0.0.0/8 user");
    let error = RouteTable::read(text).unwrap_err();
    assert_eq!(error.path(), "routes[0].addressPrefix");
    assert!(error.reason().contains("Storage.westeurope"));
}

#[test]
fn findings() {
    let vnet = VirtualNetwork::read(
        r#"{"addressSpace":{"addressPrefixes":["10.0.0.0/8"]},"subnets":[{"name":"a","addressPrefix":"10.9.0.0/24"}]}"#,
    )
    .unwrap();
    let text = r#"{"routes":[
        {"name":"in","addressPrefix":"20.0.0.0/8","nextHopType":"VirtualAppliance","nextHopIpAddress":"10.9.0.4"},
        {"name":"out","addressPrefix":"21.0.0.0/8","nextHopType":"VirtualAppliance","nextHopIpAddress":"10.8.0.4"},
        {"name":"none","addressPrefix":"22.0.0.0/8","nextHopType":"VirtualAppliance","nextHopIpAddress":null}]}"#;
    let table = RouteTableReader::new().network(vnet).read(text).unwrap();
    let of = |addr: &str| table.findings(addr.parse::<IpAddr>().unwrap());
    assert_eq!(of("20.0.0.1"), []);
    assert_eq!(of("21.0.0.1"), [RouteFinding::NextHopOutside(IpAddr::from([10, 8, 0, 4]))]);
    assert_eq!(of("22.0.0.1"), [RouteFinding::NoNextHop]);
    assert_eq!(of("192.168.0.1"), [RouteFinding::Blackhole]);
    assert_eq!(of("::1"), [RouteFinding::NoRoute]);
    assert_eq!(of("8.8.8.8"), []);
    let alone = RouteTable::read(text).unwrap();
    assert_eq!(alone.findings(Ipv4Addr::new(21, 0, 0, 1)), []);
}

#[test]
fn wrong_tables_name_the_path() {
    for (text, path) in [
        ("{}", "routes"),
        (r#"{"routes":{}}"#, "routes"),
        (r#"{"routes":[7]}"#, "routes[0]"),
        (r#"{"routes":[{"nextHopType":"None"}]}"#, "routes[0].addressPrefix"),
        (r#"{"routes":[{"addressPrefix":"1.0.0.1/8","nextHopType":"None"}]}"#, "routes[0].addressPrefix"),
        (r#"{"routes":[{"addressPrefix":"1.0.0.0/8","nextHopType":5}]}"#, "routes[0].nextHopType"),
        (
            r#"{"routes":[{"addressPrefix":"1.0.0.0/8","nextHopType":"None","nextHopIpAddress":"x"}]}"#,
            "routes[0].nextHopIpAddress",
        ),
        (
            r#"{"properties":{"routes":[{"properties":{"addressPrefix":["1.0.0.0/8"]}}]}}"#,
            "properties.routes[0].properties.addressPrefix",
        ),
        (
            r#"{"value":[{"state":"Active","source":"Elsewhere","addressPrefix":[],"nextHopType":"None"}]}"#,
            "value[0].source",
        ),
        (r#"{"value":[{"source":"User"}]}"#, "value[0].state"),
    ] {
        assert_eq!(RouteTable::read(text).unwrap_err().path(), path, "{text}");
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % bound
    }
}

/// A route by which the scan judges: first address and length within the last six bits, origin, preferred.
type Toy = (u32, u32, Origin, bool);

/// The winner by the words of the rule, over all routes.
fn scan(routes: &[Toy], at: u32) -> Option<usize> {
    let has = |&(first, len, ..): &Toy| len == 0 || at >> (6 - len) == first >> (6 - len);
    let own = routes.iter().any(|route| has(route) && route.3);
    let mut best: Option<usize> = None;
    for (index, route) in routes.iter().enumerate() {
        if !has(route) || own && route.2 == Origin::Bgp {
            continue;
        }
        let beats = |other: &Toy| {
            route.1 > other.1
                || route.1 == other.1
                    && matches!(
                        (route.2, other.2),
                        (Origin::User, Origin::Bgp | Origin::System) | (Origin::Bgp, Origin::System)
                    )
        };
        if best.is_none_or(|best| beats(&routes[best])) {
            best = Some(index);
        }
    }
    best
}

#[test]
fn random_tables_against_a_scan() {
    let mut random = Random(5);
    for round in 0..2000 {
        let mut toys: Vec<Toy> = Vec::new();
        let mut items = Vec::new();
        for index in 0..random.below(14) {
            let len = random.below(7) as u32;
            let first = (random.below(64) as u32) >> (6 - len) << (6 - len);
            let (source, origin) =
                [("User", Origin::User), ("VirtualNetworkGateway", Origin::Bgp), ("Default", Origin::System)]
                    [random.below(3) as usize];
            let (hop, special) = [
                ("VnetLocal", true),
                ("VNetPeering", true),
                ("VirtualNetworkServiceEndpoint", true),
                ("Internet", false),
                ("None", false),
                ("VirtualNetworkGateway", false),
            ][random.below(6) as usize];
            let active = random.below(5) > 0;
            let prefix = format!("20.0.0.{first}/{}", 26 + len);
            items.push(format!(
                r#"{{"name":"{index}","source":"{source}","state":"{}","addressPrefix":["{prefix}"],"nextHopType":"{hop}"}}"#,
                if active { "Active" } else { "Invalid" }
            ));
            if active {
                toys.push((first, len, origin, special && origin == Origin::System));
            }
        }
        let table = RouteTable::read(format!(r#"{{"value":[{}]}}"#, items.join(","))).unwrap();
        for at in 0..64 {
            let found = table.find(Ipv4Addr::new(20, 0, 0, at as u8));
            let want = scan(&toys, at);
            assert_eq!(found.map(|found| found.route()), want.map(|want| &table.routes()[want]), "round {round}, {at}");
            if let (Some(found), Some(want)) = (found, want) {
                assert_eq!(found.prefix().to_string(), format!("20.0.0.{}/{}", toys[want].0, 26 + toys[want].1));
            }
        }
        for outside in [[20, 0, 0, 64], [19, 255, 255, 255]] {
            assert!(table.find(Ipv4Addr::from(outside)).is_none());
        }
    }
}

#[test]
fn the_subnet_of_a_firewall() {
    let vnet = |space: &str, subnets: &str| {
        VirtualNetwork::read(format!(
            r#"{{"properties":{{"addressSpace":{{"addressPrefixes":[{space}]}},"subnets":[{subnets}]}}}}"#
        ))
        .unwrap()
    };
    let nodes =
        r#"{"name":"nodes","id":"/s/nodes","properties":{"addressPrefix":"10.240.0.0/16","routeTable":{"id":"/t"}}}"#;
    let fire = |prefix: &str| {
        format!(r#"{nodes},{{"name":"AzureFirewallSubnet","addressPrefixes":["{prefix}"],"addressPrefix":"{prefix}"}}"#)
    };
    let faults = |space: &str, prefix: &str| vnet(space, &fire(prefix)).firewall_subnet_faults();
    let article = "10.200.0.0/16".parse().unwrap();

    let good = vnet(r#""10.0.0.0/8""#, &fire("10.200.0.0/26"));
    assert_eq!(good.firewall_subnet_faults(), []);
    assert_eq!(good.try_firewall_subnet(&[article]), []);
    assert_eq!(good.firewall_subnet().unwrap().prefixes().len(), 1);
    assert_eq!(good.subnets()[0].route_table(), Some("/t"));
    assert_eq!(good.subnets()[0].id(), Some("/s/nodes"));
    assert_eq!(good.subnet_of(Ipv4Addr::new(10, 240, 1, 1)).unwrap().name(), "nodes");

    let small = vnet(r#""10.240.0.0/12""#, nodes);
    assert_eq!(small.firewall_subnet_faults(), [SubnetFault::Missing]);
    assert_eq!(small.try_firewall_subnet(&[article]), [SubnetFault::Outside(article)]);

    let prefix = "10.1.0.0/27".parse().unwrap();
    assert_eq!(faults(r#""10.0.0.0/8""#, "10.1.0.0/27"), [SubnetFault::TooSmall(prefix)]);
    for inside in ["10.240.1.0/24", "10.240.0.0/16", "10.0.0.0/8"] {
        let with = "10.240.0.0/16".parse().unwrap();
        let want = SubnetFault::Overlap { prefix: inside.parse().unwrap(), subnet: "nodes".into(), with };
        assert_eq!(faults(r#""10.0.0.0/8""#, inside), [want]);
    }
    // Two ranges side by side are two.
    let across = "10.0.0.0/15".parse().unwrap();
    assert_eq!(faults(r#""10.0.0.0/16","10.1.0.0/16""#, "10.0.0.0/15"), [SubnetFault::Outside(across)]);

    for (text, path) in [
        ("{}", "addressSpace"),
        (r#"{"addressSpace":{}}"#, "addressSpace.addressPrefixes"),
        (r#"{"addressSpace":{"addressPrefixes":[]}}"#, "addressSpace.addressPrefixes"),
        (r#"{"addressSpace":{"addressPrefixes":[1]}}"#, "addressSpace.addressPrefixes[0]"),
        (r#"{"addressSpace":{"addressPrefixes":["10.0.0.0/8"]},"subnets":[{}]}"#, "subnets[0].name"),
        (
            r#"{"addressSpace":{"addressPrefixes":["10.0.0.0/8"]},"subnets":[{"name":"a","addressPrefix":"10.0.0.1/8"}]}"#,
            "subnets[0].addressPrefix",
        ),
    ] {
        assert_eq!(VirtualNetwork::read(text).unwrap_err().path(), path, "{text}");
    }
}
