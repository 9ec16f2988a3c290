//! Fitting a set to a limit, against every way to widen its networks, and the laws that hold for every set.

mod cases;
mod oracle;

use cases::Piece;
use cidrgate::{CidrSet, Fit, FitError, IpRange};
use ipnet::IpNet;
use oracle::{Addr, MAPPED, Span};
use proptest::prelude::*;

fn pieces(most: usize) -> impl Strategy<Value = Vec<Piece>> {
    proptest::collection::vec(cases::piece(), 0..=most)
}

fn spans(pieces: &[Piece]) -> Vec<Span> {
    pieces.iter().map(Piece::span).collect()
}

fn set(pieces: &[Piece]) -> CidrSet {
    read(&pieces.iter().map(|piece| piece.text() + "\n").collect::<String>())
}

fn read(text: &str) -> CidrSet {
    text.parse().unwrap()
}

fn text(networks: &[IpNet]) -> Vec<String> {
    networks.iter().map(IpNet::to_string).collect()
}

fn span(net: &IpNet) -> Span {
    // Not folded: what is printed is not in disguise.
    let bits = |ip: std::net::IpAddr| match ip {
        std::net::IpAddr::V4(ip) => u128::from(u32::from(ip)),
        std::net::IpAddr::V6(ip) => ip.into(),
    };
    Span { v6: net.addr().is_ipv6(), first: bits(net.network()), last: bits(net.broadcast()) }
}

/// How many addresses anyone can ask for, modulo 2^128.
fn askable(spans: &[Span]) -> u128 {
    let mapped = MAPPED.1 - MAPPED.0 + 1;
    oracle::runs(spans).iter().fold(0u128, |sum, run| {
        let across = run.v6 && run.first < MAPPED.0 && MAPPED.1 < run.last;
        let size = (run.last - run.first).wrapping_add(1).wrapping_sub(if across { mapped } else { 0 });
        sum.wrapping_add(size)
    })
}

/// How many addresses are added that anyone can ask for.
fn cost(set: &[Span], fit: &Fit) -> u128 {
    let list: Vec<_> = fit.networks().iter().map(span).collect();
    askable(&list).wrapping_sub(askable(set))
}

/// What a list of one family costs, by its length, in every way in which the networks can be widened.
fn every_way(networks: &[(Span, u32)], set: &[Span], never: &[Addr]) -> Vec<Option<u128>> {
    let mut best = vec![None; networks.len() + 1];
    let mut lengths = vec![0; networks.len()];
    loop {
        let mut wide: Vec<_> =
            networks.iter().zip(&lengths).map(|((span, _), len)| oracle::network(span.v6, span.first, *len)).collect();
        // A network that lies in another one is none of the list.
        wide.sort_by_key(|wide| (wide.first, u128::MAX - wide.last));
        wide.dedup_by(|inner, outer| inner.last <= outer.last);
        let added = |at: &Addr| oracle::is_member(&wide, *at) && !oracle::is_member(set, *at);
        if !never.iter().any(added) {
            let own: Vec<_> = networks.iter().map(|(span, _)| *span).collect();
            let cost = askable(&wide).wrapping_sub(askable(&own));
            let best = &mut best[wide.len()];
            *best = Some(best.unwrap_or(u128::MAX).min(cost));
        }
        // The next way, the lengths counting up like digits.
        let Some(digit) = (0..lengths.len()).find(|digit| lengths[*digit] < networks[*digit].1) else { return best };
        lengths[..digit].fill(0);
        lengths[digit] += 1;
    }
}

