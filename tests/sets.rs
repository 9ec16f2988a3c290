//! Random sets against the oracle, and the laws of sets.

mod cases;
mod oracle;

use std::net::IpAddr;

use cases::Piece;
use cidrgate::{CidrSet, IpRange};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use oracle::{Addr, MAPPED, Span};
use proptest::prelude::*;

fn pieces() -> impl Strategy<Value = Vec<Piece>> {
    proptest::collection::vec(cases::piece(), 0..10)
}

fn spans(pieces: &[Piece]) -> Vec<Span> {
    pieces.iter().map(Piece::span).collect()
}

fn ip(v6: bool, bits: u128) -> IpAddr {
    // As it is written, in disguise or not.
    if v6 { std::net::Ipv6Addr::from(bits).into() } else { std::net::Ipv4Addr::from(bits as u32).into() }
}

/// A set made as a program would: from addresses, networks with whatever host bits, and ranges.
fn set(pieces: &[Piece]) -> CidrSet {
    let ranges = pieces.iter().map(|piece| match *piece {
        Piece::Address { v6, bits } => IpRange::from(ip(v6, bits)),
        Piece::Network { v6, bits, len } => IpRange::from(match ip(v6, bits) {
            IpAddr::V4(ip) => IpNet::V4(Ipv4Net::new(ip, len as u8).unwrap()),
            IpAddr::V6(ip) => IpNet::V6(Ipv6Net::new(ip, len as u8).unwrap()),
        }),
        Piece::Range { v6, first, last } => IpRange::new(ip(v6, first), ip(v6, last)).unwrap(),
    });
    ranges.collect()
}

/// A set as a plain list that people write.
fn list(pieces: &[Piece]) -> String {
    pieces.iter().map(|piece| format!("  {} # \n", piece.text())).collect()
}

fn probes(sets: &[&[Piece]]) -> Vec<Addr> {
    let spans: Vec<_> = sets.iter().flat_map(|pieces| spans(pieces)).collect();
    cases::probes(&oracle::turns(&spans), &[])
}

fn ranges(set: &CidrSet) -> Vec<Span> {
    let span = |range: IpRange| {
        let (first, last) = (Addr::of(range.first()), Addr::of(range.last()));
        Span { v6: first.v6, first: first.bits, last: last.bits }
    };
    set.ranges().map(span).collect()
}

/// A network as family, first and last number; not folded, because what is printed is not in disguise.
fn networks(set: &CidrSet) -> Vec<(Span, u32)> {
    let network = |net: IpNet| {
        let (v6, bits) = match net.addr() {
            IpAddr::V4(ip) => (false, u128::from(u32::from(ip))),
            IpAddr::V6(ip) => (true, ip.into()),
        };
        (oracle::network(v6, bits, net.prefix_len().into()), net.prefix_len().into())
    };
    set.networks().map(network).collect()
}

/// The number of addresses in decimal, added up digit by digit, as a sum can have more than 128 bits.
fn sum(numbers: &[String]) -> String {
    let mut digits = vec![0];
    for number in numbers {
        for (at, digit) in number.bytes().rev().enumerate() {
            digits.resize(digits.len().max(at + 1), 0);
            digits[at] += u32::from(digit - b'0');
        }
    }
    let mut carry = 0;
    for digit in &mut digits {
        *digit += carry;
        carry = *digit / 10;
        *digit %= 10;
    }
    while carry > 0 {
        digits.push(carry % 10);
        carry /= 10;
    }
    while digits.len() > 1 && digits.last() == Some(&0) {
        digits.pop();
    }
    digits.iter().rev().map(|digit| digit.to_string()).collect()
}

/// How many addresses the runs have. A run across the block of disguised addresses counts those too.
fn count(runs: &[Span]) -> String {
    let sizes = runs.iter().map(|run| (run.last - run.first).to_string());
    sum(&sizes.chain(std::iter::repeat_n("1".to_string(), runs.len())).collect::<Vec<_>>())
}

