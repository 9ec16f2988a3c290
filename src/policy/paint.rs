//! From a policy to its painting: every precedence is an order of the rules.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::net::IpAddr;

use super::{Action, Policy, Precedence, Rule, Target};
use crate::edges::Edges;
use crate::error::{OutOfMemory, room};
use crate::fault::{FaultKind, Faults};
use crate::name::SetName;
use crate::painting::{DEFAULT, Order, Painting, Piece, Segments};
use crate::range::{Family, IpRange, Span};
use crate::set::CidrSet;
use crate::text::Canonical;
use crate::word::Networks;

/// Why a policy could not be compiled. It answers nothing then; an older matcher still does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    /// The rules come to more than 2^31 pieces.
    #[error("the policy has more than 2^31 pieces to paint")]
    TooLarge,
    /// Memory for the result could not be had.
    #[error("out of memory")]
    OutOfMemory,
}

impl From<OutOfMemory> for CompileError {
    fn from(OutOfMemory: OutOfMemory) -> Self {
        Self::OutOfMemory
    }
}

impl Policy {
    /// What an owner says: a rule by its index, or [`DEFAULT`].
    pub(crate) fn action_of(&self, owner: u32) -> Action {
        self.rule_of(owner).map_or(self.default, Rule::action)
    }

    pub(crate) fn rule_of(&self, owner: u32) -> Option<&Rule> {
        (owner != DEFAULT).then(|| self.rules.get(owner as usize)).flatten()
    }

    /// Where a rule stands among all, for a piece of this prefix length in a family of `bits`.
    pub(super) fn order(&self, index: usize, rule: &Rule, bits: u32, len: u32) -> Order {
        let allow = rule.action.is_allow();
        let (key, later) = match self.precedence {
            Precedence::FirstMatch => (0, false),
            Precedence::LongestPrefix => (bits - len, allow),
            Precedence::DenyOverrides => (0, allow),
            Precedence::Priority => (rule.priority.unwrap_or(u32::MAX), allow),
        };
        // `paint` has seen that all indices fit.
        Order::new(key, later, u32::try_from(index).unwrap_or(DEFAULT >> 1))
    }

    /// The rules that can show or come second anywhere. Of all rules of one set only two can, so that a large set
    /// costs its size at most twice, however many rules name it.
    fn visible(&self) -> impl Iterator<Item = (usize, &Rule)> {
        let mut best: BTreeMap<&SetName, [Option<Order>; 2]> = BTreeMap::new();
        // Going through many rules takes its time.
        let rules = if self.sets.is_empty() { &[] } else { &self.rules[..] };
        for (index, rule) in rules.iter().enumerate() {
            if let Target::Set(name) = &rule.target {
                let mut order = Some(self.order(index, rule, 0, 0));
                for place in best.entry(name).or_default() {
                    if place.is_none_or(|there| order.is_some_and(|order| order < there)) {
                        core::mem::swap(place, &mut order);
                    }
                }
            }
        }
        self.rules.iter().enumerate().filter(move |(index, rule)| match &rule.target {
            Target::Set(name) => {
                best.get(name).is_some_and(|two| two.iter().flatten().any(|order| order.rule() as usize == *index))
            }
            _ => true,
        })
    }
}

/// A target as ranges of one family.
pub(super) trait Part: Family {
    fn of_range(range: IpRange) -> Option<(Self, Self)>;
    fn of_set(set: &CidrSet) -> &Edges<Self>;
}

impl Part for u32 {
    fn of_range(range: IpRange) -> Option<(Self, Self)> {
        match range.0 {
            Span::V4(first, last) => Some((first, last)),
            Span::V6(..) => None,
        }
    }
    fn of_set(set: &CidrSet) -> &Edges<Self> {
        set.v4()
    }
}

impl Part for u128 {
    fn of_range(range: IpRange) -> Option<(Self, Self)> {
        match range.0 {
            Span::V4(..) => None,
            Span::V6(first, last) => Some((first, last)),
        }
    }
    fn of_set(set: &CidrSet) -> &Edges<Self> {
        set.v6()
    }
}

