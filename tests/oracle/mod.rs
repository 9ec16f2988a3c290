//! The second opinion, by the slowest and plainest way there is: rules as plain structs, looked through one by one.
//!
//! It shares nothing with the library. An address is its family and a number, a network a first and a last one, and
//! all the arithmetic is done here, as one would by hand.

// Every test file uses its own part of this one.
#![allow(dead_code)]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The first and the last IPv6 address that are IPv4 addresses in disguise.
pub(crate) const MAPPED: (u128, u128) = (0xffff_0000_0000, 0xffff_ffff_ffff);

/// An address: its family and its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Addr {
    pub(crate) v6: bool,
    pub(crate) bits: u128,
}

impl Addr {
    /// The address, as IPv4 if it is IPv4 in disguise.
    pub(crate) fn folded(v6: bool, bits: u128) -> Self {
        if v6 && MAPPED.0 <= bits && bits <= MAPPED.1 {
            Self { v6: false, bits: bits - MAPPED.0 }
        } else {
            Self { v6, bits }
        }
    }

    pub(crate) fn of(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => Self { v6: false, bits: u32::from(ip).into() },
            IpAddr::V6(ip) => Self::folded(true, ip.into()),
        }
    }

    pub(crate) fn ip(self) -> IpAddr {
        if self.v6 { Ipv6Addr::from(self.bits).into() } else { Ipv4Addr::from(self.bits as u32).into() }
    }

    /// The IPv6 address in which an IPv4 address is disguised.
    pub(crate) fn disguised(self) -> Option<IpAddr> {
        (!self.v6).then(|| Ipv6Addr::from(MAPPED.0 + self.bits).into())
    }
}

/// How many bits an address of the family has.
pub(crate) fn width(v6: bool) -> u32 {
    if v6 { 128 } else { 32 }
}

/// The largest number of the family.
pub(crate) fn top(v6: bool) -> u128 {
    if v6 { u128::MAX } else { 0xffff_ffff }
}

/// Addresses of one family, from the first to the last, both among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    pub(crate) v6: bool,
    pub(crate) first: u128,
    pub(crate) last: u128,
}

impl Span {
    pub(crate) fn contains(&self, at: Addr) -> bool {
        self.v6 == at.v6 && self.first <= at.bits && at.bits <= self.last
    }
}

/// The network of this length that the address lies in.
pub(crate) fn network(v6: bool, bits: u128, len: u32) -> Span {
    let hosts = match width(v6) - len {
        128 => u128::MAX,
        free => (1 << free) - 1,
    };
    Span { v6, first: bits - (bits & hosts), last: bits | hosts }
}

/// The network and its length, as IPv4 if all of it is IPv4 in disguise.
pub(crate) fn folded_network(v6: bool, bits: u128, len: u32) -> (Span, u32) {
    let Span { first, last, .. } = network(v6, bits, len);
    if v6 && MAPPED.0 <= first && last <= MAPPED.1 {
        (Span { v6: false, first: first - MAPPED.0, last: last - MAPPED.0 }, len - 96)
    } else {
        (Span { v6, first, last }, len)
    }
}

/// Spans as runs, IPv4 first, rising: joined where they overlap or touch. No one can ask for an IPv6 address in
/// disguise as such, so a run ends before that block, or goes on across it.
pub(crate) fn runs(spans: &[Span]) -> Vec<Span> {
    let mut parts = Vec::new();
    for span in spans {
        if !span.v6 {
            parts.push(*span);
            continue;
        }
        if span.first < MAPPED.0 {
            parts.push(Span { last: span.last.min(MAPPED.0 - 1), ..*span });
        }
        if span.last > MAPPED.1 {
            parts.push(Span { first: span.first.max(MAPPED.1 + 1), ..*span });
        }
    }
    parts.sort();
    let mut runs: Vec<Span> = Vec::new();
    for part in parts {
        if let Some(run) = runs.last_mut() {
            let touches = part.first <= run.last
                || part.first - 1 == run.last
                || run.last == MAPPED.0 - 1 && part.first == MAPPED.1 + 1;
            if run.v6 == part.v6 && touches {
                run.last = run.last.max(part.last);
                continue;
            }
        }
        runs.push(part);
    }
    runs
}

/// The smallest list of networks that is this run, each with its length: again and again the largest network that
/// starts where the last one ended and does not reach too far.
pub(crate) fn cut(run: Span) -> Vec<(Span, u32)> {
    let mut list = Vec::new();
    let mut at = run.first;
    loop {
        let len = (0..=width(run.v6)).find(|len| {
            let net = network(run.v6, at, *len);
            net.first == at && net.last <= run.last
        });
        let len = len.expect("a single address fits");
        let net = network(run.v6, at, len);
        list.push((net, len));
        if net.last == run.last {
            return list;
        }
        at = net.last + 1;
    }
}

/// The smallest list of networks of a set; the block of disguised addresses itself is never written.
pub(crate) fn smallest_list(spans: &[Span]) -> Vec<(Span, u32)> {
    let mut list: Vec<_> = runs(spans).into_iter().flat_map(cut).collect();
    list.retain(|(net, _)| !(net.v6 && (net.first, net.last) == MAPPED));
    list
}

/// Who wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Precedence {
    FirstMatch,
    LongestPrefix,
    DenyOverrides,
    Priority,
}

impl Precedence {
    pub(crate) const ALL: [Self; 4] = [Self::FirstMatch, Self::LongestPrefix, Self::DenyOverrides, Self::Priority];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::FirstMatch => "first-match",
            Self::LongestPrefix => "longest-prefix",
            Self::DenyOverrides => "deny-overrides",
            Self::Priority => "priority",
        }
    }
}

