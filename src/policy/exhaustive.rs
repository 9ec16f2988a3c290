//! Everything that two rules can do to each other, in a space of 256 addresses: every pair of networks, every address,
//! all precedences, against a person's reading of the rules.

use alloc::vec::Vec;

use super::{Action, Policy, Precedence, Rule, Target};
use crate::painting::{DEFAULT, Piece, Segments, network_between, sweep};
use crate::trie::Owned;

/// A network of the toy space as a person would write it down.
#[derive(Clone, Copy)]
struct Toy {
    first: u8,
    len: u32,
}

impl Toy {
    fn all() -> Vec<Self> {
        let of_len = |len| (0..1u32 << len).map(move |at| Self { first: (at << (8 - len)) as u8, len });
        (0..=8).flat_map(of_len).collect()
    }

    fn has_one_of(self, owners: &[u32]) -> bool {
        let inside = &owners[usize::from(self.first)..][..256 >> self.len];
        inside.iter().all(|owner| *owner == inside[0])
    }

    fn contains(self, at: u8) -> bool {
        self.len == 0 || (self.first ^ at) >> (8 - self.len) == 0
    }
}

#[derive(Clone, Copy)]
struct ToyRule {
    net: Toy,
    action: Action,
    priority: u32,
}

/// Whether the rule `a` at place `i` beats the rule `b` at place `j`, as the table of precedences says it.
fn beats(precedence: Precedence, (i, a): (usize, ToyRule), (j, b): (usize, ToyRule)) -> bool {
    let deny_first = |otherwise: bool| match (a.action, b.action) {
        (Action::Deny, Action::Allow) => true,
        (Action::Allow, Action::Deny) => false,
        _ => otherwise,
    };
    match precedence {
        Precedence::FirstMatch => i < j,
        Precedence::DenyOverrides => deny_first(i < j),
        Precedence::LongestPrefix if a.net.len != b.net.len => a.net.len > b.net.len,
        Precedence::Priority if a.priority != b.priority => a.priority < b.priority,
        _ => deny_first(i < j),
    }
}

/// Paints the rules and compares owner and runner-up of every address.
fn check(precedence: Precedence, rules: &[ToyRule]) -> Segments<u8> {
    let policy = Policy {
        precedence,
        rules: rules.iter().map(|rule| Rule::new(rule.action, Target::All).with_priority(rule.priority)).collect(),
        ..Policy::default()
    };
    let mut pieces = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        let last = rule.net.first | (0xffu32 >> rule.net.len) as u8;
        let order = policy.order(index, &policy.rules[index], 8, rule.net.len);
        pieces.push(Piece { first: rule.net.first, order, last });
    }
    let mut seen = Vec::new();
    sweep(pieces.clone(), |at, best, second| {
        seen.push((at, best, second));
        Ok(())
    })
    .unwrap();
    let painted = Segments::paint(pieces, |_, _| {}).unwrap();
    let mut stretch = 0;
    for at in 0..=u8::MAX {
        let mut ranking: Vec<_> = rules.iter().copied().enumerate().filter(|(_, rule)| rule.net.contains(at)).collect();
        ranking.sort_by(|a, b| {
            if beats(precedence, *a, *b) { core::cmp::Ordering::Less } else { core::cmp::Ordering::Greater }
        });
        let place = |at: usize| ranking.get(at).map_or(DEFAULT, |(index, _)| *index as u32);
        while seen.get(stretch + 1).is_some_and(|next| next.0 <= at) {
            stretch += 1;
        }
        assert_eq!((seen[stretch].1, seen[stretch].2), (place(0), place(1)), "{precedence} {at}");
        assert_eq!(painted.owners[painted.rank(at)], place(0), "{precedence} {at}");
    }
    assert!(painted.owners.windows(2).all(|pair| pair[0] != pair[1]), "neighbours are joined");
    painted
}

/// Compares the owner of every address, as the index has it, and the largest network around it that has no other.
fn check_index(painted: Segments<u8>, nets: &[Toy]) {
    let owners: Vec<_> = (0..=u8::MAX).map(|at| painted.owners[painted.rank(at)]).collect();
    let owned = Owned::build(painted.edges, painted.owners).unwrap();
    // The largest come first.
    let single: Vec<_> = nets.iter().filter(|net| net.has_one_of(&owners)).collect();
    for at in 0..=u8::MAX {
        let largest = single.iter().find(|net| net.contains(at)).map(|net| net.len);
        let found = owned.find(at);
        let len = found.ends.map_or(0, |(before, last)| network_between(at, before, last));
        assert_eq!((found.owner, Some(len)), (owners[usize::from(at)], largest), "{at} in {owned:?}");
    }
}

#[test]
fn every_pair_of_networks() {
    let both = [Action::Deny, Action::Allow];
    let nets = Toy::all();
    for a in &nets {
        for b in &nets {
            let rule = |net: &Toy, action, priority| ToyRule { net: *net, action, priority };
            check(Precedence::FirstMatch, &[rule(a, Action::Deny, 0), rule(b, Action::Allow, 0)]);
            for (x, y) in both.into_iter().flat_map(|x| both.map(|y| (x, y))) {
                check(Precedence::LongestPrefix, &[rule(a, x, 0), rule(b, y, 0)]);
                check(Precedence::DenyOverrides, &[rule(a, x, 0), rule(b, y, 0)]);
                for priority in 0..3 {
                    check(Precedence::Priority, &[rule(a, x, 1), rule(b, y, priority)]);
                }
            }
        }
    }
}

#[test]
fn many_rules_at_once() {
    let mut state = 1u64;
    let mut random = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % below
    };
    let nets = Toy::all();
    for round in 0..20_000 {
        let count = 1 + random(12);
        let rules: Vec<_> = (0..count)
            .map(|_| ToyRule {
                net: nets[random(nets.len() as u64) as usize],
                action: if random(2) == 0 { Action::Deny } else { Action::Allow },
                priority: random(3) as u32,
            })
            .collect();
        check_index(check(Precedence::ALL[round % 4], &rules), &nets);
    }
}
