//! What every way to a policy shares: statements come in, in any order and with faults; at the end there is a policy
//! or all of the faults.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt::Display;

use ipnet::IpNet;

use super::{Action, Expectation, MAX_NOTE, NamedSet, Policy, Precedence, Rule, Target, paint};
use crate::error::{OutOfMemory, room};
use crate::fault::{FaultKind, Faults, Place, Quoted, ReadError};
use crate::finding::{Finding, What};
use crate::list;
use crate::name::{Nearest, SetName};
use crate::range::IpRange;
use crate::set::{CidrSet, Collector};
use crate::text::{self, Entry};

#[derive(Default)]
pub(super) struct Draft {
    pub(super) faults: Faults,
    lenient: bool,
    /// Whether faults are told at the byte, or of a string as a whole.
    pinpoint: bool,
    default: Option<Action>,
    precedence: Option<Precedence>,
    rules: Vec<Rule>,
    /// Where the priorities stand that were given, to be faults if the precedence has none.
    priorities: Vec<Place>,
    expectations: Vec<Expectation>,
    sets: BTreeMap<SetName, SetDraft>,
    handed_over: BTreeMap<SetName, CidrSet>,
    warnings: Vec<Finding>,
}

/// A set on the way.
#[derive(Default)]
struct SetDraft {
    /// Where it is defined and where first added to.
    defined: Option<Place>,
    added: Option<Place>,
    ranges: Collector,
    entries: usize,
    /// Whether an entry is a range that is no network.
    has_range: bool,
    /// The entries that are networks ending with the mapped block or right before it.
    at_foreign: BTreeSet<IpNet>,
}

/// What a rule of a statement says besides its target.
pub(super) struct About {
    pub(super) action: Action,
    pub(super) note: Option<Arc<str>>,
    pub(super) priority: Option<(u32, Place)>,
    /// Where the rule is said to stand, if not at its target.
    pub(super) place: Option<Place>,
}

impl Draft {
    pub(super) fn new(lenient: bool, pinpoint: bool) -> Self {
        Self { lenient, pinpoint, ..Self::default() }
    }

    pub(super) fn fault(&mut self, place: Place, kind: FaultKind, message: impl Display) {
        self.faults.push(place, kind, message);
    }

    fn push<T>(&mut self, place: Place, item: T, list: fn(&mut Self) -> &mut Vec<T>) {
        match list(self).try_reserve(1) {
            Ok(()) => list(self).push(item),
            Err(_) => self.faults.out_of_memory(place),
        }
    }

    /// Sees that there is memory for small things.
    fn has_room(&mut self, bytes: usize, place: Place) -> bool {
        let has = room(bytes).is_ok();
        if !has {
            self.faults.out_of_memory(place);
        }
        has
    }

    pub(super) fn hand_over(&mut self, name: &str, set: &CidrSet) {
        let place = Place::default();
        if !self.has_room(name.len(), place) {
            return;
        }
        match SetName::new(name) {
            Err(error) => self.fault(place, FaultKind::SetName, format_args!("{}: {error}", Quoted(name.as_bytes()))),
            Ok(name) => {
                if self.handed_over.insert(name.clone(), set.clone()).is_some() {
                    self.fault(place, FaultKind::Repeated, format_args!("set {name} is handed over twice"));
                }
            }
        }
    }

    pub(super) fn default_action(&mut self, action: Action, place: Place) {
        if self.default.replace(action).is_some() {
            self.fault(place, FaultKind::Repeated, "the default is given twice");
        }
    }

    pub(super) fn precedence(&mut self, precedence: Precedence, place: Place) {
        if self.precedence.replace(precedence).is_some() {
            self.fault(place, FaultKind::Repeated, "the precedence is given twice");
        }
    }

    /// `allow` or `deny`.
    pub(super) fn action_named(&mut self, word: &str, place: Place) -> Option<Action> {
        let action = Action::named(word);
        if action.is_none() {
            let near = Nearest { found: word, known: ["allow", "deny"] };
            let found = Quoted(word.as_bytes());
            self.fault(place, FaultKind::Syntax, format_args!("{found}: expected `allow` or `deny`{near}"));
        }
        action
    }

