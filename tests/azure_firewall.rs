//! Firewalls: each rule, and random rule sets against an evaluator that follows the words, over every flow of a small
//! space.
#![cfg(feature = "azure")]

use cidrgate::CidrSet;
use cidrgate::azure::{Answer, Firewall, FirewallReader, Flow, FlowError};

fn set(text: &str) -> CidrSet {
    text.replace(' ', "\n").parse().unwrap()
}

/// A network rule as JSON.
fn rule(name: &str, protocol: &str, source: &str, to: &str, port: &str) -> String {
    format!(
        r#"{{"name":"{name}","protocols":["{protocol}"],"sourceAddresses":["{source}"],"sourceIpGroups":null,
        "destinationAddresses":["{to}"],"destinationFqdns":[],"destinationPorts":["{port}"]}}"#
    )
}

fn domains(name: &str) -> String {
    format!(
        r#"{{"name":"{name}","protocols":["TCP"],"sourceAddresses":["*"],"destinationAddresses":[],"destinationFqdns":["a.example"],"destinationPorts":["443"]}}"#
    )
}

fn collection(name: &str, priority: u32, action: &str, rules: &[String]) -> String {
    let rules = rules.join(",");
    format!(r#"{{"name":"{name}","priority":{priority},"action":{{"type":"{action}"}},"rules":[{rules}]}}"#)
}

fn network(collections: &[String]) -> Firewall {
    Firewall::read(format!(r#"{{"networkRuleCollections":[{}]}}"#, collections.join(","))).unwrap()
}

/// Answer, collection and rule, then what was beaten.
fn said(firewall: &Firewall, flow: &str) -> String {
    let flow = flow.parse().unwrap();
    let verdict = firewall.decide(&flow);
    let mut text = verdict.answer().to_string();
    if let Some(rule) = verdict.rule() {
        text += &format!(" {}/{}", rule.collection(), rule.name());
    }
    for beaten in firewall.beaten(&flow) {
        text += &format!(" >{}", beaten.name());
    }
    if verdict.asks_application_rules() { text + " app" } else { text }
}

#[test]
fn the_rule_of_the_article() {
    let firewall = network(&[collection("mine", 200, "Allow", &[rule("AllowTCPOutbound", "TCP", "*", "*", "*")])]);
    assert_eq!(said(&firewall, "TCP,10.240.0.4,40.0.0.1:443"), "allow mine/AllowTCPOutbound");
    assert_eq!(said(&firewall, "TCP,2001:db8::1,[2001:db8::2]:0"), "allow mine/AllowTCPOutbound");
    assert_eq!(said(&firewall, "UDP,10.240.0.4,40.0.0.1:53"), "no-match");
    assert_eq!(said(&firewall, "ICMP,10.240.0.4,40.0.0.1"), "no-match");
}

#[test]
fn priorities_and_beaten_rules() {
    let firewall = network(&[
        collection("late", 300, "Allow", &[rule("all", "Any", "*", "*", "*")]),
        collection(
            "early",
            100,
            "deny",
            &[
                rule("b", "tcp", "10.0.0.0/8", "40.0.0.1-40.0.0.9", "443-444"),
                rule("a", "TCP", "10.0.0.1", "40.0.0.1", "443"),
            ],
        ),
    ]);
    assert_eq!(said(&firewall, "TCP,10.0.0.1,40.0.0.1:443"), "deny early/b >a >all");
    assert_eq!(said(&firewall, "TCP,10.0.0.1,40.0.0.9:444"), "deny early/b >all");
    for flow in [
        "TCP,10.0.0.1,40.0.0.10:443",
        "TCP,10.0.0.1,40.0.0.9:445",
        "TCP,11.0.0.1,40.0.0.1:443",
        "UDP,10.0.0.1,40.0.0.1:443",
    ] {
        assert_eq!(said(&firewall, flow), "allow late/all");
    }
}

#[test]
fn icmp_matches_only_the_star() {
    for (port, want) in [("*", "allow c/r"), ("0-65535", "no-match"), ("1", "no-match")] {
        let firewall = network(&[collection("c", 200, "Allow", &[rule("r", "Any", "*", "*", port)])]);
        assert_eq!(said(&firewall, "ICMP,10.0.0.1,40.0.0.1"), want);
    }
}

#[test]
fn no_match_is_a_third_answer() {
    let with = |application: &str| {
        Firewall::read(format!(r#"{{"networkRuleCollections":null,"applicationRuleCollections":{application}}}"#))
            .unwrap()
    };
    assert_eq!(said(&with("[]"), "TCP,10.0.0.1,40.0.0.1:443"), "no-match");
    assert_eq!(said(&with("null"), "TCP,10.0.0.1,40.0.0.1:443"), "no-match");
    assert_eq!(said(&with("[{}]"), "TCP,10.0.0.1,40.0.0.1:9"), "no-match app");
    assert_eq!(said(&with("[{}]"), "UDP,10.0.0.1,40.0.0.1:443"), "no-match");
    assert_eq!(said(&with("[{}]"), "ICMP,10.0.0.1,40.0.0.1"), "no-match");
}

#[test]
fn a_domain_name_reached_first_is_undecided() {
    let all = || rule("all", "TCP", "*", "*", "*");
    let flow = "TCP,10.0.0.1,40.0.0.1:443";
    let firewall = network(&[collection("c", 200, "Allow", &[domains("name"), all()])]);
    assert_eq!(said(&firewall, flow), "undecided c/name >all");
    assert_eq!(said(&firewall, "TCP,10.0.0.1,40.0.0.1:444"), "allow c/all");
    let firewall = network(&[collection("c", 200, "Allow", &[all(), domains("name")])]);
    assert_eq!(said(&firewall, flow), "allow c/all >name");
}

#[test]
fn dnat_comes_first() {
    let nat = r#""natRuleCollections":[{"name":"in","properties":{"priority":100,"action":{"type":"Dnat"},"rules":[
        {"name":"web","protocols":["TCP"],"sourceAddresses":["*"],"destinationAddresses":["40.0.0.9"],"destinationPorts":["80"],
         "translatedAddress":"10.0.0.5","translatedPort":"8080"},
        {"name":"fqdn","protocols":["TCP"],"sourceAddresses":["*"],"destinationAddresses":["40.0.0.9"],"destinationPorts":["81"],
         "translatedFqdn":"a.example","translatedPort":"8080"}]}}]"#;
    let with = |action: &str, to: &str, port: &str| {
        let collection = collection("c", 200, action, &[rule("r", "TCP", "*", to, port)]);
        Firewall::read(format!(r#"{{"properties":{{{nat},"networkRuleCollections":[{collection}]}}}}"#)).unwrap()
    };
    let flow = "TCP,20.0.0.1,40.0.0.9:80";
    assert_eq!(said(&with("Allow", "10.0.0.6", "1"), flow), "allow in/web");
    assert_eq!(said(&with("Allow", "10.0.0.5", "8080"), flow), "allow in/web >r");
    assert_eq!(said(&with("Deny", "10.0.0.5", "8080"), flow), "deny c/r >web");
    // The network rules see the translated flow only.
    assert_eq!(said(&with("Deny", "40.0.0.9", "80"), flow), "allow in/web");
    assert_eq!(said(&with("Deny", "10.0.0.6", "1"), "TCP,20.0.0.1,40.0.0.9:81"), "undecided in/fqdn");
    assert_eq!(said(&with("Deny", "10.0.0.6", "1"), "UDP,20.0.0.1,40.0.0.9:80"), "no-match");
}

#[test]
fn policies_and_their_parents() {
    let group = |priority: u32, name: &str, action: &str| {
        format!(
            r#"{{"name":"g","priority":{priority},"ruleCollections":[{{"name":"{name}","priority":500,"action":{{"type":"{action}"}},
            "rules":[{{"ruleType":"NetworkRule","name":"r","ipProtocols":["Any"],"sourceAddresses":["*"],"destinationAddresses":["*"],"destinationPorts":["*"]}}]}}]}}"#
        )
    };
    let flow = "TCP,10.0.0.1,40.0.0.1:443";
    let two = format!("[{},{}]", group(300, "late", "Allow"), group(200, "early", "Deny"));
    assert_eq!(said(&Firewall::read(&two).unwrap(), flow), "deny early/r >r");
    let one = format!(r#"{{"ruleCollectionGroups":[{}]}}"#, group(200, "own", "Deny"));
    assert_eq!(said(&Firewall::read(&one).unwrap(), flow), "deny own/r");
    assert_eq!(said(&Firewall::read(group(200, "own", "Deny")).unwrap(), flow), "deny own/r");
    // The parent's groups run first, whatever their priority.
    let child = format!(r#"{{"basePolicy":{{"id":"/p"}},"ruleCollectionGroups":[{}]}}"#, group(200, "own", "Deny"));
    assert_eq!(Firewall::read(&child).unwrap_err().path(), "basePolicy");
    let both = FirewallReader::new().parent(format!("[{}]", group(60000, "parent", "Allow"))).read(&child).unwrap();
    assert_eq!(said(&both, flow), "allow parent/r >r");
    let within =
        child.replace(r#""id":"/p""#, &format!(r#""ruleCollectionGroups":[{}]"#, group(60000, "parent", "Allow")));
    assert_eq!(said(&Firewall::read(within).unwrap(), flow), "allow parent/r >r");
    assert_eq!(Firewall::read(r#"{"firewallPolicy":{"id":"/p"}}"#).unwrap_err().path(), "firewallPolicy");
}

#[test]
fn named_sets() {
    let text = r#"{"networkRuleCollections":[{"name":"c","priority":200,"action":{"type":"Allow"},"rules":[{"name":"r","protocols":["TCP"],
        "sourceAddresses":null,"sourceIpGroups":["/subscriptions/s/ipGroups/nodes"],"destinationAddresses":["AzureCloud.westeurope"],
        "destinationPorts":["443"]}]}]}"#;
    let reader = FirewallReader::new().set("nodes", set("10.240.0.0/16"));
    let error = reader.read(text).unwrap_err();
    assert_eq!(error.path(), "networkRuleCollections[0].rules[0].destinationAddresses[0]");
    let firewall = reader.set("AzureCloud.westeurope", set("40.0.0.0/8")).read(text).unwrap();
    assert_eq!(said(&firewall, "TCP,10.240.0.4,40.0.0.1:443"), "allow c/r");
    assert_eq!(said(&firewall, "TCP,10.241.0.4,40.0.0.1:443"), "no-match");
}