/// How many addresses are in the set that anyone can ask for.
fn askable(set: &CidrSet) -> String {
    let parts = ranges(set).into_iter().flat_map(|run| {
        if run.v6 && run.first < MAPPED.0 && run.last > MAPPED.1 {
            vec![Span { last: MAPPED.0 - 1, ..run }, Span { first: MAPPED.1 + 1, ..run }]
        } else {
            vec![run]
        }
    });
    count(&parts.collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(cases::config(4000))]

    #[test]
    fn a_set_is_what_the_oracle_says(pieces in pieces()) {
        let (set, spans) = (set(&pieces), spans(&pieces));
        for at in probes(&[&pieces]) {
            for ip in [Some(at.ip()), at.disguised()].into_iter().flatten() {
                prop_assert_eq!(set.contains(ip), oracle::is_member(&spans, at), "{}", ip);
            }
        }
        let runs = oracle::runs(&spans);
        prop_assert_eq!(set.ranges().len(), runs.len());
        prop_assert_eq!(ranges(&set), &runs[..]);
        prop_assert_eq!(networks(&set), oracle::smallest_list(&spans));
        prop_assert_eq!(set.is_empty(), pieces.is_empty());
        prop_assert_eq!(set.count().to_string(), count(&runs));
        if let Some(number) = set.count().to_u128() {
            prop_assert_eq!(number.to_string(), count(&runs));
            prop_assert!(set.count() == number && set.count() >= number);
        }
        for (part, v6) in [(set.only_v4(), false), (set.only_v6(), true)] {
            prop_assert_eq!(ranges(&part), runs.iter().filter(|run| run.v6 == v6).copied().collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_list_of_networks_is_the_smallest(pieces in pieces()) {
        // What makes a list the smallest, whoever made it: it rises, nothing is in anything, no two are halves of one.
        let list = networks(&set(&pieces));
        for two in list.windows(2) {
            let [(a, a_len), (b, b_len)] = [two[0], two[1]];
            prop_assert!(!a.v6 && b.v6 || a.v6 == b.v6 && a.last < b.first, "{:?} {:?}", a, b);
            let halves = a.v6 == b.v6 && a_len == b_len && a_len > 0 && {
                let whole = oracle::network(a.v6, a.first, a_len - 1);
                (whole.first, whole.last) == (a.first, b.last)
            };
            prop_assert!(!halves, "{:?} {:?}", a, b);
        }
        // None starts in the block of disguised addresses; the one that takes it along starts before.
        prop_assert!(list.iter().all(|(net, _)| Addr::folded(net.v6, net.first).v6 == net.v6));
    }

    #[test]
    fn however_it_is_made_it_is_the_same_set(pieces in pieces(), turn in 0..9usize) {
        let expected = set(&pieces);
        let mut turned = [&pieces[..], &pieces[..]].concat();
        turned.rotate_left(turn.min(pieces.len()));
        turned.reverse();
        prop_assert_eq!(&set(&turned), &expected);
        prop_assert_eq!(&CidrSet::read(list(&pieces)).unwrap(), &expected);
        prop_assert_eq!(&expected.networks().collect::<CidrSet>(), &expected);
        prop_assert_eq!(&expected.ranges().collect::<CidrSet>(), &expected);
        prop_assert_eq!(&CidrSet::try_from_ranges(expected.ranges()).unwrap(), &expected);
        // What is printed reads back, as networks and as ranges.
        prop_assert_eq!(&expected.to_string().parse::<CidrSet>().unwrap(), &expected);
        let ranges: String = expected.ranges().map(|range| format!("{range}\n")).collect();
        prop_assert_eq!(&ranges.parse::<CidrSet>().unwrap(), &expected);
        // One by one, in one go, and through either half.
        let ones: Vec<_> = pieces.iter().map(|piece| set(std::slice::from_ref(piece))).collect();
        prop_assert_eq!(&ones.iter().fold(CidrSet::new(), |all, one| all | one), &expected);
        prop_assert_eq!(&CidrSet::union_of(&ones).unwrap(), &expected);
        prop_assert_eq!(&(expected.only_v4() | expected.only_v6()), &expected);
    }

    #[test]
    fn operators_do_what_they_say(a in pieces(), b in pieces()) {
        let (x, y) = (set(&a), set(&b));
        let (in_a, in_b) = (spans(&a), spans(&b));
        let turns = oracle::turns(in_a.iter().chain(&in_b));
        let expected = |keep: fn(bool, bool) -> bool| {
            let stretches = oracle::stretches(&turns, |at| keep(oracle::is_member(&in_a, at), oracle::is_member(&in_b, at)));
            let kept: Vec<_> = stretches.into_iter().filter(|(_, kept)| *kept).map(|(span, _)| span).collect();
            oracle::runs(&kept)
        };
        prop_assert_eq!(ranges(&(&x | &y)), expected(|a, b| a || b));
        prop_assert_eq!(ranges(&(&x & &y)), expected(|a, b| a && b));
        prop_assert_eq!(ranges(&(&x - &y)), expected(|a, b| a && !b));
        prop_assert_eq!(ranges(&(&x ^ &y)), expected(|a, b| a != b));
        prop_assert_eq!(ranges(&!&x), expected(|a, _| !a));
        prop_assert_eq!(x.is_subset(&y), expected(|a, b| a && !b).is_empty());
        prop_assert_eq!(x == y, expected(|a, b| a != b).is_empty());
        // Owned and borrowed are one.
        prop_assert_eq!(x.clone() | y.clone(), &x | &y);
        prop_assert_eq!(x.clone() & &y, &x & y.clone());
        // What a complement, a difference prints reads back.
        for result in [!&x, &x - &y, &x ^ &y] {
            prop_assert_eq!(&result.to_string().parse::<CidrSet>().unwrap(), &result);
        }
    }

    #[test]
    fn the_laws_of_sets_hold(a in pieces(), b in pieces(), c in pieces()) {
        let (a, b, c) = (&set(&a), &set(&b), &set(&c));
        let (none, all) = (&CidrSet::new(), &CidrSet::all());
        prop_assert_eq!(!(a | b), !a & !b);
        prop_assert_eq!(!(a & b), !a | !b);
        prop_assert_eq!(!!a, a.clone());
        let either: fn(&CidrSet, &CidrSet) -> CidrSet = |a, b| a | b;
        let both: fn(&CidrSet, &CidrSet) -> CidrSet = |a, b| a & b;
        for op in [either, both] {
            prop_assert_eq!(&op(a, a), a);
            prop_assert_eq!(op(a, b), op(b, a));
            prop_assert_eq!(op(&op(a, b), c), op(a, &op(b, c)));
        }
        prop_assert_eq!((a ^ b) ^ c, a ^ (b ^ c));
        prop_assert_eq!(a & (b | c), (a & b) | (a & c));
        prop_assert_eq!(a | (b & c), (a | b) & (a | c));
        prop_assert_eq!(a - b, a & !b);
        prop_assert_eq!(a ^ b, (a - b) | (b - a));
        prop_assert_eq!((a | none, a & none, a | all, a & all), (a.clone(), none.clone(), all.clone(), a.clone()));
        prop_assert_eq!((a | !a, a & !a), (all.clone(), none.clone()));
        prop_assert!((a & b).is_subset(a) && a.is_subset(&(a | b)) && none.is_subset(a) && a.is_subset(all));
        prop_assert_eq!(a.is_subset(b), (a - b).is_empty());
        // Of the addresses anyone can ask for, those in one and those in both are those of each.
        prop_assert_eq!(sum(&[askable(&(a | b)), askable(&(a & b))]), sum(&[askable(a), askable(b)]));
        prop_assert_eq!(sum(&[askable(a), askable(&!a)]), askable(all));
    }
}

#[test]
fn everything_has_2_to_the_128_and_2_to_the_32_addresses() {
    let all = CidrSet::all();
    assert_eq!(all.count().to_string(), sum(&[u128::MAX.to_string(), "1".into(), (1u64 << 32).to_string()]));
    assert_eq!(all.count().to_u128(), None);
    assert_eq!(all.only_v4().count().to_u128(), Some(1 << 32));
    assert_eq!(all.only_v6().count().to_string(), sum(&[u128::MAX.to_string(), "1".into()]));
    assert_eq!(all.only_v6().count().to_u128(), None);
    assert_eq!(all.to_string(), "0.0.0.0/0\n::/0\n");
    // One less than can be had in 128 bits, and one more.
    let but_one = &all.only_v6() - &CidrSet::from("::1".parse::<IpAddr>().unwrap());
    assert_eq!(but_one.count().to_u128(), Some(u128::MAX));
    let with_two: CidrSet = "0.0.0.8/31\n".parse().unwrap();
    assert_eq!((but_one | with_two).count().to_string(), sum(&[u128::MAX.to_string(), "2".into()]));
}

#[test]
fn all_that_is_in_disguise_is_ipv4() {
    for (list, printed) in [
        ("::ffff:0:0/96", "0.0.0.0/0\n"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8\n"),
        ("::ffff:10.0.0.1-::ffff:10.0.0.2", "10.0.0.1/32\n10.0.0.2/32\n"),
        // The other half is in disguise: left out at the end of a run, taken along where the run goes on.
        ("::fffe:0:0/95", "::fffe:0:0/96\n"),
        ("::fffe:0:0/95\n::1:0:0:0", "::fffe:0:0/95\n::1:0:0:0/128\n"),
        ("::fffe:0:0/96\n::1:0:0:0", "::fffe:0:0/95\n::1:0:0:0/128\n"),
        ("::fffe:ffff:ffff-::1:0:0:0", "::fffe:ffff:ffff/128\n::1:0:0:0/128\n"),
        ("::fffe:ffff:ffff\n::1:0:0:0", "::fffe:ffff:ffff/128\n::1:0:0:0/128\n"),
        ("::1:0:0:0/80", "::1:0:0:0/80\n"),
        ("::/0", "::/0\n"),
    ] {
        assert_eq!(CidrSet::read(list).unwrap().to_string(), printed, "{list}");
    }
    // A run counts the block where it goes on across it, and ends before it where it does not.
    let counts =
        [("::fffe:0:0/95", 1u128 << 32), ("::fffe:ffff:ffff-::1:0:0:0", (1 << 32) + 2), ("::1:0:0:0/80", 1 << 48)];
    for (list, count) in counts {
        assert_eq!(CidrSet::read(list).unwrap().count().to_u128(), Some(count), "{list}");
    }
}

#[test]
fn a_range_is_neither_reversed_nor_mixed() {
    let new = |first: &str, last: &str| IpRange::new(first.parse().unwrap(), last.parse().unwrap());
    use cidrgate::RangeError;
    assert_eq!(new("10.0.0.2", "10.0.0.1"), Err(RangeError::Reversed));
    assert_eq!(new("::2", "::1"), Err(RangeError::Reversed));
    assert_eq!(new("10.0.0.1", "::1"), Err(RangeError::Mixed));
    assert_eq!(new("::1", "::ffff:10.0.0.1"), Err(RangeError::Mixed));
    assert_eq!(new("::ffff:10.0.0.2", "10.0.0.1"), Err(RangeError::Reversed));
    let one = new("::ffff:10.0.0.1", "10.0.0.1").unwrap();
    assert_eq!(
        (one.to_string(), one.first(), one.network().unwrap().to_string()),
        ("10.0.0.1-10.0.0.1".into(), "10.0.0.1".parse().unwrap(), "10.0.0.1/32".into())
    );
    assert_eq!(new("0.0.0.0", "255.255.255.255").unwrap().network().unwrap().to_string(), "0.0.0.0/0");
    assert_eq!(new("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff").unwrap().network().unwrap().to_string(), "::/0");
    assert_eq!(new("10.0.0.1", "10.0.0.2").unwrap().network(), None);
    assert!(one.contains("::ffff:10.0.0.1".parse::<IpAddr>().unwrap()));
    assert!(!one.contains("::10.0.0.1".parse::<IpAddr>().unwrap()));
}