    pub(super) fn precedence_named(&mut self, word: &str, place: Place) -> Option<Precedence> {
        let precedence = Precedence::named(word);
        if precedence.is_none() {
            let [a, b, c, d] = Precedence::ALL.map(Precedence::as_str);
            let near = Nearest { found: word, known: [a, b, c, d] };
            let found = Quoted(word.as_bytes());
            let message = format_args!("{found}: expected `{a}`, `{b}`, `{c}` or `{d}`{near}");
            self.faults.push(place, FaultKind::Syntax, message);
        }
        precedence
    }

    pub(super) fn set_name(&mut self, text: &str, place: Place) -> Option<SetName> {
        if !self.has_room(text.len(), place) {
            return None;
        }
        SetName::new(text)
            .map_err(|error| {
                self.fault(place, FaultKind::SetName, format_args!("{}: {error}", Quoted(text.as_bytes())));
            })
            .ok()
    }

    /// A note as it stands in the text; an empty one is none.
    pub(super) fn note(&mut self, text: &str, place: Place) -> Option<Arc<str>> {
        let wrong = if text.len() > MAX_NOTE {
            Some("a note is too long")
        } else if text.trim_matches([' ', '\t']).len() != text.len() {
            Some("a note has no blanks around it")
        } else if text.chars().any(|char| char.is_control() && char != '\t') {
            Some("a note is one line without control characters")
        } else {
            None
        };
        match wrong {
            Some(wrong) => self.fault(place, FaultKind::Note, format_args!("{}: {wrong}", Quoted(text.as_bytes()))),
            None if !text.is_empty() && self.has_room(text.len(), place) => return Some(text.into()),
            None => {}
        }
        None
    }

    pub(super) fn priority(&mut self, text: &str, place: Place) -> Option<u32> {
        let plain = text == "0" || !text.starts_with(['0', '+']);
        let priority = plain.then(|| text.parse().ok()).flatten();
        if priority.is_none() {
            let found = Quoted(text.as_bytes());
            self.fault(
                place,
                FaultKind::Priority,
                format_args!("{found}: a priority is a number from 0 to {}", u32::MAX),
            );
        }
        priority
    }

    /// A target in text form. `rule` is the rule it belongs to, for the warnings.
    fn target(&mut self, text: &str, place: Place, rule: Option<usize>) -> Option<Target> {
        if text == "all" {
            return Some(Target::All);
        }
        if let Some(name) = text.strip_prefix('@') {
            return self.set_name(name, place).map(Target::Set);
        }
        let range = self.entry(text, place, rule)?;
        Some(range.into())
    }

    /// An address, network or range in text form; what deserves a warning is kept.
    fn entry(&mut self, text: &str, place: Place, rule: Option<usize>) -> Option<IpRange> {
        match text::entry(text.as_bytes()) {
            Ok(Entry { cleared: Some(kind), .. }) if !self.lenient => {
                self.faults.text(place, text.as_bytes(), kind);
                None
            }
            Ok(entry) => {
                for what in list::warnings(entry, text.as_bytes()).into_iter().flatten() {
                    // Of a rule that takes in a whole family `lint` knows more.
                    if rule.is_none() || what != What::AllOfV4 {
                        self.push(place, Finding { place, rule, what }, |draft| &mut draft.warnings);
                    }
                }
                Some(entry.range)
            }
            Err(error) => {
                let at = if self.pinpoint { place.right(error.offset()) } else { place };
                self.faults.text(at, text.as_bytes(), error.kind());
                None
            }
        }
    }

    /// A rule in text form.
    pub(super) fn rule(&mut self, target: &str, place: Place, about: &About) {
        // One statement has one priority, however many rules it makes.
        if let Some((_, at)) = about.priority.filter(|(_, at)| self.priorities.last() != Some(at)) {
            self.push(at, at, |draft| &mut draft.priorities);
        }
        let Some(target) = self.target(target, place, Some(self.rules.len())) else { return };
        let place = about.place.unwrap_or(place);
        let priority = about.priority.map(|(priority, _)| priority);
        let rule = Rule { action: about.action, target, priority, note: about.note.clone(), place };
        self.push(place, rule, |draft| &mut draft.rules);
    }