#[test]
fn wrong_documents_name_the_path() {
    let good =
        collection("c", 200, "Allow", &[rule("r", "TCP", "*", "*", "*"), rule("s", "TCP", "10.0.0.1", "*", "80")]);
    let at = "networkRuleCollections[0]";
    for (from, to, path) in [
        (r#""priority":200"#, r#""priority":"200""#, ".priority"),
        (r#""priority":200"#, r#""priority":99"#, ".priority"),
        (r#""priority":200"#, r#""priority":65001"#, ".priority"),
        (r#""priority":200,"#, "", ".priority"),
        (r#""type":"Allow""#, r#""type":"Perhaps""#, ".action.type"),
        (r#"["80"]"#, r#""80""#, ".rules[1].destinationPorts"),
        (r#"["80"]"#, "[80]", ".rules[1].destinationPorts[0]"),
        (r#"["80"]"#, r#"["80-79"]"#, ".rules[1].destinationPorts[0]"),
        (r#"["80"]"#, r#"["+80"]"#, ".rules[1].destinationPorts[0]"),
        (r#"["80"]"#, r#"["65536"]"#, ".rules[1].destinationPorts[0]"),
        (r#"["80"]"#, "[]", ".rules[1]"),
        (r#"["10.0.0.1"]"#, "null", ".rules[1]"),
        (r#""10.0.0.1""#, r#""10.0.0.1/8""#, ".rules[1].sourceAddresses[0]"),
    ] {
        assert!(good.contains(from));
        let text = format!(r#"{{"networkRuleCollections":[{}]}}"#, good.replace(from, to));
        assert_eq!(Firewall::read(text).unwrap_err().path(), format!("{at}{path}"), "{to}");
    }
}

#[test]
fn flows() {
    for (text, error) in [
        ("TCP,10.0.0.1,10.0.0.2", FlowError::PortMissing),
        ("ICMP,10.0.0.1,10.0.0.2:1", FlowError::IcmpPort),
        ("TCP,10.0.0.1,[::1]:1", FlowError::Mixed),
        ("TCP,10.0.0.1,10.0.0.2:65536", FlowError::Syntax),
        ("TCP,10.0.0.1,10.0.0.2:1,", FlowError::Syntax),
        ("TCP,10.0.0.1", FlowError::Syntax),
        ("TCP,::1,[::1]1", FlowError::Syntax),
        ("ESP,10.0.0.1,10.0.0.2", FlowError::Syntax),
        ("", FlowError::Syntax),
    ] {
        assert_eq!(text.parse::<Flow>(), Err(error), "{text}");
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % bound
    }
}

/// A rule over addresses 20.0.0.0 to 20.0.0.7 and ports 0 to 3, as plain tables.
#[derive(Clone)]
struct Toy {
    rank: (u32, u32),
    name: String,
    protocols: [bool; 3],
    sources: [bool; 8],
    destinations: [bool; 8],
    ports: [bool; 4],
    any_port: bool,
    domains: bool,
    allow: bool,
    to: (usize, usize),
}

/// Texts of addresses and what they mean.
fn addresses(random: &mut Random) -> (String, [bool; 8]) {
    let (mut texts, mut has) = (Vec::new(), [false; 8]);
    for _ in 0..=random.below(2) {
        let (first, last, text) = match random.below(4) {
            0 => (0, 7, "*".to_string()),
            1 => {
                let first = random.below(8);
                (first, first, format!("20.0.0.{first}"))
            }
            2 => {
                let first = random.below(4) * 2;
                (first, first + 1, format!("20.0.0.{first}/31"))
            }
            _ => {
                let first = random.below(8);
                let last = first + random.below(8 - first);
                (first, last, format!("20.0.0.{first}-20.0.0.{last}"))
            }
        };
        texts.push(format!("\"{text}\""));
        (first..=last).for_each(|at| has[at as usize] = true);
    }
    (texts.join(","), has)
}

fn toy(random: &mut Random, nat: bool, name: String, rank: (u32, u32), allow: bool) -> (Toy, String) {
    let (protocol, protocols) = [
        ("TCP", [true, false, false]),
        ("UDP", [false, true, false]),
        ("ICMP", [false, false, true]),
        ("Any", [true, true, true]),
    ][random.below(4) as usize];
    let (sources, has_sources) = addresses(random);
    let (mut destinations, mut has_destinations) = addresses(random);
    let first = random.below(4) as usize;
    let last = first + random.below(4 - first as u64) as usize;
    let any_port = random.below(3) == 0;
    let mut ports = [any_port; 4];
    ports[first..=last].fill(true);
    let port = if any_port { "*".into() } else { format!("{first}-{last}") };
    let domains = !nat && random.below(6) == 0;
    let mut fqdns = "";
    if domains {
        fqdns = r#""a.example""#;
        if random.below(2) == 0 {
            (destinations, has_destinations) = (String::new(), [false; 8]);
        }
    }
    let to = (random.below(8) as usize, random.below(4) as usize);
    let kind = if nat { "NatRule" } else { "NetworkRule" };
    let json = format!(
        r#"{{"ruleType":"{kind}","name":"{name}","protocols":["{protocol}"],"sourceAddresses":[{sources}],"destinationAddresses":[{destinations}],
        "destinationFqdns":[{fqdns}],"destinationPorts":["{port}"],"translatedAddress":"20.0.0.{}","translatedPort":"{}"}}"#,
        to.0, to.1
    );
    let toy = Toy {
        rank,
        name,
        protocols,
        sources: has_sources,
        destinations: has_destinations,
        ports,
        any_port,
        domains,
        allow,
        to,
    };
    (toy, json)
}

/// The first rule that matches or may: its name and whether it surely matches.
fn first(rules: &[Toy], protocol: usize, from: usize, to: usize, port: Option<usize>) -> Option<(&Toy, bool)> {
    let mut best: Option<(&Toy, bool)> = None;
    for rule in rules {
        let port = port.map_or(rule.any_port, |port| rule.ports[port]);
        let sure = rule.destinations[to];
        let matches = rule.protocols[protocol] && rule.sources[from] && port && (sure || rule.domains);
        if matches && best.is_none_or(|(best, _)| rule.rank < best.rank) {
            best = Some((rule, sure));
        }
    }
    best
}

fn naive(
    nat: &[Toy],
    net: &[Toy],
    protocol: usize,
    from: usize,
    to: usize,
    port: Option<usize>,
) -> (Answer, Option<String>) {
    let translated = first(nat, protocol, from, to, port).map(|(rule, _)| rule);
    let (to, port) = translated.map_or((to, port), |rule| (rule.to.0, port.map(|_| rule.to.1)));
    match (first(net, protocol, from, to, port), translated) {
        (Some((rule, false)), _) => (Answer::Undecided, Some(rule.name.clone())),
        (Some((rule, true)), _) if !rule.allow => (Answer::Deny, Some(rule.name.clone())),
        (_, Some(rule)) => (Answer::Allow, Some(rule.name.clone())),
        (Some((rule, true)), None) => (Answer::Allow, Some(rule.name.clone())),
        (None, None) => (Answer::NoMatch, None),
    }
}

/// That each source is in the set of its answer and in no other, and nobody is in none.
fn every_source(firewall: &Firewall, flow: &Flow, want: impl Fn(usize) -> Answer, text: &str) {
    let answers = [Answer::Allow, Answer::Deny, Answer::NoMatch, Answer::Undecided];
    let sources = firewall.sources(flow).unwrap();
    for from in 0..8 {
        let got: Vec<_> = answers.iter().filter(|answer| sources.of(**answer).contains([20, 0, 0, from])).collect();
        assert_eq!(got, [&want(from.into())], "{flow:?} from {from}\n{text}");
    }
    let all = CidrSet::union_of(answers.iter().map(|answer| sources.of(*answer))).unwrap();
    assert_eq!(all, CidrSet::all().only_v4());
    let count: u128 = answers.iter().map(|answer| sources.of(*answer).count().to_u128().unwrap()).sum();
    assert_eq!(count, 1 << 32);
}

#[test]
fn the_sources_of_an_answer() {
    let firewall = network(&[
        collection("deny", 100, "Deny", &[rule("lab", "TCP", "10.240.9.0/24", "40.0.0.1", "443")]),
        collection(
            "allow",
            200,
            "Allow",
            &[rule("nodes", "TCP", "10.240.0.0/17", "*", "443-444"), rule("v6", "Any", "2001:db8::/32", "*", "*")],
        ),
    ]);
    let of = |flow: &str, answer| firewall.sources(&flow.parse().unwrap()).unwrap().of(answer).clone();
    let to = "TCP,9.9.9.9,40.0.0.1:443";
    assert_eq!(of(to, Answer::Deny), set("10.240.9.0/24"));
    assert_eq!(of(to, Answer::Allow), set("10.240.0.0/17") - set("10.240.9.0/24"));
    assert_eq!(of(to, Answer::NoMatch), CidrSet::all().only_v4() - set("10.240.0.0/17"));
    assert_eq!(of("TCP,9.9.9.9,40.0.0.1:444", Answer::Allow), set("10.240.0.0/17"));
    assert!(of("TCP,9.9.9.9,40.0.0.1:445", Answer::Allow).is_empty());
    assert_eq!(of("ICMP,::1,[::2]", Answer::Allow), set("2001:db8::/32"));
}

#[test]
fn random_rule_sets_over_every_flow() {
    let mut random = Random(11);
    let mut seen = [0usize; 4];
    for round in 0..1000 {
        let grouped = round % 2 == 1;
        let (mut nat, mut net) = (Vec::new(), Vec::new());
        let (mut groups, mut classic) = (Vec::new(), [Vec::new(), Vec::new()]);
        for group in 0..if grouped { 2 } else { 1 } {
            let group_priority = if grouped { 100 + random.below(2) as u32 } else { 0 };
            let mut collections = Vec::new();
            for at in 0..random.below(5) {
                let is_nat = random.below(4) == 0;
                let priority = 100 + random.below(3) as u32;
                let allow = random.below(2) == 0;
                let mut rules = Vec::new();
                for index in 0..random.below(4) {
                    let list = if is_nat { &mut nat } else { &mut net };
                    let name = format!("{group}.{at}.{index}");
                    let (toy, json) = toy(&mut random, is_nat, name, (group_priority, priority), allow);
                    list.push(toy);
                    rules.push(json);
                }
                let action = if is_nat {
                    "DNAT"
                } else if allow {
                    "Allow"
                } else {
                    "Deny"
                };
                let json = collection("c", priority, action, &rules);
                classic[usize::from(is_nat)].push(json.clone());
                collections.push(json);
            }
            groups.push(format!(r#"{{"priority":{group_priority},"ruleCollections":[{}]}}"#, collections.join(",")));
        }
        let text = if grouped {
            format!("[{}]", groups.join(","))
        } else {
            format!(
                r#"{{"networkRuleCollections":[{}],"natRuleCollections":[{}]}}"#,
                classic[0].join(","),
                classic[1].join(",")
            )
        };
        let firewall = Firewall::read(&text).unwrap();
        for (protocol, name) in ["TCP", "UDP", "ICMP"].into_iter().enumerate() {
            for (from, to, port) in
                (0..8).flat_map(|from| (0..8).flat_map(move |to| (0..4).map(move |port| (from, to, port))))
            {
                if protocol == 2 && port > 0 {
                    continue;
                }
                let port = (protocol != 2).then_some(port);
                let tail = port.map_or(String::new(), |port| format!(":{port}"));
                let flow = format!("{name},20.0.0.{from},20.0.0.{to}{tail}").parse().unwrap();
                if from == 0 {
                    every_source(&firewall, &flow, |from| naive(&nat, &net, protocol, from, to, port).0, &text);
                }
                let verdict = firewall.decide(&flow);
                let want = naive(&nat, &net, protocol, from, to, port);
                seen[want.0 as usize] += 1;
                let rule = verdict.rule().map(|rule| rule.name().to_string());
                assert_eq!((verdict.answer(), rule), want, "round {round}: {flow:?}\n{text}");
            }
        }
    }
    assert!(seen.iter().all(|count| *count > 10_000), "{seen:?}");
}
