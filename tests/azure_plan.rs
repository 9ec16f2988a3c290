//! Plans: each rule, and random changes within a small space against every list there is.
#![cfg(feature = "azure")]

use std::net::{IpAddr, Ipv4Addr};

use cidrgate::CidrSet;
use cidrgate::azure::{AuthorizedRanges, Era, Plan, PlanWarning, Planner, RangesReader, Refusal};

fn set(text: &str) -> CidrSet {
    text.replace(' ', "\n").parse().unwrap()
}

fn read(text: &str) -> AuthorizedRanges {
    RangesReader::new().set("AzureCloud.westeurope", set("20.1.0.0/16 2001:db8::/32")).read(text).unwrap()
}

fn plan(planner: &Planner, current: &str, desired: &str) -> Plan {
    planner.plan(&read(current), &read(desired)).unwrap()
}

fn change(current: &str, desired: &str) -> Plan {
    plan(&Planner::new(), current, desired)
}

fn respelled(plan: &Plan) -> Vec<String> {
    plan.respelled().iter().map(|one| format!("{} {}", one.from(), one.to())).collect()
}

fn warnings(plan: &Plan) -> String {
    plan.warnings().iter().map(|warning| format!("{warning}\n")).collect()
}

/// Every second address from 20.0.0.0 on.
fn apart(count: u32) -> String {
    let all: Vec<_> = (0..count).map(|at| Ipv4Addr::from(0x1400_0000 + 2 * at).to_string()).collect();
    all.join(",")
}

#[test]
fn the_article() {
    let planner = Planner::new().keep(set("20.42.25.196")).cluster("myResourceGroup", "myAKSCluster");
    let plan = plan(&planner, "", "20.42.25.196/32,172.0.0.10/16,168.10.0.10/18");
    assert_eq!(plan.refused(), None);
    assert!(plan.opens().is_empty() && plan.beyond().is_empty());
    assert_eq!(plan.closes(), &!set("20.42.25.196 172.0.0.0/16 168.10.0.0/18"));
    assert_eq!(plan.ranges(), ["20.42.25.196/32", "168.10.0.0/18", "172.0.0.0/16"]);
    assert_eq!(
        plan.command().unwrap(),
        "az aks update --resource-group myResourceGroup --name myAKSCluster \
         --api-server-authorized-ip-ranges 20.42.25.196/32,168.10.0.0/18,172.0.0.0/16"
    );
    let said = warnings(&plan);
    assert!(said.contains("172.0.0.10/16 is read as 172.0.0.0/16"), "{said}");
    assert!(said.contains("today's CLI refuses 168.10.0.10/18"), "{said}");
    assert!(said.contains("replaces the whole list") && said.contains("two minutes"), "{said}");
    // What the command says reads the same in both eras.
    for era in [Era::Preview2019, Era::Current] {
        let again = RangesReader::new().era(era).read(&plan.ranges().join(",")).unwrap();
        assert!(again.warnings().is_empty());
        assert_eq!(again.listed(), read("20.42.25.196/32,172.0.0.10/16,168.10.0.10/18").listed());
    }
}

#[test]
fn own_addresses_are_in_before_and_after() {
    let planner = Planner::new().own(set("20.0.0.1 2001:db8::1"));
    let plan = plan(&planner, "20.0.0.0/30", "21.0.0.1");
    assert_eq!(plan.opens(), &set("21.0.0.1"));
    assert_eq!(plan.closes(), &set("20.0.0.0 20.0.0.2/31"));
    // Nor are they opened by a list that names them.
    assert!(self::plan(&planner, "30.0.0.1", "20.0.0.1,30.0.0.1").opens().is_empty());
}