/// A rule: what it says, of which addresses, and what counts when it meets another.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) allow: bool,
    /// The addresses, in parts, each with the length that counts under longest-prefix.
    pub(crate) parts: Vec<(Span, u32)>,
    pub(crate) priority: u32,
}

impl Rule {
    /// The length that counts at the address; nothing if the rule does not contain it.
    pub(crate) fn length_at(&self, at: Addr) -> Option<u32> {
        self.parts.iter().find(|(span, _)| span.contains(at)).map(|(_, len)| *len)
    }

    pub(crate) fn contains(&self, at: Addr) -> bool {
        self.length_at(at).is_some()
    }
}

/// Whom a rule is about: a network counts with the length it is written with.
pub(crate) fn of_network(v6: bool, bits: u128, len: u32) -> Vec<(Span, u32)> {
    vec![folded_network(v6, bits, len)]
}

/// A range or a set counts as the networks of its smallest list.
pub(crate) fn of_spans(spans: &[Span]) -> Vec<(Span, u32)> {
    runs(spans).into_iter().flat_map(cut).collect()
}

/// All is /0 of each family.
pub(crate) fn of_all() -> Vec<(Span, u32)> {
    vec![(network(false, 0, 0), 0), (network(true, 0, 0), 0)]
}

/// Whether `new` wins over `old`, which comes before it. Beside each rule the length that counts.
fn wins(precedence: Precedence, (new, new_len): (&Rule, u32), (old, old_len): (&Rule, u32)) -> bool {
    let deny_over_allow = !new.allow && old.allow;
    match precedence {
        Precedence::FirstMatch => false,
        Precedence::LongestPrefix => new_len > old_len || new_len == old_len && deny_over_allow,
        Precedence::DenyOverrides => deny_over_allow,
        Precedence::Priority => new.priority < old.priority || new.priority == old.priority && deny_over_allow,
    }
}

/// The rule that decides, among those that may.
fn winner(precedence: Precedence, rules: &[Rule], at: Addr, may: impl Fn(usize) -> bool) -> Option<usize> {
    let mut best = None;
    for (index, rule) in rules.iter().enumerate() {
        let Some(len) = rule.length_at(at).filter(|_| may(index)) else { continue };
        if best.is_none_or(|(old, old_len)| wins(precedence, (rule, len), (&rules[old], old_len))) {
            best = Some((index, len));
        }
    }
    best.map(|(index, _)| index)
}

/// The answer for an address, and the rule that gives it; none is the default.
pub(crate) fn answer(precedence: Precedence, rules: &[Rule], default: bool, at: Addr) -> (bool, Option<usize>) {
    let rule = winner(precedence, rules, at, |_| true);
    (rule.map_or(default, |rule| rules[rule].allow), rule)
}

/// The answer if one rule were not there.
pub(crate) fn answer_without(
    without: usize,
    precedence: Precedence,
    rules: &[Rule],
    default: bool,
    at: Addr,
) -> (bool, Option<usize>) {
    let rule = winner(precedence, rules, at, |index| index != without);
    (rule.map_or(default, |rule| rules[rule].allow), rule)
}

/// All rules that contain the address, in the order in which they would win.
pub(crate) fn ranking(precedence: Precedence, rules: &[Rule], at: Addr) -> Vec<usize> {
    let mut order = Vec::new();
    while let Some(next) = winner(precedence, rules, at, |index| !order.contains(&index)) {
        order.push(next);
    }
    order
}

/// The addresses at which any answer can change, rising: between one and the next all addresses are alike. None is in
/// the block of disguised addresses; what would change there changes after it.
pub(crate) fn turns<'a>(spans: impl IntoIterator<Item = &'a Span>) -> Vec<Addr> {
    let mut turns = vec![Addr { v6: false, bits: 0 }, Addr { v6: true, bits: 0 }];
    turns.push(Addr { v6: true, bits: MAPPED.1 + 1 });
    for span in spans {
        turns.push(Addr { v6: span.v6, bits: span.first });
        if span.last < top(span.v6) {
            turns.push(Addr { v6: span.v6, bits: span.last + 1 });
        }
    }
    turns.retain(|at| Addr::folded(at.v6, at.bits) == *at);
    turns.sort();
    turns.dedup();
    turns
}

/// The stretches between the turns where `what` gives the same, joined, each with what it gives. Together they are
/// both families; the block of disguised addresses belongs to the stretch before it.
pub(crate) fn stretches<T: PartialEq>(turns: &[Addr], what: impl Fn(Addr) -> T) -> Vec<(Span, T)> {
    let mut stretches: Vec<(Span, T)> = Vec::new();
    for at in turns {
        let this = what(*at);
        let span = Span { v6: at.v6, first: at.bits, last: top(at.v6) };
        match stretches.last_mut() {
            Some((before, same)) if before.v6 == at.v6 && *same == this => {}
            Some((before, _)) if before.v6 == at.v6 => {
                before.last = at.bits - 1;
                stretches.push((span, this));
            }
            _ => stretches.push((span, this)),
        }
    }
    stretches
}

/// The largest network round the address that lies in the stretch and does not end among disguised addresses.
pub(crate) fn largest_network(at: Addr, stretch: Span) -> (Span, u32) {
    let fits = |len: &u32| {
        let net = network(at.v6, at.bits, *len);
        let inside = stretch.first <= net.first && net.last <= stretch.last;
        inside && !(at.v6 && MAPPED.0 <= net.last && net.last <= MAPPED.1)
    };
    let len = (0..=width(at.v6)).find(fits).expect("a single address fits");
    (network(at.v6, at.bits, len), len)
}

/// Membership of a set, by looking through its spans.
pub(crate) fn is_member(spans: &[Span], at: Addr) -> bool {
    spans.iter().any(|span| span.contains(at))
}
