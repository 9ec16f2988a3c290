//! Random policies and sets over few addresses, so that rules meet: the ends of both families, neighbours, and all that
//! is in and around the block of IPv4 addresses in disguise (`::ffff:0:0/96`).
//!
//! A case is written as text or JSON here, by hand, and as rules of the oracle.

#![allow(dead_code)]

use std::fmt::Write;

use proptest::prelude::*;
use proptest::sample::select;

use crate::oracle::{
    Addr, MAPPED, Precedence, Rule, Span, folded_network, network, of_all, of_network, of_spans, width,
};

/// So many cases, or as many as `PROPTEST_CASES` asks for, if that is more. A failure prints its smallest case, which is
/// better kept as a test of its own than as a seed.
pub(crate) fn config(cases: u32) -> ProptestConfig {
    let default = ProptestConfig::default();
    let cases = cases.max(default.cases);
    ProptestConfig { cases, max_global_rejects: 4 * cases, failure_persistence: None, ..default }
}

const V4: [u128; 12] = [
    0,
    1,
    0x0a00_0000,
    0x0a00_0007,
    0x0a00_0080,
    0x0a00_00ff,
    0x0a00_0100,
    0x7fff_ffff,
    0x8000_0000,
    0xc000_0201,
    0xffff_fffe,
    0xffff_ffff,
];
const V4_LENGTHS: [u32; 10] = [0, 1, 8, 9, 23, 24, 25, 30, 31, 32];

const V6: [u128; 22] = [
    0,
    1,
    0x8000_0000_0000,
    0xfff8_0000_0000,
    0xfffe_0000_0000,
    0xfffe_0000_0001,
    0xfffe_ffff_fffe,
    0xfffe_ffff_ffff,
    // These four are IPv4.
    0xffff_0000_0000,
    0xffff_0a00_0000,
    0xffff_0a00_0080,
    0xffff_ffff_ffff,
    0x1_0000_0000_0000,
    0x1_0000_0000_0001,
    0x1_0000_ffff_ffff,
    0x1_ffff_ffff_ffff,
    0x2001_0db8 << 96,
    (0x2001_0db8 << 96) + 0xff,
    (0x2001_0db8 << 96) + 0x1_0000,
    1 << 127,
    u128::MAX - 1,
    u128::MAX,
];
const V6_LENGTHS: [u32; 23] =
    [0, 1, 16, 32, 48, 64, 78, 79, 80, 81, 87, 88, 93, 94, 95, 96, 97, 104, 112, 120, 121, 127, 128];

/// An entry as it is written: IPv6 may well be IPv4 in disguise.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    Address { v6: bool, bits: u128 },
    Network { v6: bool, bits: u128, len: u32 },
    Range { v6: bool, first: u128, last: u128 },
}

fn written(v6: bool, bits: u128) -> String {
    // Of the family as it stands, so that disguises are written as such.
    if v6 { std::net::Ipv6Addr::from(bits).to_string() } else { Addr { v6, bits }.ip().to_string() }
}

impl Piece {
    pub(crate) fn text(&self) -> String {
        match *self {
            Self::Address { v6, bits } => written(v6, bits),
            Self::Network { v6, bits, len } => format!("{}/{len}", written(v6, network(v6, bits, len).first)),
            Self::Range { v6, first, last } => format!("{}-{}", written(v6, first), written(v6, last)),
        }
    }

    pub(crate) fn span(&self) -> Span {
        match *self {
            Self::Address { v6, bits } => folded_network(v6, bits, width(v6)).0,
            Self::Network { v6, bits, len } => folded_network(v6, bits, len).0,
            Self::Range { v6, first, last } => {
                let (first, last) = (Addr::folded(v6, first), Addr::folded(v6, last));
                Span { v6: first.v6, first: first.bits, last: last.bits }
            }
        }
    }

    /// What a writer makes of it: a network wherever it is one.
    pub(crate) fn canonical(&self) -> String {
        let Span { v6, first, last } = self.span();
        let ip = |bits| Addr { v6, bits }.ip();
        let len = (0..=width(v6)).find(|len| network(v6, first, *len) == Span { v6, first, last });
        len.map_or_else(|| format!("{}-{}", ip(first), ip(last)), |len| format!("{}/{len}", ip(first)))
    }