impl Policy {
    /// The runs of a target in one family.
    pub(super) fn runs<W: Part>(&self, target: &Target) -> impl Iterator<Item = (W, W)> + '_ {
        let one = match target {
            Target::Network(net) => W::of_range((*net).into()),
            Target::Range(range) => W::of_range(*range),
            Target::All => Some((W::ZERO, W::MAX)),
            Target::Set(_) => None,
        };
        let set = match target {
            Target::Set(name) => self.set(name.as_str()),
            _ => None,
        };
        one.into_iter().chain(set.into_iter().flat_map(|set| W::of_set(set).runs()))
    }

    /// The first address of the target that is in the set.
    fn first_in(&self, target: &Target, set: &CidrSet) -> Option<IpAddr> {
        let v4 = self.runs::<u32>(target).find_map(|run| set.v4().first_in(run).map(Family::addr));
        v4.or_else(|| self.runs::<u128>(target).find_map(|run| set.v6().first_in(run).map(Family::addr)))
    }

    /// Adds the pieces of a rule in one family, each with its place in the order.
    fn add_pieces<W: Part>(&self, pieces: &mut Vec<Piece<W>>, index: usize, rule: &Rule) -> Result<(), CompileError> {
        let mut add = |first, last, len| {
            if pieces.len() >= Order::MOST {
                return Err(CompileError::TooLarge);
            }
            pieces.try_reserve(1).map_err(OutOfMemory::from)?;
            pieces.push(Piece { first, last, order: self.order(index, rule, W::BITS, len) });
            Ok(())
        };
        for (first, last) in self.runs::<W>(&rule.target) {
            if self.precedence != Precedence::LongestPrefix {
                add(first, last, 0)?;
                continue;
            }
            for (first, len) in Networks::new(first, last) {
                add(first, first | !W::mask(len), len)?;
            }
        }
        Ok(())
    }

    /// The addresses that are allowed, where all rules say the same, so that it does not matter who owns what.
    pub(crate) fn allowed_by_union(&self) -> Result<Option<CidrSet>, OutOfMemory> {
        let action = self.rules.first().map_or(self.default, Rule::action);
        if self.rules.iter().any(|rule| rule.action() != action) {
            return Ok(None);
        }
        if action == self.default {
            return Ok(Some(if action.is_allow() { CidrSet::new().complement()? } else { CidrSet::new() }));
        }
        let known = match &self.rules[..] {
            [Rule { target: Target::Set(name), .. }] => self.set(name.as_str()).cloned(),
            _ => None,
        };
        let union = match known {
            Some(set) => set,
            None => {
                let (mut v4, mut v6) = (Vec::new(), Vec::new());
                for (_, rule) in self.visible() {
                    for run in self.runs(&rule.target) {
                        v4.try_reserve(1)?;
                        v4.push(run);
                    }
                    for run in self.runs(&rule.target) {
                        v6.try_reserve(1)?;
                        v6.push(run);
                    }
                }
                CidrSet::from_edges(Edges::from_ranges(v4)?, Edges::from_ranges(v6)?)
            }
        };
        Ok(Some(if action.is_allow() { union } else { union.complement()? }))
    }
}

/// Paints both families. `seen(owner, next)` is told of each stretch who owns it and who would without the owner.
pub(crate) fn paint(policy: &Policy, mut seen: impl FnMut(u32, u32)) -> Result<Painting, CompileError> {
    if policy.rules.len() > Order::MOST {
        return Err(CompileError::TooLarge);
    }
    // In one pass for both: the rules of a large policy are far more memory than their pieces.
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    for (index, rule) in policy.visible() {
        policy.add_pieces::<u32>(&mut v4, index, rule)?;
        policy.add_pieces::<u128>(&mut v6, index, rule)?;
    }
    Ok(Painting { v4: Segments::paint(v4, &mut seen)?, v6: Segments::paint(v6, &mut seen)? })
}

/// Sees that every expectation holds; one that does not is a fault that names an address.
pub(super) fn judge_expectations(policy: &Policy, faults: &mut Faults) {
    if policy.expectations.is_empty() {
        return;
    }
    let answers = paint(policy, |_, _| {}).and_then(|painting| {
        let allowed = painting.allowed(|owner| policy.action_of(owner).is_allow())?;
        let denied = allowed.complement()?;
        Ok((allowed, denied))
    });
    let (allowed, denied) = match answers {
        Ok(answers) => answers,
        Err(error) => {
            let kind = if error == CompileError::TooLarge { FaultKind::Limit } else { FaultKind::OutOfMemory };
            faults.push(crate::fault::Place::default(), kind, error);
            return;
        }
    };
    // A large set that many expectations name is looked at once.
    let mut known = BTreeMap::new();
    for expected in &policy.expectations {
        let wrong = if expected.action.is_allow() { &denied } else { &allowed };
        let witness = match &expected.target {
            Target::Set(name) => {
                if room(0).is_err() {
                    return faults.out_of_memory(expected.place);
                }
                *known.entry((name, expected.action)).or_insert_with(|| policy.first_in(&expected.target, wrong))
            }
            target => policy.first_in(target, wrong),
        };
        if let Some(witness) = witness {
            let verb = if expected.action.is_allow() { "denied" } else { "allowed" };
            let witness = Canonical::from(witness);
            let message = format_args!("expected {} for {}, but {witness} is {verb}", expected.action, expected.target);
            faults.push(expected.place, FaultKind::Expectation, message);
        }
    }
}