    /// A rule from a builder, which may carry what text cannot.
    pub(super) fn built_rule(&mut self, rule: Rule) {
        let index = self.rules.len();
        let place = Place::default();
        let note = rule.note.as_deref().and_then(|note| self.note(note, place));
        if rule.priority.is_some() {
            self.push(place, place, |draft| &mut draft.priorities);
        }
        let Some(target) = self.built_target(rule.target, Some(index)) else { return };
        let rule = Rule { target, note, ..rule };
        self.push(place, rule, |draft| &mut draft.rules);
    }

    pub(super) fn built_expectation(&mut self, action: Action, target: Target) {
        let place = Place::default();
        if let Some(target) = self.built_target(target, None) {
            self.push(place, Expectation { action, target, place }, |draft| &mut draft.expectations);
        }
    }

    fn built_target(&mut self, target: Target, rule: Option<usize>) -> Option<Target> {
        let place = Place::default();
        let net = match target {
            Target::Network(net) => net,
            Target::Range(range) => return Some(range.into()),
            target => return Some(target),
        };
        let cleared = text::host_bits(net);
        if let (Some(kind), false) = (cleared, self.lenient) {
            let index = rule.unwrap_or(self.expectations.len());
            let what = if rule.is_some() { "rule" } else { "expectation" };
            self.fault(place, FaultKind::Text(kind), format_args!("{what} {index}: {net}: {kind}"));
            return None;
        }
        let entry = Entry { range: net.into(), cleared };
        for what in list::warnings(entry, b"").into_iter().flatten() {
            self.push(place, Finding { place, rule, what }, |draft| &mut draft.warnings);
        }
        Some(entry.range.into())
    }

    pub(super) fn expectation(&mut self, action: Action, target: &str, place: Place) {
        if let Some(target) = self.target(target, place, None) {
            self.push(place, Expectation { action, target, place }, |draft| &mut draft.expectations);
        }
    }

    /// Defines a set (`=`) or adds to it (`+=`).
    pub(super) fn set_statement(&mut self, name: &SetName, adds: bool, place: Place) {
        let set = self.sets.entry(name.clone()).or_default();
        let seen = if adds { &mut set.added } else { &mut set.defined };
        let again = seen.replace(place).is_some();
        if again && !adds {
            self.fault(place, FaultKind::Repeated, format_args!("set {name} is defined twice; add to it with `+=`"));
        }
    }

    pub(super) fn set_entry(&mut self, name: &SetName, text: &str, place: Place) {
        if text == "all" || text.starts_with('@') {
            let message = "a set holds addresses, networks and ranges, no other sets";
            self.fault(place, FaultKind::SetName, format_args!("{}: {message}", Quoted(text.as_bytes())));
            return;
        }
        let Some(range) = self.entry(text, place, None) else { return };
        let Some(set) = self.sets.get_mut(name) else { return };
        set.entries += 1;
        set.has_range |= range.network().is_none();
        // There are sixteen such networks of /80 to /95, and 33 of /96 to /128.
        set.at_foreign.extend(range.network().filter(|_| range.ends_at_foreign()));
        if let Err(OutOfMemory) = set.ranges.push(range) {
            self.faults.out_of_memory(place);
        }
    }

    /// The policy of a text; one that says nothing is at fault.
    pub(super) fn finish_text(mut self) -> Result<Policy, ReadError> {
        if self.rules.is_empty() && self.default.is_none() && self.faults.is_empty() {
            let place = Place { offset: 0, line: 1, column: 1 };
            self.fault(place, FaultKind::NoRules, "neither a rule nor a `default`: this is no policy");
        }
        let (policy, faults) = self.finish();
        faults.or(policy)
    }