    fn parts(&self) -> Vec<(Span, u32)> {
        match *self {
            Self::Address { v6, bits } => of_network(v6, bits, width(v6)),
            Self::Network { v6, bits, len } => of_network(v6, bits, len),
            Self::Range { .. } => of_spans(&[self.span()]),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Target {
    Piece(Piece),
    All,
    /// A set by its number.
    Set(usize),
}

/// One line: an action and its targets.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    pub(crate) allow: bool,
    pub(crate) targets: Vec<Target>,
    pub(crate) priority: u32,
    pub(crate) note: &'static str,
}

#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) precedence: Precedence,
    pub(crate) default: bool,
    pub(crate) sets: Vec<Vec<Piece>>,
    /// Whether the sets stand after the rules that use them.
    pub(crate) sets_last: bool,
    pub(crate) statements: Vec<Statement>,
}

pub(crate) fn action(allow: bool) -> &'static str {
    if allow { "allow" } else { "deny" }
}

fn target_text(target: &Target) -> String {
    match target {
        Target::Piece(piece) => piece.text(),
        Target::All => "all".into(),
        Target::Set(number) => format!("@set-{number}"),
    }
}

impl Case {
    fn has_priority(&self) -> bool {
        self.precedence == Precedence::Priority
    }

    /// As policy text.
    pub(crate) fn text(&self) -> String {
        let mut sets = String::new();
        for (number, pieces) in self.sets.iter().enumerate() {
            // Half of it where the set is defined, half added.
            let (defined, added) = pieces.split_at(pieces.len() / 2);
            let list = |pieces: &[Piece]| pieces.iter().map(Piece::text).collect::<Vec<_>>().join(", ");
            writeln!(sets, "set set-{number} = {}", list(defined)).unwrap();
            if !added.is_empty() {
                writeln!(sets, "set set-{number} += {}", list(added)).unwrap();
            }
        }
        let mut rules = String::new();
        for statement in &self.statements {
            let targets: Vec<_> = statement.targets.iter().map(target_text).collect();
            write!(rules, "{} {}", action(statement.allow), targets.join(" ,\t")).unwrap();
            if self.has_priority() {
                write!(rules, " priority={}", statement.priority).unwrap();
            }
            writeln!(rules, " # {}", statement.note).unwrap();
        }
        let (first, then) = if self.sets_last { (rules, sets) } else { (sets, rules) };
        format!("{first}precedence {}\ndefault {}\n{then}", self.precedence.name(), action(self.default))
    }

    /// As JSON.
    pub(crate) fn json(&self) -> String {
        let list =
            |entries: Vec<String>| entries.iter().map(|entry| format!("{entry:?}")).collect::<Vec<_>>().join(",");
        let sets = self.sets.iter().enumerate();
        let sets = sets
            .map(|(number, pieces)| format!("\"set-{number}\":[{}]", list(pieces.iter().map(Piece::text).collect())));
        let rules = self.statements.iter().map(|statement| {
            let source = list(statement.targets.iter().map(target_text).collect());
            // None of the notes holds what JSON and Rust escape differently.
            let mut rule = format!("{{\"note\":{:?},\"source\":[{source}]", statement.note);
            if self.has_priority() {
                write!(rule, ",\"priority\":{}", statement.priority).unwrap();
            }
            format!("{rule},\"action\":\"{}\"}}", action(statement.allow))
        });
        format!(
            "\u{feff} {{\"rules\":[{}],\r\n\"sets\":{{{}}},\"default\":\"{}\",\"precedence\":\"{}\"}}\n",
            rules.collect::<Vec<_>>().join(",\n\t"),
            sets.collect::<Vec<_>>().join(","),
            action(self.default),
            self.precedence.name(),
        )
    }

    /// Each rule, with its statement and what its target is called.
    pub(crate) fn expanded(&self) -> impl Iterator<Item = (&Statement, &Target)> {
        self.statements.iter().flat_map(|statement| statement.targets.iter().map(move |target| (statement, target)))
    }

    /// A rule as it is shown.
    pub(crate) fn shown(&self, statement: &Statement, target: &Target) -> String {
        let target = match target {
            Target::Piece(piece) => piece.canonical(),
            target => target_text(target),
        };
        let priority = if self.has_priority() { format!(" priority={}", statement.priority) } else { String::new() };
        format!("{} {target}{priority}", action(statement.allow))
    }

