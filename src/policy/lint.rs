//! What a policy's author probably did not mean.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::paint::Part;
use super::{CompileError, Policy, Precedence, Rule, Target, paint};
use crate::error::{OutOfMemory, room};
use crate::fault::Place;
use crate::finding::{Finding, RuleRef, What};
use crate::name::SetName;
use crate::painting::{DEFAULT, Painting, Segments};
use crate::set::CidrSet;

/// How many segments are looked through for the rules that hide one; a large set may lie on millions.
const LOOKED_THROUGH: usize = 256;

impl Policy {
    /// What the author probably did not mean, in the order of the text. n log n.
    ///
    /// The warnings of reading are part of it. The codes are those of [`Code`](crate::Code).
    ///
    /// # Errors
    /// If the policy cannot be painted; see [`compile`](Self::compile).
    ///
    /// ```
    /// let policy: cidrgate::Policy = "allow 192.0.2.0/24\ndeny 192.0.2.77\n".parse()?;
    /// let findings = policy.lint()?;
    /// let shadowed = findings.iter().find(|finding| finding.code() == cidrgate::Code::Shadowed).unwrap();
    /// assert_eq!((shadowed.line(), shadowed.column()), (2, 6));
    /// assert_eq!(shadowed.to_string(), "never wins: hidden by line 1");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn lint(&self) -> Result<Vec<Finding>, CompileError> {
        let mut fates = Vec::new();
        fates.try_reserve_exact(self.rules.len()).map_err(OutOfMemory::from)?;
        fates.resize(self.rules.len(), Fate::Hidden);
        let painting = paint(self, |best, second| {
            if let Some(fate) = fates.get_mut(best as usize).filter(|_| best != DEFAULT) {
                let needed = self.action_of(best) != self.action_of(second);
                *fate = if needed || *fate == Fate::Needed { Fate::Needed } else { Fate::Seen };
            }
        })?;
        let mut findings = Findings(Vec::new());
        findings.0.try_reserve(self.warnings.len()).map_err(OutOfMemory::from)?;
        findings.0.extend_from_slice(&self.warnings);
        for (index, (rule, fate)) in self.rules.iter().zip(fates).enumerate() {
            let mut found = |what| findings.add(rule.place, Some(index), what);
            match fate {
                Fate::Needed => {}
                Fate::Seen => found(What::Redundant)?,
                Fate::Hidden if self.is_nobody(&rule.target) => {}
                Fate::Hidden => found(What::Shadowed { by: self.hiding(&painting, &rule.target) })?,
            }
            if let Some(what) = whole_family(rule) {
                found(what)?;
            }
        }
        self.find_contradictions(&mut findings)?;
        self.judge_sets(&mut findings)?;
        self.judge_families(&mut findings)?;
        // In place: the stable sort takes memory that cannot be refused.
        findings.0.sort_unstable_by_key(|finding| (finding.place, finding.rule, finding.code()));
        Ok(findings.0)
    }

    /// Whether a target has no addresses: an empty set.
    fn is_nobody(&self, target: &Target) -> bool {
        self.runs::<u32>(target).next().is_none() && self.runs::<u128>(target).next().is_none()
    }

    /// The first three rules that are seen where the target lies.
    fn hiding(&self, painting: &Painting, target: &Target) -> [Option<RuleRef>; 3] {
        let v4 = self.owners_over(&painting.v4, target);
        let v6 = self.owners_over(&painting.v6, target);
        let mut found = [None; 3];
        for owner in v4.chain(v6) {
            let owner = Some(self.reference(owner as usize));
            if found.contains(&owner) {
                continue;
            }
            match found.iter_mut().find(|place| place.is_none()) {
                Some(place) => *place = owner,
                None => break,
            }
        }
        found
    }

    fn owners_over<W: Part>(&self, segments: &Segments<W>, target: &Target) -> impl Iterator<Item = u32> {
        let runs = self.runs::<W>(target);
        let ranks = runs.flat_map(|(first, last)| segments.rank(first)..=segments.rank(last));
        let owners = ranks.take(LOOKED_THROUGH).filter_map(|rank| segments.owners.get(rank).copied());
        owners.filter(|owner| *owner != DEFAULT)
    }

    fn reference(&self, index: usize) -> RuleRef {
        RuleRef { index, line: self.rules.get(index).map_or(0, Rule::line) }
    }

    fn find_contradictions(&self, findings: &mut Findings) -> Result<(), OutOfMemory> {
        // Equal sets are one target whatever they are called, and a set of one run is that network or range.
        let mut targets: BTreeMap<&SetName, Target> = BTreeMap::new();
        let mut names: BTreeMap<&CidrSet, &SetName> = BTreeMap::new();
        for (name, set) in self.sets() {
            room(0)?;
            let mut ranges = set.ranges();
            let target = match (ranges.next(), ranges.next()) {
                (Some(range), None) => range.into(),
                _ => Target::Set((*names.entry(set).or_insert(name)).clone()),
            };
            targets.insert(name, target);
        }
        let mut rules = Vec::new();
        rules.try_reserve_exact(self.rules.len())?;
        rules.extend(self.rules.iter().enumerate().map(|(index, rule)| match &rule.target {
            Target::Set(name) => (targets.get(name).unwrap_or(&rule.target), index),
            target => (target, index),
        }));
        rules.sort_unstable();
        for same in rules.chunk_by(|a, b| a.0 == b.0) {
            // The first rule of either action.
            let mut first = [None; 2];
            for (_, index) in same {
                let rule = &self.rules[*index];
                first[rule.action as usize].get_or_insert(*index);
                if let Some(other) = first[1 - rule.action as usize] {
                    findings.add(rule.place, Some(*index), What::Contradiction { other: self.reference(other) })?;
                }
            }
        }
        Ok(())
    }

    fn judge_sets(&self, findings: &mut Findings) -> Result<(), OutOfMemory> {
        let mut users: BTreeMap<&str, Option<usize>> = BTreeMap::new();
        for (index, rule) in self.rules.iter().enumerate() {
            if let Target::Set(name) = &rule.target {
                room(0)?;
                users.entry(name.as_str()).or_insert(Some(index));
            }
        }
        for expected in &self.expectations {
            if let Target::Set(name) = &expected.target {
                room(0)?;
                users.entry(name.as_str()).or_insert(None);
            }
        }
        for (name, named) in &self.sets {
            let user = users.get(name.as_str()).copied();
            let written = named.place != Place::default();
            // Reading has said both of sets that were handed over.
            if written && user.is_none() {
                findings.add(named.place, None, What::UnusedSet(name.clone()))?;
            }
            if written && named.set.is_empty() {
                findings.add(named.place, None, What::EmptySet(name.clone()))?;
            }
            let by_length = self.precedence == Precedence::LongestPrefix;
            if by_length && named.respelled && user.flatten().is_some() {
                findings.add(named.place, None, What::SetLength(name.clone()))?;
            }
        }
        Ok(())
    }

    fn judge_families(&self, findings: &mut Findings) -> Result<(), OutOfMemory> {
        let has = |in_family: &dyn Fn(&Target) -> bool| self.rules.iter().any(|rule| in_family(&rule.target));
        let v4 = has(&|target| self.runs::<u32>(target).next().is_some());
        let v6 = has(&|target| self.runs::<u128>(target).next().is_some());
        if v4 == v6 {
            return Ok(());
        }
        let place = self.rules.first().map(|rule| rule.place).unwrap_or_default();
        findings.add(place, None, What::OneFamily { v6, allow: self.default.is_allow() })
    }
}

/// What became of a rule in the painting.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It shows nowhere.
    Hidden,
    /// It shows, but what lies behind it says the same everywhere.
    Seen,
    /// Without it an answer would change.
    Needed,
}

struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, place: Place, rule: Option<usize>, what: What) -> Result<(), OutOfMemory> {
        self.0.try_reserve(1)?;
        self.0.push(Finding { place, rule, what });
        Ok(())
    }
}

/// An allow of every address of a family.
fn whole_family(rule: &Rule) -> Option<What> {
    let (v4, v6) = match &rule.target {
        Target::All => (true, true),
        Target::Network(net) if net.prefix_len() == 0 => {
            let v4 = net.addr().is_ipv4();
            (v4, !v4)
        }
        _ => return None,
    };
    rule.action.is_allow().then_some(What::WholeFamily { v4, v6 })
}