#[test]
fn who_is_to_be_kept_must_be_in_afterwards() {
    let keep = Planner::new().keep(set("20.42.25.196 20.42.25.198 2001:db8::1"));
    // Out before as well: refused all the same.
    for current in ["", "20.42.25.196/30", "9.9.9.9", "0.0.0.0/32"] {
        let plan = plan(&keep, current, "20.42.25.196,9.9.9.9");
        let refused = plan.refused().unwrap();
        assert_eq!(refused.witness().as_deref(), Some("20.42.25.198"));
        assert!(matches!(refused, Refusal::LockedOut { count, .. } if count.to_u128() == Some(2)));
        assert_eq!(refused.to_string(), "20.42.25.198 is to be kept and would be locked out, and 1 more");
        assert_eq!(plan.command(), None);
        // A script that joins the ranges in spite of that must not switch the feature off.
        assert_eq!(plan.ranges(), ["9.9.9.9/32", "20.42.25.196/32"]);
    }
    // The list is IPv4, but own addresses may not be, and everyone is everyone.
    let plan = plan(&keep.clone().own(set("2001:db8::/64 20.42.25.192/29")), "", "9.9.9.9");
    assert_eq!(plan.refused(), None);
    assert_eq!(self::plan(&keep, "9.9.9.9", "").refused(), None);
    let all = self::plan(&keep, "", "0.0.0.0/0");
    assert_eq!(all.refused().unwrap().witness().as_deref(), Some("2001:db8::1"));
    assert!(warnings(&all).contains("every IPv4 address"));
}

#[test]
fn off_is_said_only_if_it_was_said() {
    let plan = change("20.0.0.1", "");
    assert_eq!(plan.command(), Some("az aks update --api-server-authorized-ip-ranges \"\""));
    assert_eq!(plan.opens(), &!set("20.0.0.1"));
    assert!(plan.closes().is_empty() && plan.ranges().is_empty());
    assert!(plan.warnings().contains(&PlanWarning::Off));
    assert!(change("", "").warnings().contains(&PlanWarning::Same));

    // A tag whose addresses are all IPv6 admits nobody, but is no empty list.
    let none = RangesReader::new().set("Odd", set("2001:db8::/32")).read("Odd").unwrap();
    let plan = Planner::new().plan(&read("20.0.0.1"), &none).unwrap();
    assert_eq!(plan.ranges(), ["Odd"]);
    assert_eq!(plan.closes(), &set("20.0.0.1"));
}

#[test]
fn the_keyword_stays_the_keyword() {
    let planner = Planner::new().own(set("20.0.0.1"));
    let plan = plan(&planner, "20.0.0.0/31", "0.0.0.0/32");
    assert_eq!(plan.ranges(), ["0.0.0.0/32"]);
    assert_eq!(plan.command(), Some("az aks update --api-server-authorized-ip-ranges 0.0.0.0/32"));
    assert_eq!(plan.closes(), &set("20.0.0.0"));
    assert!(plan.opens().is_empty());
    assert!(plan.warnings().contains(&PlanWarning::OwnOnly));
    let refused = self::plan(&planner.clone().keep(set("20.0.0.0")), "", "0.0.0.0/32");
    assert_eq!(refused.refused().unwrap().witness().as_deref(), Some("20.0.0.0"));
    assert!(change("0.0.0.0/32", "0.0.0.0/32").warnings().contains(&PlanWarning::Same));
    let plan = self::plan(&planner, "0.0.0.0/32", "");
    assert_eq!(plan.opens(), &!set("20.0.0.1"));
}

#[test]
fn what_is_merely_respelled() {
    for (current, desired, want) in [
        ("172.0.0.10/16", "172.0.0.0/16", vec!["172.0.0.10/16 172.0.0.0/16"]),
        ("172.0.0.10/16", "172.0.0.10/16", vec!["172.0.0.10/16 172.0.0.0/16"]),
        ("20.0.0.1", "20.0.0.1/32", vec!["20.0.0.1 20.0.0.1/32"]),
        ("20.0.0.1/32", "20.0.0.1", vec![]),
        ("20.0.0.0/25,20.0.0.128/25", "20.0.0.0/24", vec!["20.0.0.0/25 20.0.0.0/24", "20.0.0.128/25 20.0.0.0/24"]),
        ("20.0.0.0/25,20.0.0.9,20.0.0.9", "20.0.0.0/25", vec!["20.0.0.9 20.0.0.0/25"]),
        // More or less than before is no mere spelling.
        ("20.0.0.0/25", "20.0.0.0/24", vec![]),
        ("20.0.0.0/24", "20.0.0.0/25", vec![]),
        ("20.0.0.1,20.0.0.3", "20.0.0.0/24", vec![]),
        ("", "20.0.0.1", vec![]),
        ("20.0.0.1", "", vec![]),
        ("AzureCloud.westeurope,20.0.0.1", "20.0.0.1,AzureCloud.westeurope", vec!["20.0.0.1 20.0.0.1/32"]),
    ] {
        let plan = change(current, desired);
        assert_eq!(respelled(&plan), want, "{current} to {desired}");
        if !want.is_empty() {
            assert!(plan.opens().is_empty() && plan.closes().is_empty());
        }
    }
}

