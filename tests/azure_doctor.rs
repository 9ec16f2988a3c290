//! The doctor: the cluster of the article healthy, broken once at each step, and each rule of each step.
#![cfg(feature = "azure")]

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use cidrgate::azure::{Doctor, DoctorError, Document, Era, Status, Step};
use cidrgate::{CidrSet, MAX_DOCUMENT};

const ARTICLE: &str = "20.42.25.196/32,172.0.0.10/16,168.10.0.10/18";
const ALL: [Document; 8] = [
    Document::Cluster,
    Document::Vnet,
    Document::Routes,
    Document::Firewall,
    Document::PublicIp,
    Document::Endpoints,
    Document::Features,
    Document::Versions,
];

fn set(text: &str) -> CidrSet {
    text.replace(' ', "\n").parse().unwrap()
}

fn file(name: &str) -> String {
    std::fs::read_to_string(format!("{}/examples/aks/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// The documents of an examination, to be changed before it is made.
#[derive(Clone)]
struct Case {
    documents: BTreeMap<Document, String>,
    desired: Option<String>,
    me: Option<IpAddr>,
    own: CidrSet,
    era: Era,
}

/// All that the article made, with its list.
fn healthy() -> Case {
    // On one line, the lists with a star.
    let text =
        |one: Document| file(&format!("{one}.json")).split("\"*\"").map(str::trim).collect::<Vec<_>>().join("\"*\"");
    Case {
        documents: ALL.into_iter().map(|one| (one, text(one))).collect(),
        desired: Some(ARTICLE.into()),
        me: Some([168, 10, 0, 7].into()),
        own: CidrSet::new(),
        era: Era::Preview2019,
    }
}

impl Case {
    fn with(mut self, document: Document, text: impl Into<String>) -> Self {
        self.documents.insert(document, text.into());
        self
    }

    fn without(mut self, documents: &[Document]) -> Self {
        self.documents.retain(|known, _| !documents.contains(known));
        self
    }

    /// Replaces what must be there.
    fn replace(mut self, document: Document, from: &str, to: &str) -> Self {
        let text = self.documents.get_mut(&document).unwrap();
        assert!(text.contains(from), "{from}");
        *text = text.replace(from, to);
        self
    }

    fn desired(mut self, list: &str) -> Self {
        self.desired = Some(list.into());
        self
    }

    fn doctor(&self) -> Doctor {
        let mut doctor = Doctor::new(self.documents[&Document::Cluster].as_bytes()).era(self.era).own(self.own.clone());
        for (document, text) in &self.documents {
            doctor = doctor.document(*document, text.as_bytes());
        }
        if let Some(list) = &self.desired {
            doctor = doctor.desired(list);
        }
        match self.me {
            Some(me) => doctor.me(me),
            None => doctor,
        }
    }

    fn examine(&self) -> [Step; 7] {
        self.doctor().examine().unwrap()
    }

    fn error(&self) -> DoctorError {
        self.doctor().examine().unwrap_err()
    }

    /// The status of each step, as a letter.
    fn letters(&self) -> String {
        let letter = |step: &Step| match step.status() {
            Status::Pass => 'p',
            Status::Fail => 'F',
            Status::NotChecked => '-',
        };
        self.examine().iter().map(letter).collect()
    }

    fn evidence(&self, number: usize) -> String {
        self.examine()[number - 1].evidence().map(|line| format!("{line}\n")).collect()
    }

    /// That the steps end so, and that the first evidence of one has all of this.
    fn says(&self, letters: &str, number: usize, parts: &[&str]) {
        let evidence = self.evidence(number);
        assert_eq!(self.letters(), letters, "{evidence}");
        let first = evidence.lines().next().unwrap_or_default();
        for part in parts {
            assert!(first.contains(part), "{part} in {evidence}");
        }
    }
}

#[test]
fn the_healthy_cluster_passes_every_step() {
    let case = healthy();
    assert_eq!(case.letters(), "ppppppp");
    let steps = case.examine();
    for (index, step) in steps.iter().enumerate() {
        assert_eq!(usize::from(step.number()), index + 1);
        assert!(!step.name().is_empty() && step.evidence().count() > 0);
    }
    for (number, said) in [
        (1, "azure-cli 2.0.64"),
        (1, "aks-preview 0.4.1"),
        (1, "APIServerSecurityPreview is Registered"),
        (2, "myAKSCluster is Succeeded"),
        (
            3,
            "aks-agentpool-12345678-routetable: 40.0.0.1 goes to VirtualAppliance 10.200.0.4 by route AzureFirewallAPIServer",
        ),
        (3, "AzureFirewallSubnet 10.200.0.0/16 fits the network's address space, 10.0.0.0/8"),
        (
            4,
            "subnet aks-subnet, 10.240.0.0/16 (65536 addresses) to 40.0.0.1:443: TCP is allowed by myAzureFirewallCollection/AllowTCPOutbound",
        ),
        (5, "20.42.25.196 (myAzureFirewallPublicIP) is in the desired list, by 20.42.25.196/32"),
        (5, "168.10.0.7 (you) is in the desired list, by 168.10.0.10/18"),
        (6, "3 entries of at most 200"),
        (6, "opens nobody"),
        (6, "168.10.0.10/18 is read as 168.10.0.0/18"),
        (6, "two minutes"),
        (7, "not private"),
        (7, "RBAC"),
        (7, "Dev Spaces"),
        (7, "not checked for lack of dates"),
    ] {
        assert!(case.evidence(number).contains(said), "{number}: {said}\n{}", case.evidence(number));
    }
}

#[test]
fn each_broken_file_fails_at_its_step() {
    use Document::{Cluster, Features, Firewall, Routes};
    for (document, name, letters, step, said) in [
        (Features, "1-feature-registering", "Fpppppp", 1, "APIServerSecurityPreview is Registering: wait"),
        (Cluster, "2-cluster-creating", "pFppppp", 2, "myAKSCluster is Creating"),
        (
            Routes,
            "3-no-route",
            "ppFpppp",
            3,
            "40.0.0.1 goes to Internet by the system route 0.0.0.0/0, not to myAzureFirewall 10.200.0.4: add a route for 40.0.0.1/32",
        ),
        (
            Firewall,
            "4-half-the-subnet",
            "pppFppp",
            4,
            "10.240.128.0/17 (32768 addresses) to 40.0.0.1:443: TCP matches no rule",
        ),
        (
            Firewall,
            "5-second-address",
            "ppppFpp",
            5,
            "20.42.25.201 (myAzureFirewallPublicIP2) is not in the desired list: add 20.42.25.201/32",
        ),
        (Cluster, "7-private-cluster", "ppppppF", 7, "the cluster is private"),
    ] {
        healthy().with(document, file(&format!("broken/{name}.json"))).says(letters, step, &[said]);
    }
    let list = file("broken/6-malformed-list.txt");
    let case = healthy().desired(list.trim_end());
    case.says("pppp-Fp", 6, &["entry 2: ", "168.10.0.10/180"]);
    case.says("pppp-Fp", 5, &["see step 6"]);
}

#[test]
fn resource_manager_says_the_same() {
    let mut case = healthy();
    for one in [Document::Cluster, Document::Vnet, Document::Routes, Document::Firewall, Document::PublicIp] {
        case = case.with(one, file(&format!("arm/{one}.json")));
    }
    let (az, arm) = (healthy().examine(), case.examine());
    for (az, arm) in az.iter().zip(&arm) {
        assert_eq!(az, arm);
    }
}

#[test]
fn a_missing_file_leaves_its_steps_unchecked() {
    for (missing, letters) in [
        (Document::Vnet, "pp--ppp"),
        (Document::Routes, "pp-pppp"),
        (Document::Firewall, "pp---pp"),
        (Document::PublicIp, "pppp-pp"),
        (Document::Endpoints, "pp--ppp"),
        (Document::Features, "-pppppp"),
        (Document::Versions, "-pppppp"),
    ] {
        let case = healthy().without(&[missing]);
        assert_eq!(case.letters(), letters, "{missing}");
        let number = letters.find('-').unwrap() + 1;
        assert!(case.evidence(number).contains(&format!("no {missing} document")), "{}", case.evidence(number));
    }
    let mut alone = healthy().without(&ALL[1..]);
    alone.me = None;
    alone.desired = None;
    assert_eq!(alone.letters(), "-p----p");
    // What can be seen without it fails all the same.
    healthy().without(&[Document::Features]).replace(Document::Versions, "2.0.64", "2.0.60").says(
        "Fpppppp",
        1,
        &["2.0.60"],
    );
    let mut case = healthy().without(&[Document::PublicIp]);
    case.me = Some([9, 9, 9, 9].into());
    case.says("ppppFpp", 5, &["9.9.9.9 (you) is not in the desired list", "you are locked out"]);
}

#[test]
fn versions_are_compared_as_numbers() {
    for (cli, preview, letters) in [
        ("2.0.61", "0.4.1", "p"),
        ("2.0.60", "0.4.1", "F"),
        ("2.0.100", "0.4.10", "p"),
        ("2.1", "1", "p"),
        ("2", "0.4.1", "F"),
        ("2.0.61", "0.4.0", "F"),
        ("2.0.61", "0.4.1b1", "F"),
        ("2.0.61", "0.5.0b1", "p"),
        ("2.0.61.post1", "0.4.1+x", "p"),
        ("2.0.61rc1", "0.4.1", "F"),
        ("10.0", "0.4.1", "p"),
    ] {
        let text = format!(r#"{{"azure-cli":"{cli}","extensions":{{"aks-preview":"{preview}"}}}}"#);
        let case = healthy().with(Document::Versions, text);
        assert_eq!(&case.letters()[..1], letters, "{cli} {preview}: {}", case.evidence(1));
    }
    let none = healthy().with(Document::Versions, r#"{"azure-cli":"2.0.61","extensions":{}}"#);
    none.says("Fpppppp", 1, &["az extension add --name aks-preview"]);
    // Today the extension and the feature are gone.
    let mut none = none.without(&[Document::Features]);
    none.era = Era::Current;
    none.desired = Some("20.42.25.196,168.10.0.0/18".into());
    assert_eq!(none.letters(), "ppppppp");
    assert!(!none.evidence(7).contains("dates"));
    for (text, path) in [
        (r#"{"azure-cli":"latest"}"#, "azure-cli"),
        (r#"{"azure-cli":2.0}"#, "azure-cli"),
        (r#"{"azure-cli":"2.0.61","extensions":{"aks-preview":""}}"#, "extensions.aks-preview"),
        (r#"{"azure-cli":"99999999999999999999"}"#, "azure-cli"),
        (r#"{"extensions":{}}"#, "azure-cli"),
        ("[]", ""),
    ] {
        let error = healthy().with(Document::Versions, text).error();
        assert_eq!((error.document(), error.path()), (Document::Versions, path), "{text}");
    }
}

#[test]
fn the_states_of_the_feature() {
    let name = "Microsoft.ContainerService/APIServerSecurityPreview";
    for (state, letter, said) in [
        ("Registered", "p", "is Registered"),
        ("registered", "p", "is registered"),
        ("Registering", "F", "az provider register --namespace Microsoft.ContainerService"),
        ("Pending", "F", "wait"),
        ("NotRegistered", "F", "az feature register --name APIServerSecurityPreview"),
        ("Unregistered", "F", "az feature register"),
    ] {
        // As az lists it, as it shows one, as Resource Manager pages it, and as the article's query has it.
        for text in [
            format!(
                r#"[{{"name":"Other","properties":{{"state":"Registered"}}}},{{"name":"{name}","properties":{{"state":"{state}"}}}}]"#
            ),
            format!(r#"{{"name":"{name}","properties":{{"state":"{state}"}}}}"#),
            format!(r#"{{"value":[{{"name":"{name}","properties":{{"state":"{state}"}}}}]}}"#),
            format!(r#"[{{"Name":"{name}","State":"{state}"}}]"#),
        ] {
            let case = healthy().with(Document::Features, text);
            assert_eq!(&case.letters()[..1], letter, "{state}");
            assert!(case.evidence(1).contains(said), "{}", case.evidence(1));
        }
    }
    healthy().with(Document::Features, "[]").says("Fpppppp", 1, &["not among the features", "az feature register"]);
}

#[test]
fn the_state_of_the_cluster() {
    for (state, letter) in
        [("Succeeded", "p"), ("Updating", "p"), ("Failed", "p"), ("creating", "F"), ("Deleting", "F")]
    {
        let case = healthy().replace(Document::Cluster, "\"Succeeded\"", &format!("\"{state}\""));
        assert_eq!(&case.letters()[1..2], letter, "{state}");
    }
    healthy().replace(Document::Cluster, "\"Succeeded\"", "null").says("p-ppppp", 2, &["provisioningState"]);
    // A file of another kind is no cluster without a list.
    let vnet = file("vnet.json");
    for text in ["", "{}", "[]", "null", r#"{"routes":[]}"#, &vnet] {
        assert_eq!(healthy().with(Document::Cluster, text).error().document(), Document::Cluster);
    }
}

/// Another table may well have the right route.
#[test]
fn only_the_subnets_own_table_counts() {
    let id = "routeTables/aks-agentpool-12345678-routetable\"";
    let other = "routeTables/other\"";
    healthy().replace(Document::Vnet, id, other).says(
        "ppFpppp",
        3,
        &["subnet aks-subnet uses the route table", "routeTables/other", "says nothing about it"],
    );
    // Ids differ in case between documents.
    let case = healthy().replace(Document::Vnet, id, "ROUTETABLES/AKS-agentpool-12345678-routetable\"");
    assert_eq!(case.letters(), "ppppppp");

    let mut vnet: serde_json::Value = serde_json::from_str(&file("vnet.json")).unwrap();
    vnet["subnets"][0]["routeTable"] = serde_json::Value::Null;
    healthy().with(Document::Vnet, vnet.to_string()).says("ppFpppp", 3, &["subnet aks-subnet has no route table"]);

    // Of several tables the right one is found, as az lists them and as Resource Manager does.
    let own = file("routes.json");
    let wrong = file("broken/3-no-route.json").replace(id, other);
    for (tables, letter) in [([&wrong, &own], "p"), ([&own, &wrong], "p"), ([&wrong, &wrong], "F")] {
        let list = format!("[{},{}]", tables[0], tables[1]);
        for text in [format!(r#"{{"value":{list}}}"#), list] {
            assert_eq!(&healthy().with(Document::Routes, text).letters()[2..3], letter);
        }
    }
    // Routes without an id are taken, and that is said.
    let case = healthy().with(
        Document::Routes,
        r#"{"routes":[{"addressPrefix":"40.0.0.0/24","nextHopType":"VirtualAppliance","nextHopIpAddress":"10.200.0.4"}]}"#,
    );
    assert_eq!(case.letters(), "ppppppp");
    assert!(case.evidence(3).contains("the routes have no id"));
}

#[test]
fn the_next_hop_must_be_the_firewall() {
    let route = |hop: &str| {
        let text = file("routes.json");
        let at = text.find("\"40.0.0.1/32\"").unwrap();
        text[..at].to_string() + &text[at..].replacen(r#""nextHopType": "VirtualAppliance""#, hop, 1)
    };
    for (hop, said) in [
        (r#""nextHopType": "None""#, "goes to None"),
        (r#""nextHopType": "Internet""#, "goes to Internet"),
        (r#""nextHopType": "VirtualNetworkGateway""#, "goes to VirtualNetworkGateway"),
    ] {
        healthy().with(Document::Routes, route(hop)).says("ppFpppp", 3, &[said, "not to myAzureFirewall 10.200.0.4"]);
    }
    healthy().replace(Document::Routes, "\"10.200.0.4\"", "\"10.200.0.5\"").says(
        "ppFpppp",
        3,
        &["VirtualAppliance 10.200.0.5", "not to myAzureFirewall 10.200.0.4"],
    );
    healthy().replace(Document::Routes, "\"10.200.0.4\"", "null").says("ppFpppp", 3, &["not to myAzureFirewall"]);
    // Every address of the API server.
    let two = r#"{"kind":"Endpoints","metadata":{"name":"kubernetes"},"subsets":[
        {"addresses":[{"ip":"40.0.0.1"},{"ip":"40.0.0.2"}],"ports":[{"port":443}]}]}"#;
    healthy().with(Document::Endpoints, two).says("ppFpppp", 3, &["40.0.0.2 goes to Internet"]);

    // Effective routes are of a node, whatever its subnet.
    let effective = r#"{"value":[
        {"source":"Default","state":"Active","addressPrefix":["0.0.0.0/0"],"nextHopType":"Internet","nextHopIpAddress":[]},
        {"name":"api","source":"User","state":"STATE","addressPrefix":["40.0.0.1/32"],"nextHopType":"VirtualAppliance","nextHopIpAddress":["10.200.0.4"]}]}"#;
    let case = healthy().with(Document::Routes, effective.replace("STATE", "Active"));
    assert_eq!(case.letters(), "ppppppp");
    let case = healthy().with(Document::Routes, effective.replace("STATE", "Invalid"));
    case.says("ppFpppp", 3, &["effective routes: 40.0.0.1 goes to Internet"]);
    let case = healthy().with(Document::Routes, r#"{"value":[]}"#);
    case.says("ppFpppp", 3, &["effective routes: no route covers 40.0.0.1"]);
}

#[test]
fn where_the_firewall_stands() {
    // A smaller network has no room for the usual subnet.
    let small = healthy().replace(Document::Vnet, "\"10.0.0.0/8\"", "\"10.240.0.0/12\"");
    small.says("ppFpppp", 3, &["10.200.0.0/16 lies in no range"]);
    let mut vnet: serde_json::Value = serde_json::from_str(&file("vnet.json")).unwrap();
    vnet["subnets"].as_array_mut().unwrap().pop();
    let gone = |space: &str| {
        // Without ids it cannot be in another network.
        let text =
            vnet.to_string().replace("10.0.0.0/8", space).replace("\"id\":\"/subscriptions", "\"x\":\"/subscriptions");
        let text = text.replace("\"routeTable\":{\"x\"", "\"routeTable\":{\"id\"");
        healthy().with(Document::Vnet, text)
    };
    gone("10.0.0.0/8").says("ppFpppp", 3, &["there is no subnet AzureFirewallSubnet"]);
    assert!(gone("10.0.0.0/8").evidence(3).contains("10.200.0.0/16 would fit the network's address space, 10.0.0.0/8"));
    let said = gone("10.240.0.0/12").evidence(3);
    assert!(said.contains("the usual 10.200.0.0/16 would not fit: 10.200.0.0/16 lies in no range"), "{said}");
    healthy().replace(Document::Vnet, "10.200.0.0/16", "10.200.0.0/27").says("ppFpppp", 3, &["/26 or larger"]);
    healthy().replace(Document::Vnet, "10.200.0.0/16", "10.240.7.0/24").says(
        "ppFpppp",
        3,
        &["overlaps subnet aks-subnet"],
    );
    healthy().replace(Document::Vnet, "10.200.0.0/16", "10.201.0.0/16").says(
        "ppFpppp",
        3,
        &["10.200.0.4 of myAzureFirewall is not in AzureFirewallSubnet"],
    );
    healthy().replace(Document::Firewall, "/subnets/AzureFirewallSubnet", "/subnets/aks-subnet").says(
        "ppFpppp",
        3,
        &["stands in subnet aks-subnet: it must be called AzureFirewallSubnet"],
    );
    // The firewall of a hub is no matter of this network.
    let hub = healthy().replace(Document::Firewall, "virtualNetworks/aks-vnet-12345678", "virtualNetworks/hub");
    assert_eq!(hub.letters(), "ppppppp");
    assert!(hub.evidence(3).contains("stands in another network"));
}

#[test]
fn whole_subnets_are_judged() {
    // One address of 65,536.
    let deny = r#""networkRuleCollections": [{"name":"early","priority":100,"action":{"type":"Deny"},"rules":[{"name":"one",
        "protocols":["TCP"],"sourceAddresses":["10.240.77.78"],"destinationAddresses":["40.0.0.0/8"],"destinationPorts":["443"]}]},"#;
    let case = healthy().replace(Document::Firewall, "\"networkRuleCollections\": [", deny);
    case.says("pppFppp", 4, &["10.240.77.78 (1 address) to 40.0.0.1:443: TCP is denied by early/one"]);
    for (from, to, said) in [
        ("\"TCP\"", "\"UDP\"", "matches no rule and is dropped"),
        ("\"destinationAddresses\": [\"*\"", "\"destinationAddresses\": [\"40.0.0.2\"", "matches no rule"),
        ("\"destinationPorts\": [\"*\"", "\"destinationPorts\": [\"6443\"", "matches no rule"),
        ("\"destinationFqdns\": []", "\"destinationFqdns\": [\"a.example\"]", "allowed by"),
    ] {
        let case = healthy().replace(Document::Firewall, from, to);
        let letters = if said == "allowed by" { "ppppppp" } else { "pppFppp" };
        case.says(letters, 4, &[said]);
    }
    // What addresses cannot tell is no pass.
    let name =
        healthy().replace(Document::Firewall, "\"destinationFqdns\": []", "\"destinationFqdns\": [\"a.example\"]");
    let name = name.replace(Document::Firewall, "\"destinationAddresses\": [\"*\"]", "\"destinationAddresses\": []");
    name.says("pppFppp", 4, &["undecided: myAzureFirewallCollection/AllowTCPOutbound is about domain names"]);
    let app = healthy().replace(Document::Firewall, "\"TCP\"", "\"UDP\"").replace(
        Document::Firewall,
        "\"applicationRuleCollections\": []",
        "\"applicationRuleCollections\": [{}]",
    );
    app.says("pppFppp", 4, &["matches no network rule: application rules decide"]);

    // A policy's rules are in another document.
    let policy = healthy().replace(
        Document::Firewall,
        "\"firewallPolicy\": null",
        "\"firewallPolicy\": {\"id\": \"/x/strict\"}",
    );
    policy.says("ppp-ppp", 4, &["the rules are in strict"]);
    let group = |to: &str| {
        format!(
            r#"[{{"name":"g","properties":{{"priority":200,"ruleCollections":[{{"name":"c","priority":200,"action":{{"type":"Allow"}},"rules":[
            {{"ruleType":"NetworkRule","name":"api","ipProtocols":["TCP"],"sourceAddresses":["10.240.0.0/16"],"destinationAddresses":["{to}"],"destinationPorts":["443"]}}]}}]}}}}]"#
        )
    };
    policy.clone().with(Document::FirewallPolicy, group("40.0.0.1")).says("ppppppp", 4, &["allowed by c/api"]);
    policy.with(Document::FirewallPolicy, group("40.0.0.2")).says("pppFppp", 4, &["matches no rule"]);
}

#[test]
fn the_subnets_that_pools_name() {
    let pools = |ids: &[&str]| {
        let pools: Vec<_> =
            ids.iter().map(|id| format!(r#"{{"name":"p","vnetSubnetID":"/V/subnets/{id}"}}"#)).collect();
        format!(r#"{{"provisioningState":"Succeeded","agentPoolProfiles":[{}]}}"#, pools.join(","))
    };
    let subnet = |name: &str, net: &str| {
        format!(r#"{{"id":"/v/subnets/{name}","name":"{name}","addressPrefix":"{net}","routeTable":{{"id":"/rt"}}}}"#)
    };
    let vnet = format!(
        r#"{{"addressSpace":{{"addressPrefixes":["10.0.0.0/8"]}},"subnets":[{},{},{}]}}"#,
        subnet("a", "10.1.0.0/16"),
        subnet("b", "10.2.0.0/16"),
        subnet("AzureFirewallSubnet", "10.200.0.0/16")
    );
    let routes = r#"{"id":"/RT","routes":[{"addressPrefix":"40.0.0.1/32","nextHopType":"VirtualAppliance","nextHopIpAddress":"10.200.0.4"}]}"#;
    let case = |ids: &[&str]| {
        let case = healthy().with(Document::Cluster, pools(ids)).with(Document::Vnet, vnet.clone());
        case.with(Document::Routes, routes).replace(
            Document::Firewall,
            "sourceAddresses\": [\"*\"",
            "sourceAddresses\": [\"10.1.0.0/16\"",
        )
    };
    assert_eq!(case(&["a", "A"]).letters(), "ppppppp");
    case(&["a", "b"]).says("pppFppp", 4, &["subnet b, 10.2.0.0/16"]);
    case(&["b"]).says("pppFppp", 4, &["subnet b, 10.2.0.0/16"]);
    case(&["c"]).says("ppFFppp", 3, &["pool p is in a subnet that the network does not have", "/V/subnets/c"]);
    // Of a network of the service's own, all but the subnets kept for others.
    case(&[]).says("pppFppp", 4, &["subnet b, 10.2.0.0/16"]);
}

#[test]
fn every_public_address_and_you() {
    healthy().desired("172.0.0.0/16,168.10.0.0/18").says(
        "ppppFpp",
        5,
        &["20.42.25.196 (myAzureFirewallPublicIP)", "the nodes are locked out"],
    );
    let mut own = healthy().desired("168.10.0.0/18");
    own.own = set("20.42.25.196");
    assert_eq!(own.letters(), "ppppppp");
    assert!(own.evidence(5).contains("the service adds it by itself"));
    let mut me = healthy();
    me.me = Some("2001:db8::1".parse().unwrap());
    me.says("ppppFpp", 5, &["2001:db8::1 (you) is not in the desired list", "you are locked out"]);
    me.desired("").says("ppppppp", 5, &["since the feature is off"]);
    let mut mapped = healthy();
    mapped.me = Some("::ffff:168.10.0.1".parse().unwrap());
    assert_eq!(mapped.letters(), "ppppppp");

    // What is attached must be known.
    let second = healthy().with(Document::Firewall, file("broken/5-second-address.json"));
    let one = r#"{"id":"ID","ipAddress":"20.42.25.196"}"#;
    let id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/MC_myResourceGroup_myAKSCluster_eastus/providers/Microsoft.Network/publicIPAddresses/myAzureFirewallPublicIP";
    let alone = one.replace("ID", &id.to_uppercase());
    assert_eq!(healthy().with(Document::PublicIp, alone.clone()).letters(), "ppppppp");
    second.with(Document::PublicIp, alone).says(
        "ppppFpp",
        5,
        &["the address of myAzureFirewallPublicIP2 is not known: hand over /subscriptions"],
    );
    for none in ["null", "\"\""] {
        let case = healthy().replace(Document::PublicIp, "\"20.42.25.196\"", none);
        case.says("ppppFpp", 5, &["myAzureFirewallPublicIP has no address yet"]);
    }
    let case =
        healthy().replace(Document::Firewall, "\"publicIpAddress\": {", "\"publicIpAddress\": null, \"other\": {");
    case.says("ppppFpp", 5, &["myAzureFirewall has no public address"]);
}

#[test]
fn without_a_firewall_the_cluster_has_its_own_ways_out() {
    for profile in ["loadBalancerProfile", "natGatewayProfile"] {
        for (own, list, letter) in
            [("", "20.9.9.9", "p"), ("", "168.10.0.0/18", "F"), ("20.9.9.9", "168.10.0.0/18", "p")]
        {
            let cluster = format!(
                r#"{{"provisioningState":"Succeeded","networkProfile":{{"outboundType":"x","{profile}":{{"effectiveOutboundIPs":[{{"id":"/nat"}}]}}}}}}"#
            );
            let mut case = healthy().without(&[Document::Firewall]).with(Document::Cluster, cluster).desired(list);
            case = case.with(
                Document::PublicIp,
                r#"[{"id":"/other","ipAddress":"20.9.9.8"},{"id":"/NAT","ipAddress":"20.9.9.9"}]"#,
            );
            case.me = None;
            case.own = set(own);
            assert_eq!(case.letters(), format!("pp--{letter}pp"), "{}", case.evidence(5));
        }
    }
}

#[test]
fn without_a_desired_list_the_one_in_force_decides() {
    let with = |list: &str| {
        let mut case = healthy().replace(
            Document::Cluster,
            "\"apiServerAccessProfile\": null",
            &format!("\"apiServerAccessProfile\": {{\"authorizedIpRanges\": {list}}}"),
        );
        case.desired = None;
        case
    };
    with("null").says("ppppp-p", 6, &["everyone may connect"]);
    with(r#"["20.42.25.196/32","168.10.0.10/18"]"#).says("ppppp-p", 6, &["the cluster's has 2 entries"]);
    with(r#"["168.10.0.10/18"]"#).says("ppppF-p", 5, &["20.42.25.196", "is not in the list that the cluster has"]);
    let own = with(r#"["0.0.0.0/32"]"#);
    own.says("ppppF-p", 5, &["is not in the list that the cluster has"]);
    // And what the desired one changes.
    let said =
        with(r#"["20.42.25.196","168.10.0.0/17"]"#).desired("20.42.25.196/32,168.10.0.0/18,30.0.0.0/8").evidence(6);
    for part in [
        "opens 30.0.0.0/8 (16777216 addresses)",
        "closes 168.10.64.0/18 (16384 addresses)",
        "20.42.25.196 is spelled 20.42.25.196/32",
    ] {
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn the_desired_list() {
    let list = |count: u32| {
        let all: Vec<_> = (0..count).map(|at| Ipv4Addr::from(0x1e00_0000 + 2 * at).to_string()).collect();
        format!("{ARTICLE},{}", all.join(","))
    };
    assert_eq!(healthy().desired(&list(197)).letters(), "ppppppp");
    healthy().desired(&list(198)).says(
        "pppppFp",
        6,
        &["201 entries", "greater than the allowed value 200", "200 entries, 2 addresses beyond"],
    );
    let vnet = healthy().replace(
        Document::Cluster,
        "\"apiServerAccessProfile\": null",
        "\"apiServerAccessProfile\": {\"enableVnetIntegration\": true}",
    );
    assert_eq!(vnet.desired(&list(198)).letters(), "ppppppp");

    healthy().desired(" ").says("pppp-Fp", 6, &["entry 0"]);
    healthy().desired("0.0.0.0/32,20.42.25.196").says("pppp-Fp", 6, &["0.0.0.0/32"]);
    healthy().desired("Nowhere").says("pppp-Fp", 6, &["hand over its addresses"]);
    let mut today = healthy();
    today.era = Era::Current;
    today.says("pppp-Fp", 6, &["172.0.0.10/16"]);
    let doctor =
        healthy().desired("AzureCloud.eastus,168.10.0.0/18").doctor().set("AzureCloud.eastus", set("20.42.0.0/16"));
    let steps = doctor.examine().unwrap();
    assert!(steps.iter().all(|step| step.status() == Status::Pass), "{steps:?}");
    assert_eq!(healthy().desired(&vec!["x y"; 1000].join(",")).examine()[5].evidence().count(), 101);
}

#[test]
fn nodes_with_public_addresses_of_their_own() {
    let pool = |prefix: &str| {
        healthy().replace(
            Document::Cluster,
            "\"enableNodePublicIp\": null",
            &format!("\"enableNodePublicIp\": true, \"nodePublicIpPrefixId\": {prefix}"),
        )
    };
    pool("null").says("ppppppF", 7, &["pool nodepool1", "give the pool one"]);
    pool("\"/x/nodes\"").says("ppppppF", 7, &["the address of nodes is not known", "/x/nodes"]);
    pool("\"/x/nodes\"").without(&[Document::PublicIp]).says("pppp-pF", 7, &["prefix show"]);
    for (net, letters) in [("168.10.1.0/28", "ppppppp"), ("168.11.0.0/28", "ppppppF"), ("168.10.32.0/18", "")] {
        let public = file("public-ip.json").replacen('[', &format!(r#"[{{"id":"/X/nodes","ipPrefix":"{net}"}},"#), 1);
        let case = pool("\"/x/nodes\"").with(Document::PublicIp, public);
        if letters.is_empty() {
            assert_eq!(case.error().path(), "[0].ipPrefix");
        } else {
            assert_eq!(case.letters(), letters);
        }
    }
}

#[test]
fn endpoints_are_those_of_the_api_server() {
    let list = |items: &str| healthy().with(Document::Endpoints, format!(r#"{{"kind":"List","items":[{items}]}}"#));
    let one = |name: &str, space: &str, ip: &str| {
        format!(
            r#"{{"metadata":{{"name":"{name}","namespace":"{space}"}},"subsets":[{{"addresses":[{{"ip":"{ip}"}}],"ports":[{{"port":443}}]}}]}}"#
        )
    };
    let good = one("kubernetes", "default", "40.0.0.1");
    for text in [
        good.clone(),
        format!("{},{good}", one("web", "default", "10.1.1.1")),
        format!("{good},{}", one("kubernetes", "lab", "10.1.1.1")),
    ] {
        assert_eq!(list(&text).letters(), "ppppppp", "{text}");
    }
    for text in [
        String::new(),
        one("web", "default", "10.1.1.1"),
        r#"{"metadata":{"name":"kubernetes"},"subsets":null}"#.into(),
    ] {
        let error = list(&text).error();
        assert_eq!(error.document(), Document::Endpoints);
        assert!(error.to_string().contains("no endpoints `kubernetes`"), "{error}");
    }
}

#[test]
fn wrong_types_name_document_and_path() {
    use Document::{Cluster, Endpoints, Features, Firewall, PublicIp, Routes, Versions, Vnet};
    for (document, text, path) in [
        (Cluster, r#"{"fqdn":"a","agentPoolProfiles":{}}"#, "agentPoolProfiles"),
        (Cluster, r#"{"agentPoolProfiles":[{"vnetSubnetID":7}]}"#, "agentPoolProfiles[0].vnetSubnetID"),
        (Cluster, r#"{"agentPoolProfiles":[{"enableNodePublicIP":"no"}]}"#, "agentPoolProfiles[0].enableNodePublicIP"),
        (Cluster, r#"{"fqdn":"a","properties":{"provisioningState":[]}}"#, "properties.provisioningState"),
        (
            Cluster,
            r#"{"apiServerAccessProfile":{"enablePrivateCluster":"true"}}"#,
            "apiServerAccessProfile.enablePrivateCluster",
        ),
        (
            Cluster,
            r#"{"apiServerAccessProfile":{"authorizedIPRanges":["20.0.0.1",7]}}"#,
            "apiServerAccessProfile.authorizedIPRanges[1]",
        ),
        (
            Cluster,
            r#"{"networkProfile":{"loadBalancerProfile":{"effectiveOutboundIPs":[{}]}}}"#,
            "networkProfile.loadBalancerProfile.effectiveOutboundIPs[0].id",
        ),
        (Vnet, r#"{"addressSpace":{}}"#, "addressSpace.addressPrefixes"),
        (Routes, "{}", "routes"),
        (Routes, r#"[{"routes":[]},{"routes":[7]}]"#, "[1].routes[0]"),
        (Firewall, r#"{"ipConfigurations":[{"privateIPAddress":"x"}]}"#, "ipConfigurations[0].privateIPAddress"),
        (
            Firewall,
            r#"{"ipConfigurations":[{"properties":{"publicIPAddress":{"id":7}}}]}"#,
            "ipConfigurations[0].properties.publicIPAddress.id",
        ),
        (Firewall, r#"{"networkRuleCollections":[{"priority":"x"}]}"#, "networkRuleCollections[0].priority"),
        (PublicIp, r#"[{"id":"/a","ipAddress":"20.0.0.01"}]"#, "[0].ipAddress"),
        (PublicIp, r#"{"ipAddress":"20.0.0.1"}"#, "id"),
        (Endpoints, r#"{"items":{}}"#, "items"),
        (
            Endpoints,
            r#"{"items":[{"metadata":{"name":"kubernetes"},"subsets":[{"addresses":[{"ip":"40.0.0.1"}],"ports":[{"port":65536}]}]}]}"#,
            "items[0].subsets[0].ports[0].port",
        ),
        (Features, r#"[{"name":7}]"#, "[0].name"),
        (Features, r#"[{"name":"Microsoft.ContainerService/APIServerSecurityPreview"}]"#, "[0].state"),
        (Versions, r#"{"azure-cli":null}"#, "azure-cli"),
    ] {
        let error = healthy().with(document, text).error();
        assert_eq!((error.document(), error.path()), (document, path), "{text}: {error}");
        assert!(error.to_string().starts_with(&format!("{document}: ")) && !error.reason().is_empty());
    }
}

#[test]
fn hostile_documents_end_in_an_error() {
    for document in ALL {
        for text in ["[".repeat(1 << 20), "\u{0}".into(), "{\"a\":".repeat(1 << 16)] {
            assert_eq!(healthy().with(document, text).error().document(), document);
        }
    }
    let large = healthy().with(Document::Features, " ".repeat(MAX_DOCUMENT + 1)).error();
    assert!(large.reason().contains("largest"), "{large}");
    // Names are shown without what would move a terminal's cursor.
    let case = healthy().replace(Document::Cluster, "\"myAKSCluster\"", "\"a\\u001b[2Jb\\nc\"");
    assert!(case.evidence(2).starts_with("a\\u{1b}[2Jb\\nc is Succeeded"), "{}", case.evidence(2));
}

#[test]
fn a_thousand_rules_and_subnets_are_no_matter() {
    let rules: Vec<_> = (0..2000)
        .map(|at| {
            format!(
                r#"{{"name":"r{at}","protocols":["TCP"],"sourceAddresses":["10.{}.{}.0/24"],"destinationAddresses":["40.0.0.1"],"destinationPorts":["{}"]}}"#,
                at / 256,
                at % 256,
                if at % 7 == 0 { "443-444" } else { "443" }
            )
        })
        .collect();
    let firewall = format!(
        r#"{{"ipConfigurations":[{{"privateIPAddress":"10.200.0.4"}}],"networkRuleCollections":[{{"name":"c","priority":200,"action":{{"type":"Allow"}},"rules":[{}]}}]}}"#,
        rules.join(",")
    );
    let case = healthy().with(Document::Firewall, firewall);
    assert_eq!(&case.letters()[3..4], "F");
    assert!(case.evidence(4).contains("10.240.0.0/16 (65536 addresses)"), "{}", case.evidence(4));
}