    pub(crate) fn set_spans(&self, number: usize) -> Vec<Span> {
        self.sets[number].iter().map(Piece::span).collect()
    }

    /// As rules of the oracle.
    pub(crate) fn rules(&self) -> Vec<Rule> {
        let rule = |(statement, target): (&Statement, &Target)| Rule {
            allow: statement.allow,
            priority: statement.priority,
            parts: match target {
                Target::Piece(piece) => piece.parts(),
                Target::All => of_all(),
                Target::Set(number) => of_spans(&self.set_spans(*number)),
            },
        };
        self.expanded().map(rule).collect()
    }
}

/// Where something may change, the addresses next to it, and some others.
pub(crate) fn probes(turns: &[Addr], others: &[u128]) -> Vec<Addr> {
    let near = |at: &Addr| {
        let bits = [at.bits, at.bits.saturating_sub(1), at.bits + u128::from(at.bits < crate::oracle::top(at.v6))];
        bits.map(|bits| Addr::folded(at.v6, bits))
    };
    let mut probes: Vec<_> = turns.iter().flat_map(near).collect();
    for bits in others {
        probes.push(Addr::folded(true, *bits));
        probes.push(Addr { v6: false, bits: bits >> 96 });
    }
    for (pool, v6) in [(&V4[..], false), (&V6[..], true)] {
        probes.extend(pool.iter().map(|bits| Addr::folded(v6, *bits)));
    }
    probes.sort();
    probes.dedup();
    probes
}

/// A number of the pool, or one next to it.
fn near(v6: bool) -> impl Strategy<Value = u128> {
    let pool = if v6 { &V6[..] } else { &V4[..] };
    (select(pool), 0..8u8).prop_map(move |(bits, step)| match step {
        0 => bits.saturating_sub(1),
        1 => (bits + u128::from(bits < crate::oracle::top(v6))).min(crate::oracle::top(v6)),
        _ => bits,
    })
}

fn range(v6: bool, a: u128, b: u128) -> Piece {
    let disguised = |bits| v6 && MAPPED.0 <= bits && bits <= MAPPED.1;
    let (mut first, mut last) = (a.min(b), a.max(b));
    // One end of a range in disguise and the other not is a fault; such an end moves out of the block.
    if disguised(first) != disguised(last) {
        if disguised(first) {
            first = MAPPED.1 + 1;
        } else {
            last = MAPPED.0 - 1;
        }
    }
    Piece::Range { v6, first, last }
}

fn piece_of(v6: bool) -> impl Strategy<Value = Piece> {
    let lengths = if v6 { &V6_LENGTHS[..] } else { &V4_LENGTHS[..] };
    prop_oneof![
        1 => near(v6).prop_map(move |bits| Piece::Address { v6, bits }),
        4 => (near(v6), select(lengths)).prop_map(move |(bits, len)| Piece::Network { v6, bits, len }),
        2 => (near(v6), near(v6)).prop_map(move |(a, b)| range(v6, a, b)),
    ]
}

pub(crate) fn piece() -> impl Strategy<Value = Piece> {
    prop_oneof![2 => piece_of(false), 3 => piece_of(true)]
}

fn statement() -> impl Strategy<Value = Statement> {
    let target = prop_oneof![
        12 => piece().prop_map(Target::Piece),
        1 => Just(Target::All),
        3 => (0..3usize).prop_map(Target::Set),
    ];
    let notes = vec!["", "", "lost laptop", "a # b, c; d", "a \"b\" \\ c", "Größe,\t日本", "priority=3"];
    let priorities = vec![0, 1, 2, 100, u32::MAX];
    (any::<bool>(), proptest::collection::vec(target, 1..4), select(priorities), select(notes))
        .prop_map(|(allow, targets, priority, note)| Statement { allow, targets, priority, note })
}

pub(crate) fn precedence() -> impl Strategy<Value = Precedence> {
    select(&Precedence::ALL[..])
}

pub(crate) fn case() -> impl Strategy<Value = Case> {
    let set = proptest::collection::vec(piece(), 0..6);
    let sets = proptest::collection::vec(set, 3);
    let statements = proptest::collection::vec(statement(), 0..8);
    (precedence(), any::<bool>(), any::<bool>(), sets, statements).prop_map(
        |(precedence, default, sets_last, sets, statements)| Case { precedence, default, sets, sets_last, statements },
    )
}