proptest! {
    #![proptest_config(cases::config(2000))]

    #[test]
    fn no_list_is_cheaper(pieces in pieces(4), never in pieces(2)) {
        let spans = spans(&pieces);
        let (v4, v6): (Vec<_>, Vec<_>) = oracle::smallest_list(&spans).into_iter().partition(|(span, _)| !span.v6);
        prop_assume!(v4.len() <= 3 && v6.len() <= 2);
        // The ends stand for all that is never to be in.
        let ends: Vec<_> = never.iter().map(Piece::span).flat_map(|span| {
            [span.first, span.last].map(|bits| Addr::folded(span.v6, bits))
        }).collect();
        let out = ends.iter().map(|at| IpRange::from(at.ip())).collect();

        let (best_v4, best_v6) = (every_way(&v4, &spans, &ends), every_way(&v6, &spans, &ends));
        for max in 0..=v4.len() + v6.len() {
            let mut best = None;
            for (of_v4, cost_v4) in best_v4.iter().enumerate() {
                for (of_v6, cost_v6) in best_v6.iter().enumerate() {
                    if let (Some(a), Some(b), true) = (cost_v4, cost_v6, of_v4 + of_v6 <= max) {
                        let way = (a.checked_add(*b).unwrap(), of_v4 + of_v6);
                        best = Some(best.map_or(way, |best| way.min(best)));
                    }
                }
            }
            match set(&pieces).fit(max, &out) {
                Ok(fit) if max == v4.len() + v6.len() => prop_assert_eq!(cost(&spans, &fit), 0),
                Ok(fit) => prop_assert_eq!(Some((cost(&spans, &fit), fit.networks().len())), best),
                Err(_) => prop_assert_eq!(None, best),
            }
        }
    }
}

proptest! {
    #![proptest_config(cases::config(4000))]

    #[test]
    fn what_holds_for_every_list(pieces in pieces(12), never in pieces(4), max in 0..40usize) {
        let (spans, set, never) = (spans(&pieces), set(&pieces), set(&never));
        let smallest: Vec<_> = set.networks().collect();
        match set.fit(max, &never) {
            Ok(fit) => {
                let list = fit.networks();
                prop_assert!(list.len() <= max);
                // It rises, and nothing is in anything.
                let list_spans: Vec<_> = list.iter().map(span).collect();
                prop_assert!(list_spans.windows(2).all(|two| (two[0].v6, two[0].last) < (two[1].v6, two[1].first)));
                prop_assert!(list.iter().all(|net| *net == net.trunc()));

                prop_assert!(set.is_subset(fit.set()));
                prop_assert_eq!(fit.extra(), &(fit.set() - &set));
                prop_assert!((fit.extra() & &never).is_empty());
                prop_assert_eq!(&list.iter().copied().collect::<CidrSet>(), fit.set());
                prop_assert_eq!(&read(&text(list).join("\n")), fit.set());
                prop_assert_eq!(&set.fit(max, &never), &Ok(fit.clone()));
                if smallest.len() <= max {
                    prop_assert_eq!(list, &smallest[..]);
                    prop_assert_eq!(fit.set(), &set);
                }
                // What is added is counted right, save that a run across the mapped block counts that too.
                let (added, counted) = (cost(&spans, &fit), fit.extra().count());
                let with_block = added.checked_add(1 << 32);
                let is_with_block = with_block.map_or(counted.to_u128().is_none(), |count| counted == count);
                prop_assert!(counted == added || is_with_block);
                prop_assert!(cost(&spans, &set.fit(max + 1, &never).unwrap()) <= added);
            }
            Err(FitError::NoFit { fewest }) => {
                prop_assert!(max < fewest && fewest <= smallest.len());
                prop_assert_eq!(set.fit(fewest, &never).unwrap().networks().len(), fewest);
                prop_assert_eq!(set.fit(fewest - 1, &never), Err(FitError::NoFit { fewest }));
            }
            Err(error) => prop_assert!(false, "{error}"),
        }
        // Where nothing may be added, nothing is.
        if let Ok(fit) = set.fit(max, &!&set) {
            prop_assert_eq!(fit.set(), &set);
        }
    }
}

#[test]
fn the_limit_is_kept_or_said_to_be_too_low() {
    let (empty, all) = (CidrSet::new(), CidrSet::all());
    assert!(empty.fit(0, &all).unwrap().networks().is_empty());
    assert_eq!(all.fit(2, &empty).unwrap().set(), &all);
    for max in [0, 1] {
        assert_eq!(all.fit(max, &empty), Err(FitError::NoFit { fewest: 2 }));
    }
    let one = read("192.0.2.1");
    assert_eq!(one.fit(0, &empty), Err(FitError::NoFit { fewest: 1 }));
    assert_eq!(one.fit(usize::MAX, &all).unwrap().set(), &one);
    let error = |fewest| FitError::NoFit { fewest }.to_string();
    assert_eq!(error(1), "no list is that short; the shortest has 1 network");
    assert_eq!(error(3), "no list is that short; the shortest has 3 networks");
}