#[test]
fn the_limit() {
    let fits = change("", &apart(200));
    assert_eq!((fits.ranges().len(), fits.beyond().is_empty(), fits.refused()), (200, true, None));
    // 201 as written, fewer in fact.
    let plan = change("", &(apart(200) + ",20.0.0.1"));
    assert_eq!((plan.ranges().len(), plan.beyond().is_empty()), (200, true));

    let over = change("", &apart(201));
    assert_eq!((over.ranges().len(), over.beyond()), (200, &set("20.0.0.1 20.0.0.3")));
    assert_eq!(over.refused(), None);
    assert!(over.command().unwrap().contains("20.0.0.0/30"));
    assert!(warnings(&over).contains("2 addresses"), "{}", warnings(&over));
    assert_eq!(over.closes(), &!(read(&apart(201)).listed() | over.beyond()));

    let plan = self::plan(&Planner::new().limit(2000), "", &apart(201));
    assert_eq!((plan.ranges().len(), plan.beyond().is_empty()), (201, true));
    assert!(plan.warnings().contains(&PlanWarning::Limit { limit: 2000 }));

    // What is admitted beyond is opened, unless it was in before or is the cluster's own.
    let plan = self::plan(&Planner::new().limit(1).own(set("20.0.0.1")), "20.0.0.2", "20.0.0.0,20.0.0.3");
    assert_eq!(plan.ranges(), ["20.0.0.0/30"]);
    assert_eq!((plan.beyond(), plan.opens()), (&set("20.0.0.1 20.0.0.2"), &set("20.0.0.0 20.0.0.3")));
}

#[test]
fn never_stays_out() {
    let two = Planner::new().limit(1);
    let never = two.clone().never(set("20.0.0.1"));
    assert_eq!(plan(&two, "", "20.0.0.0,20.0.0.2").ranges(), ["20.0.0.0/30"]);
    let plan = plan(&never, "", "20.0.0.0,20.0.0.2");
    let refused = plan.refused().unwrap();
    assert!(matches!(refused, Refusal::NoFit { limit: 1, fewest: 2, never: true, .. }), "{refused:?}");
    assert_eq!(refused.witness().as_deref(), Some("20.0.0.1"));
    assert_eq!((plan.command(), plan.ranges().len()), (None, 2));
    assert_eq!(plan.closes(), &!set("20.0.0.0 20.0.0.2"));

    // What is desired is in despite of it.
    let plan = self::plan(&never, "", "20.0.0.0/31,20.0.0.2");
    assert_eq!((plan.refused(), plan.ranges()), (None, &["20.0.0.0/30".to_string()][..]));
    assert!(warnings(&plan).contains("although it is never to be: 20.0.0.1"), "{}", warnings(&plan));

    // No places at all.
    for desired in ["20.0.0.1", "0.0.0.0/32", "AzureCloud.westeurope"] {
        let plan = self::plan(&Planner::new().limit(0), "", desired);
        assert!(matches!(plan.refused(), Some(Refusal::NoFit { limit: 0, fewest: 1, .. })), "{:?}", plan.refused());
        assert!(!plan.ranges().is_empty());
    }
    assert_eq!(self::plan(&Planner::new().limit(0), "20.0.0.1", "").refused(), None);
}

#[test]
fn what_cannot_be_said_to_both_eras() {
    for entry in ["10.0.0.0/8", "10.1.2.3/8", "192.168.1.1", "203.0.113.7", "240.0.0.0/4", "192.0.0.8"] {
        let plan = change("20.0.0.1", &format!("20.0.0.2, {entry}"));
        let refused = plan.refused().unwrap();
        assert_eq!(refused.witness().as_deref(), Some(entry));
        assert!(refused.to_string().contains("not global"), "{refused}");
        assert_eq!((plan.command(), plan.ranges().len()), (None, 2));
        assert_eq!(plan.closes(), &set("20.0.0.1"));
    }
    // In the list that holds now they are what they are.
    let plan = change("10.0.0.0/8", "20.0.0.1");
    assert_eq!((plan.refused(), plan.closes()), (None, &set("10.0.0.0/8")));
    for passes in ["0.0.0.0/0", "172.0.0.0/8", "224.0.0.0/4"] {
        assert_eq!(change("", passes).refused(), None);
    }
}

