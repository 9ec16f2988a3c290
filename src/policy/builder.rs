//! Policies made by programs.

use alloc::string::String;
use alloc::vec::Vec;

use super::draft::Draft;
use super::{Action, Policy, Precedence, Rule, Target};
use crate::fault::{BuildError, Place};
use crate::set::CidrSet;

/// Makes a [`Policy`] without text. Faults are gathered and reported together by [`build`](Self::build).
///
/// A builder without rules and default makes the policy that denies every address.
///
/// ```
/// use cidrgate::{Action, CidrSet, Policy, Rule, Target};
/// let office: CidrSet = "203.0.113.0/24\n2001:db8:10::/48".parse()?;
/// let policy = Policy::builder()
///     .set("office", office)
///     .rule(Rule::deny("203.0.113.77".parse::<Target>()?).with_note("lost laptop"))
///     .rule(Rule::allow(Target::set("office")?))
///     .expect(Action::Deny, "203.0.113.77".parse::<Target>()?)
///     .build()?;
/// assert_eq!(policy.to_string().parse::<Policy>()?, policy);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct PolicyBuilder {
    lenient: bool,
    default: Action,
    precedence: Precedence,
    sets: Vec<(String, CidrSet)>,
    rules: Vec<Rule>,
    expectations: Vec<(Action, Target)>,
}

impl PolicyBuilder {
    /// What happens to an address that no rule contains; deny, if this is not called.
    #[must_use]
    pub fn default_action(mut self, action: Action) -> Self {
        self.default = action;
        self
    }

    /// Which rule wins; the first match, if this is not called.
    #[must_use]
    pub fn precedence(mut self, precedence: Precedence) -> Self {
        self.precedence = precedence;
        self
    }

    /// Whether host bits of networks are cleared with a warning instead of being a fault.
    #[must_use]
    pub fn lenient(mut self, lenient: bool) -> Self {
        self.lenient = lenient;
        self
    }

    /// A set that rules and expectations may name.
    #[must_use]
    pub fn set(mut self, name: impl Into<String>, set: CidrSet) -> Self {
        self.sets.push((name.into(), set));
        self
    }

    /// The next rule.
    #[must_use]
    pub fn rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// The next rule: it allows the target.
    #[must_use]
    pub fn allow(self, target: impl Into<Target>) -> Self {
        self.rule(Rule::allow(target))
    }

    /// The next rule: it denies the target.
    #[must_use]
    pub fn deny(self, target: impl Into<Target>) -> Self {
        self.rule(Rule::deny(target))
    }

    /// An expectation: every address of the target gets this answer, or there is no policy.
    #[must_use]
    pub fn expect(mut self, action: Action, target: impl Into<Target>) -> Self {
        self.expectations.push((action, target.into()));
        self
    }

    /// The policy. n log n.
    ///
    /// # Errors
    /// All faults: host bits (unless lenient), names that are none or not known or given twice, notes of more than a
    /// line, priorities missing or out of place, expectations that do not hold; or if memory cannot be had.
    pub fn build(self) -> Result<Policy, BuildError> {
        let place = Place::default();
        let mut draft = Draft::new(self.lenient, true);
        draft.default_action(self.default, place);
        draft.precedence(self.precedence, place);
        for (name, set) in &self.sets {
            draft.hand_over(name, set);
        }
        for rule in self.rules {
            draft.built_rule(rule);
        }
        for (action, target) in self.expectations {
            draft.built_expectation(action, target);
        }
        let (policy, faults) = draft.finish();
        if faults.is_empty() { Ok(policy) } else { Err(BuildError(faults)) }
    }
}