#[test]
fn what_is_both_in_the_set_and_never_stays() {
    let set = read("192.0.2.0/25\n192.0.2.192/26");
    let never = read("192.0.2.5");
    assert_eq!(text(set.fit(1, &never).unwrap().networks()), ["192.0.2.0/24"]);
    assert_eq!(set.fit(1, &read("192.0.2.130")), Err(FitError::NoFit { fewest: 2 }));
}

#[test]
fn of_equal_lists_the_shortest_then_the_one_that_widens_low_addresses() {
    let set = read("10.0.0.0\n10.0.0.2\n10.0.1.0\n10.0.1.2");
    let fit = |max| text(set.fit(max, &CidrSet::new()).unwrap().networks());
    assert_eq!(fit(3), ["10.0.0.0/30", "10.0.1.0/32", "10.0.1.2/32"]);
    assert_eq!(fit(2), ["10.0.0.0/30", "10.0.1.0/30"]);

    let set = read("10.0.0.0\n10.0.0.2\n10.0.0.4/31\n10.0.1.0\n10.0.1.2\n10.0.1.4/31");
    let fit = |max| text(set.fit(max, &CidrSet::new()).unwrap().networks());
    assert_eq!(fit(3), ["10.0.0.0/29", "10.0.1.0/30", "10.0.1.4/31"]);

    // Two networks would add two addresses, but so does one.
    let set = read("10.0.0.1\n10.0.0.2/31\n10.0.0.4/31\n10.0.0.7");
    let fit = |max| text(set.fit(max, &CidrSet::new()).unwrap().networks());
    assert_eq!(fit(3), ["10.0.0.0/30", "10.0.0.4/31", "10.0.0.7/32"]);
    assert_eq!(fit(2), ["10.0.0.0/29"]);
}

#[test]
fn both_families_are_counted_alike() {
    // All of IPv4 is less than a /64.
    let set = read("10.0.0.0/8\n192.0.2.0/24\n2001:db8::/64\n2001:db8:0:2::/64");
    assert_eq!(
        text(set.fit(3, &CidrSet::new()).unwrap().networks()),
        ["0.0.0.0/0", "2001:db8::/64", "2001:db8:0:2::/64"]
    );
    let fit = set.fit(3, &read("192.0.2.255\n198.51.100.1")).unwrap();
    assert_eq!(text(fit.networks()), ["10.0.0.0/8", "192.0.2.0/24", "2001:db8::/62"]);
    assert_eq!(fit.extra().count(), 2 << 64);
    let ends = read("::\nffff::\n0.0.0.0\n255.255.255.255");
    let fit = ends.fit(2, &CidrSet::new()).unwrap();
    assert_eq!(text(fit.networks()), ["0.0.0.0/0", "::/0"]);
    assert_eq!(fit.extra(), &!&ends);
}

/// Nobody can ask for an IPv6 address there, so it costs nothing, and a network that ends with it is worth the ones that
/// stop before it.
#[test]
fn the_mapped_block_costs_nothing() {
    let never = CidrSet::new();
    let set = read("::/80");
    assert_eq!(set.networks().count(), 16);
    let fit = set.fit(1, &!&set).unwrap();
    assert_eq!(text(fit.networks()), ["::/80"]);
    assert_eq!((fit.set(), fit.extra()), (&set, &CidrSet::new()));

    // 2^31 addresses and the block, against 2^32 elsewhere.
    let set = read("::fffc:0:0/95\n::fffe:0:0/97\n2001:db8::/97\n2001:db8::1:0:0/97");
    let fit = set.fit(3, &never).unwrap();
    assert_eq!(text(fit.networks()), ["::fffc:0:0/94", "2001:db8::/97", "2001:db8::1:0:0/97"]);
    assert_eq!(fit.extra(), &read("::fffe:8000:0/97"));

    // Across it, where the set's own run takes it along.
    let set = read("::fffe:0:0/95\n::1:0:0:1");
    let fit = set.fit(1, &never).unwrap();
    assert_eq!(text(fit.networks()), ["::/79"]);
    assert!(!fit.extra().contains("::fffe:ffff:ffff".parse::<std::net::Ipv6Addr>().unwrap()));
}