/// The two global addresses of 192.0.0.0/24 let networks pass that do not when they are joined.
#[test]
fn joined_networks_are_said_too() {
    let plan = change("", "192.0.0.8/31,192.0.0.10/31");
    assert_eq!((plan.refused(), plan.ranges()), (None, &["192.0.0.8/31".to_string(), "192.0.0.10/31".to_string()][..]));
    let reader = RangesReader::new().era(Era::Current);
    assert!(reader.read(&plan.ranges().join(",")).is_ok() && reader.read("192.0.0.8/30").is_err());

    let one = Planner::new().limit(1);
    for desired in ["192.0.0.8/31,192.0.0.10/31", "192.0.0.9,192.0.0.10"] {
        let plan = self::plan(&one, "", desired);
        assert_eq!(plan.refused().unwrap().witness().as_deref(), Some("192.0.0.8/30"));
        assert_eq!(plan.command(), None);
    }
}

#[test]
fn a_service_tag_stays_as_it_is_written() {
    let tag = "AzureCloud.westeurope";
    let plan = change("", &format!("20.0.0.1, {tag} ,20.0.0.0"));
    assert_eq!(plan.ranges(), ["20.0.0.0/31", tag]);
    assert!(plan.command().unwrap().ends_with(&format!(" 20.0.0.0/31,{tag}")));
    assert_eq!(plan.closes(), &!set("20.0.0.0/31 20.1.0.0/16"));
    assert!(
        plan.warnings()
            .iter()
            .any(|warning| matches!(warning, PlanWarning::Tag { count, .. } if count.to_u128() == Some(65536)))
    );

    // It is one of the entries; and what it holds today may be gone tomorrow, so it stands for no other.
    let two = Planner::new().limit(2);
    let plan = self::plan(&two, "", &format!("20.0.0.0,20.0.0.2,{tag}"));
    assert_eq!(
        (plan.ranges(), plan.beyond()),
        (&["20.0.0.0/30".to_string(), tag.into()][..], &set("20.0.0.1 20.0.0.3"))
    );
    let plan = self::plan(&two, "", &format!("20.1.0.0,20.1.0.2,{tag}"));
    assert_eq!(plan.ranges(), ["20.1.0.0/30", tag]);
    assert!(plan.beyond().is_empty());
    let plan = self::plan(&Planner::new().limit(1), "", &format!("20.0.0.0,{tag}"));
    assert!(matches!(plan.refused(), Some(Refusal::NoFit { limit: 1, fewest: 2, never: false, .. })));
}

#[test]
fn the_command_is_safe_in_a_shell() {
    for (group, name, want) in [
        ("my-group_1.x", "a", "--resource-group my-group_1.x --name a"),
        ("my (group)", "it's", r"--resource-group 'my (group)' --name 'it'\''s'"),
        ("$(reboot)", "", "--resource-group '$(reboot)' --name ''"),
    ] {
        let plan = plan(&Planner::new().cluster(group, name), "", "20.0.0.1");
        assert_eq!(
            plan.command().unwrap(),
            format!("az aks update {want} --api-server-authorized-ip-ranges 20.0.0.1/32")
        );
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % bound
    }
}

/// The 16 addresses from 20.0.0.0 on, as bits.
type Toy = u16;

/// Every network of the space, its bits and its text.
fn networks() -> Vec<(Toy, String)> {
    let mut all = Vec::new();
    for len in 0..=4u32 {
        let size = 16 >> len;
        for first in (0..16).step_by(size) {
            all.push(((((1u32 << size) - 1) << first) as Toy, format!("20.0.0.{first}/{}", 28 + len)));
        }
    }
    all
}