    /// The policy, to be used only if there are no faults.
    pub(super) fn finish(mut self) -> (Policy, Faults) {
        let sets = self.finish_sets();
        let used = self.finish_names(&sets);
        self.finish_priorities();
        for (name, named) in &sets {
            let what = if !used.contains(name) {
                What::UnusedSet(name.clone())
            } else if named.set.is_empty() {
                What::EmptySet(name.clone())
            } else {
                continue;
            };
            // Of sets that the text defines `lint` speaks.
            if named.place == Place::default() {
                self.warnings.push(Finding { place: named.place, rule: None, what });
            }
        }
        let Self { mut faults, default, precedence, rules, expectations, warnings, .. } = self;
        let default = default.unwrap_or_default();
        let precedence = precedence.unwrap_or_default();
        let policy = Policy { default, precedence, sets, rules, expectations, warnings };
        if faults.is_empty() {
            paint::judge_expectations(&policy, &mut faults);
        }
        (policy, faults)
    }

    fn finish_sets(&mut self) -> BTreeMap<SetName, NamedSet> {
        let handed_over = core::mem::take(&mut self.handed_over);
        let mut sets = BTreeMap::new();
        for (name, draft) in core::mem::take(&mut self.sets) {
            if let Some(place) = draft.defined.or(draft.added).filter(|_| handed_over.contains_key(&name)) {
                let message = format_args!("set {name} is handed over by the program and defined here too");
                self.fault(place, FaultKind::Repeated, message);
                continue;
            }
            if let (None, Some(place)) = (draft.defined, draft.added) {
                let message = format_args!("set {name} is added to but never defined; write `set {name} = ...` once");
                self.fault(place, FaultKind::UnknownSet, message);
            }
            let place = draft.defined.unwrap_or_default();
            match draft.ranges.finish() {
                Err(OutOfMemory) => self.faults.out_of_memory(place),
                Ok(set) => {
                    // As many networks as the smallest list has, covering the same, can only be the smallest list;
                    // but what ends with the mapped block says the same as what ends before it.
                    let mut at_foreign = draft.at_foreign;
                    let count = set.networks().inspect(|net| _ = at_foreign.remove(net)).count();
                    let respelled = draft.has_range || draft.entries != count || !at_foreign.is_empty();
                    if self.has_room(0, place) {
                        sets.insert(name, NamedSet { set, place, respelled });
                    }
                }
            }
        }
        let place = Place::default();
        sets.extend(handed_over.into_iter().map(|(name, set)| (name, NamedSet { set, place, respelled: false })));
        sets
    }

    /// Sees that every set that is used exists; returns those that are.
    fn finish_names(&mut self, sets: &BTreeMap<SetName, NamedSet>) -> BTreeSet<SetName> {
        let mut used = BTreeSet::new();
        let rules = self.rules.iter().map(|rule| (&rule.target, rule.place));
        let expectations = self.expectations.iter().map(|expected| (&expected.target, expected.place));
        for (target, place) in rules.chain(expectations) {
            if self.faults.exhausted() {
                break;
            }
            let Target::Set(name) = target else { continue };
            if !sets.contains_key(name) {
                let near = Nearest { found: name.as_str(), known: sets.keys().map(SetName::as_str) };
                let message = format_args!("set {name} is not defined{near}");
                self.faults.push(place, FaultKind::UnknownSet, message);
            }
            if !used.contains(name) {
                match room(0) {
                    Ok(()) => _ = used.insert(name.clone()),
                    Err(OutOfMemory) => self.faults.out_of_memory(place),
                }
            }
        }
        used
    }

    fn finish_priorities(&mut self) {
        if self.precedence == Some(Precedence::Priority) {
            for rule in self.rules.iter().filter(|rule| rule.priority.is_none()) {
                let message =
                    "under `precedence priority` every rule has a priority: write `priority=N` after its targets";
                self.faults.push(rule.place, FaultKind::Priority, message);
            }
        } else {
            for place in &self.priorities {
                let message = "a priority counts only under `precedence priority`";
                self.faults.push(*place, FaultKind::Priority, message);
            }
        }
    }
}