fn toy(set: &CidrSet) -> Toy {
    (0..16).filter(|at| set.contains(Ipv4Addr::new(20, 0, 0, *at as u8))).fold(0, |bits, at| bits | 1 << at)
}

/// What the cheapest list of at most so many networks has beyond `desired`, and the shortest length of such a list.
fn cheapest(all: &[(Toy, String)], desired: Toy, never: Toy, limit: usize) -> Option<u32> {
    fn search(all: &[(Toy, String)], desired: Toy, barred: Toy, left: usize, covered: Toy, best: &mut Option<u32>) {
        if desired & !covered == 0 {
            let cost = (covered & !desired).count_ones();
            *best = Some(best.map_or(cost, |best| best.min(cost)));
        }
        if left == 0 {
            return;
        }
        for (at, (bits, _)) in all.iter().enumerate() {
            if bits & barred == 0 {
                search(&all[at + 1..], desired, barred, left - 1, covered | bits, best);
            }
        }
    }
    let mut best = None;
    search(all, desired, never & !desired, limit, 0, &mut best);
    best
}

#[test]
fn random_changes_against_every_list() {
    let all = networks();
    let mut random = Random(11);
    let mut seen = [0; 4];
    for round in 0..3000 {
        let mut some = |most: u64| {
            let count = random.below(most + 1);
            let picked: Vec<_> = (0..count).map(|_| &all[random.below(all.len() as u64) as usize]).collect();
            let text: Vec<_> = picked.iter().map(|(_, text)| text.as_str()).collect();
            (picked.iter().fold(0, |bits, (one, _)| bits | one), text.join(","))
        };
        let [(before, current), (wanted, desired), (own, own_text), (keep, keep_text), (never, never_text)] =
            [some(4), some(6), some(1), some(1), some(1)];
        let limit = 1 + random.below(3) as usize;
        let given = |text: &str| set(&text.replace(',', " "));
        let planner =
            Planner::new().limit(limit).own(given(&own_text)).keep(given(&keep_text)).never(given(&never_text));
        let plan = plan(&planner, &current, &desired);

        let everyone = |text: &str, bits: Toy| if text.is_empty() { Toy::MAX } else { bits };
        let best = if desired.is_empty() { Some(0) } else { cheapest(&all, wanted, never, limit) };
        let listed = |text: &String| all.iter().find(|(_, known)| known == text).unwrap().0;
        let list = plan.ranges().iter().map(listed).fold(0, |bits, one| bits | one);
        let context = format!("round {round}: {current} to {desired}, at most {limit}, never {never_text}");
        match best {
            None => {
                seen[0] += 1;
                assert!(matches!(plan.refused(), Some(Refusal::NoFit { .. })), "{context}");
                let witness: IpAddr = plan.refused().unwrap().witness().unwrap().parse().unwrap();
                assert!(given(&never_text).contains(witness), "{context}");
                assert_eq!((list, toy(plan.beyond())), (wanted, 0), "{context}");
            }
            Some(cost) => {
                assert_eq!(toy(plan.beyond()), list & !wanted, "{context}");
                assert_eq!((list & !wanted).count_ones(), cost, "{context}");
                assert_eq!(wanted & !list, 0, "{context}");
                assert!(plan.ranges().len() <= limit, "{context}");
                seen[1] += usize::from(cost > 0);
            }
        }
        let (before, after) = (everyone(&current, before) | own, everyone(&desired, list) | own);
        assert_eq!(toy(plan.opens()), after & !before, "{context}");
        assert_eq!(toy(plan.closes()), before & !after, "{context}");
        let outside = IpAddr::from([9, 9, 9, 9]);
        assert_eq!(plan.opens().contains(outside), desired.is_empty() && !current.is_empty());
        if best.is_some() {
            let out = keep & !after;
            let witness = plan.refused().map(|refused| refused.witness().unwrap());
            let want = (out != 0).then(|| format!("20.0.0.{}", out.trailing_zeros()));
            assert_eq!(witness, want, "{context}");
            seen[2 + usize::from(out != 0)] += 1;
        }
        assert_eq!(plan.command().is_none(), plan.refused().is_some());
        assert_eq!(plan.ranges().is_empty(), desired.is_empty());
    }
    assert!(seen.iter().all(|count| *count > 100), "{seen:?}");
}
