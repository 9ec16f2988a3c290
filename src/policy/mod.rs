//! [`Policy`]: rules in order, a default, a precedence, and what people say about them.

mod builder;
mod draft;
#[cfg(test)]
mod exhaustive;
mod explain;
#[cfg(feature = "json")]
mod json;
mod lint;
mod native;
mod paint;

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt::{self, Display};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

pub use builder::PolicyBuilder;
pub use explain::{Beaten, Explanation, NearMiss, Reason};
pub use paint::CompileError;
pub(crate) use paint::paint;

use crate::fault::{Place, ReadError};
use crate::finding::Finding;
use crate::name::SetName;
use crate::range::IpRange;
use crate::set::CidrSet;
use crate::text::{self, Canonical, ParseError};

/// The longest note, in bytes: with the longest target and priority it still fits a line of policy text.
pub const MAX_NOTE: usize = crate::MAX_LINE - 512;

/// What a rule or the default says. The zero value denies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "lowercase"))]
#[repr(u8)]
pub enum Action {
    /// The address may not come in.
    #[default]
    Deny = 0,
    /// The address may come in.
    Allow = 1,
}

impl Action {
    /// `allow` or `deny`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Allow => "allow",
        }
    }

    /// Whether this is `Allow`.
    #[must_use]
    pub fn is_allow(self) -> bool {
        self == Self::Allow
    }

    fn named(word: &str) -> Option<Self> {
        [Self::Deny, Self::Allow].into_iter().find(|action| action.as_str() == word)
    }
}

impl Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Which of the rules that contain an address wins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Precedence {
    /// The first rule.
    #[default]
    FirstMatch,
    /// The longest prefix; of equal prefixes a deny; of equal denies or allows the first rule. A network counts as
    /// written, `all` as /0 of each family, a range or a set as the networks of its smallest list.
    LongestPrefix,
    /// Any deny before any allow; among them the first rule.
    DenyOverrides,
    /// The lowest priority number; of equal numbers a deny; then the first rule. Every rule has a priority.
    Priority,
}

impl Precedence {
    const ALL: [Self; 4] = [Self::FirstMatch, Self::LongestPrefix, Self::DenyOverrides, Self::Priority];

    /// The name in a policy, such as `first-match`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FirstMatch => "first-match",
            Self::LongestPrefix => "longest-prefix",
            Self::DenyOverrides => "deny-overrides",
            Self::Priority => "priority",
        }
    }

    fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|precedence| precedence.as_str() == word)
    }
}

impl Display for Precedence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Whom a rule is about.
///
/// Make one from an address, a network, a range or text. A range that is exactly one network is that network, an
/// address its /32 or /128, and an IPv4-mapped network the IPv4 network.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// One network. A builder refuses host bits unless it is lenient.
    Network(IpNet),
    /// A range that is no network.
    Range(IpRange),
    /// Every address of both families.
    All,
    /// The addresses of a named set.
    Set(SetName),
}

impl Target {
    /// The target `@name`.
    ///
    /// # Errors
    /// If that is no name of a set.
    pub fn set(name: &str) -> Result<Self, crate::NameError> {
        SetName::new(name).map(Self::Set)
    }
}

impl From<IpNet> for Target {
    fn from(net: IpNet) -> Self {
        Self::Network(net)
    }
}

impl From<IpRange> for Target {
    fn from(range: IpRange) -> Self {
        range.network().map_or(Self::Range(range), Self::Network)
    }
}

macro_rules! target_from {
    ($($from:ty => $by:ty),*) => {$(
        impl From<$from> for Target {
            fn from(from: $from) -> Self {
                <$by>::from(from).into()
            }
        }
    )*};
}
target_from!(Ipv4Net => IpNet, Ipv6Net => IpNet, IpAddr => IpRange, Ipv4Addr => IpRange, Ipv6Addr => IpRange);

impl From<SetName> for Target {
    fn from(name: SetName) -> Self {
        Self::Set(name)
    }
}

/// A network, a range or an address in strict text, or `all`. (A set is made with [`Target::set`].)
impl FromStr for Target {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        match text {
            "all" => Ok(Self::All),
            text => text::entry(text.as_bytes())?.strict().map(Self::from),
        }
    }
}

/// The form it has in a policy.
impl Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(net) => f.write_str(Canonical::from(*net).as_str()),
            Self::Range(range) => f.write_str(Canonical::from(*range).as_str()),
            Self::All => f.write_str("all"),
            Self::Set(name) => write!(f, "@{name}"),
        }
    }
}

/// An action, a target, and what people say about it.
///
/// Two rules are equal if they say the same; where they come from takes no part.
#[derive(Clone, Debug)]
pub struct Rule {
    action: Action,
    target: Target,
    priority: Option<u32>,
    note: Option<Arc<str>>,
    /// Where the target stands in the text; in JSON the line is that of the rule object.
    place: Place,
}

impl Rule {
    /// A rule without note and priority.
    #[must_use]
    pub fn new(action: Action, target: impl Into<Target>) -> Self {
        Self { action, target: target.into(), priority: None, note: None, place: Place::default() }
    }

    /// A rule that allows the target.
    #[must_use]
    pub fn allow(target: impl Into<Target>) -> Self {
        Self::new(Action::Allow, target)
    }

    /// A rule that denies the target.
    #[must_use]
    pub fn deny(target: impl Into<Target>) -> Self {
        Self::new(Action::Deny, target)
    }

    /// The rule with this note: one trimmed line without control characters, or the builder refuses it. An empty note
    /// is none.
    #[must_use]
    pub fn with_note(mut self, note: &str) -> Self {
        self.note = (!note.is_empty()).then(|| note.into());
        self
    }

    /// The rule with this priority number, for [`Precedence::Priority`] only.
    #[must_use]
    pub fn with_priority(mut self, priority: u32) -> Self {
        self.priority = Some(priority);
        self
    }

    /// What the rule says.
    #[must_use]
    pub fn action(&self) -> Action {
        self.action
    }

    /// Whom it is about.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// What people say about it.
    #[must_use]
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// Its priority number; `None` unless the precedence is [`Precedence::Priority`].
    #[must_use]
    pub fn priority(&self) -> Option<u32> {
        self.priority
    }

    /// The line of the text it comes from, from 1 (in JSON that of the rule object); 0 if it comes from a builder.
    #[must_use]
    pub fn line(&self) -> u32 {
        self.place.line
    }

    /// The column of its target, from 1, in bytes; 0 if it comes from a builder.
    #[must_use]
    pub fn column(&self) -> u32 {
        self.place.column
    }
}

impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        (self.action, &self.target, self.priority, &self.note)
            == (other.action, &other.target, other.priority, &other.note)
    }
}

impl Eq for Rule {}

/// The statement without its note: `allow 192.0.2.0/24 priority=10`. In the alternate form (`{:#}`) the rule as it is named
/// in answers: `line 9: allow @office # the two offices`.
impl Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() && self.line() > 0 {
            write!(f, "line {}: ", self.line())?;
        }
        write!(f, "{} {}", self.action, self.target)?;
        self.priority.map_or(Ok(()), |priority| write!(f, " priority={priority}"))?;
        self.note().filter(|_| f.alternate()).map_or(Ok(()), |note| write!(f, " # {note}"))
    }
}

/// What the author expects of a policy: every address of the target gets the action. It is checked when the policy is
/// read or built.
#[derive(Clone, Debug)]
pub struct Expectation {
    action: Action,
    target: Target,
    place: Place,
}

impl Expectation {
    /// The answer that is expected.
    #[must_use]
    pub fn action(&self) -> Action {
        self.action
    }

    /// The addresses that are to get it.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }
}

impl PartialEq for Expectation {
    fn eq(&self, other: &Self) -> bool {
        (self.action, &self.target) == (other.action, &other.target)
    }
}

impl Eq for Expectation {}

/// A named set of a policy.
#[derive(Clone, Debug)]
struct NamedSet {
    set: CidrSet,
    /// Where it is defined; no place if it was handed over.
    place: Place,
    /// Whether it was written as other networks than those of its smallest list.
    respelled: bool,
}

/// Rules in order, a default, a precedence and expectations. Immutable; made by reading text or JSON, or by
/// [`Policy::builder`]. [`compile`](Self::compile) makes the [`Matcher`](crate::Matcher) that answers.
///
/// Two policies are equal if they say the same: rules, default, precedence, expectations and sets. Lines and warnings
/// take no part. The default policy denies every address.
///
/// ```
/// use cidrgate::{Action, Policy};
/// let policy: Policy = "\
///     set office = 203.0.113.0/24, 198.51.100.8-198.51.100.15
///     deny  203.0.113.77   # lost laptop
///     allow @office        # the two offices
///     expect deny 203.0.113.77
/// ".parse()?;
/// let matcher = policy.compile()?;
/// let decision = matcher.decide(std::net::Ipv4Addr::new(203, 0, 113, 77));
/// assert_eq!(decision.action(), Action::Deny);
/// assert_eq!(policy.rules()[decision.rule().unwrap()].note(), Some("lost laptop"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Policy {
    default: Action,
    precedence: Precedence,
    sets: BTreeMap<SetName, NamedSet>,
    rules: Vec<Rule>,
    expectations: Vec<Expectation>,
    warnings: Vec<Finding>,
}

impl Policy {
    /// Reads a policy, text or JSON (told by a first byte `{`), strictly. [`PolicyReader`] has the options.
    ///
    /// # Errors
    /// If the text has any fault; see [`PolicyReader::read`].
    pub fn read(text: impl AsRef<[u8]>) -> Result<Self, ReadError> {
        PolicyReader::new().read(text)
    }

    /// Makes a policy without text.
    #[must_use]
    pub fn builder() -> PolicyBuilder {
        PolicyBuilder::default()
    }

    /// The rules in order; their indices are what [`Decision::rule`](crate::Decision::rule) gives.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// What happens to an address that no rule contains.
    #[must_use]
    pub fn default_action(&self) -> Action {
        self.default
    }

    /// Which rule wins.
    #[must_use]
    pub fn precedence(&self) -> Precedence {
        self.precedence
    }

    /// What was expected, and held.
    #[must_use]
    pub fn expectations(&self) -> &[Expectation] {
        &self.expectations
    }

    /// The set of this name, defined in the text or handed over.
    #[must_use]
    pub fn set(&self, name: &str) -> Option<&CidrSet> {
        self.sets.get(name).map(|named| &named.set)
    }

    /// The named sets, by name.
    pub fn sets(&self) -> impl ExactSizeIterator<Item = (&SetName, &CidrSet)> {
        self.sets.iter().map(|(name, named)| (name, &named.set))
    }

    /// What was taken with a warning: host bits cleared by lenient reading, mapped networks that mean more or less
    /// than they seem to, sets handed over that are empty or unused.
    #[must_use]
    pub fn warnings(&self) -> &[Finding] {
        &self.warnings
    }

    /// The policy as JSON, one value a line. Reading it gives an equal policy.
    #[cfg(feature = "json")]
    #[must_use]
    pub fn to_json(&self) -> String {
        json::write(self)
    }
}

impl PartialEq for Policy {
    fn eq(&self, other: &Self) -> bool {
        (self.default, self.precedence) == (other.default, other.precedence)
            && self.rules == other.rules
            && self.expectations == other.expectations
            && self.sets().eq(other.sets())
    }
}

impl Eq for Policy {}

/// Strict reading, text or JSON.
impl FromStr for Policy {
    type Err = ReadError;

    fn from_str(text: &str) -> Result<Self, ReadError> {
        Self::read(text)
    }
}

/// The policy as text, one rule a line. Reading it gives an equal policy.
impl Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        native::write(self, f)
    }
}

/// Reads policies with options: sets handed over by the program, lenient host bits.
///
/// ```
/// use cidrgate::{CidrSet, PolicyReader};
/// let hooks: CidrSet = "192.0.2.0/24".parse()?;
/// let policy = PolicyReader::new().set("hooks", hooks).read("allow @hooks")?;
/// assert!(policy.compile()?.allows(std::net::Ipv4Addr::new(192, 0, 2, 1)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct PolicyReader {
    lenient: bool,
    handed_over: Vec<(String, CidrSet)>,
}

impl PolicyReader {
    /// A strict reader without sets.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether host bits (`172.0.0.10/16`) are cleared with a warning instead of being a fault.
    #[must_use]
    pub fn lenient(mut self, lenient: bool) -> Self {
        self.lenient = lenient;
        self
    }

    /// Hands over a set that the policy may use as `@name`.
    #[must_use]
    pub fn set(mut self, name: impl Into<String>, set: CidrSet) -> Self {
        self.handed_over.push((name.into(), set));
        self
    }

    /// Reads a policy: JSON if its first byte that is no blank is `{`, else text. n log n in its length.
    ///
    /// # Errors
    /// If the text has any fault. Of the text form all faults are reported; of JSON the first in syntax and shape, or
    /// all others. If an expectation does not hold, it names an address. If memory cannot be had.
    pub fn read(&self, text: impl AsRef<[u8]>) -> Result<Policy, ReadError> {
        let text = text.as_ref();
        self.read_form(text, is_json(text))
    }

    /// Reads a policy in its JSON form, whatever it starts with.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    #[cfg(feature = "json")]
    pub fn read_json(&self, text: impl AsRef<[u8]>) -> Result<Policy, ReadError> {
        self.read_form(text.as_ref(), true)
    }

    fn read_form(&self, text: &[u8], json: bool) -> Result<Policy, ReadError> {
        let mut draft = draft::Draft::new(self.lenient, !json);
        for (name, set) in &self.handed_over {
            draft.hand_over(name, set);
        }
        if json {
            read_json(text, &mut draft)
        } else {
            native::read(text, &mut draft)
        }
        draft.finish_text()
    }
}

/// Whether a text is JSON: a mark, blanks, then `{`.
fn is_json(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    text.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{')
}

#[cfg(feature = "json")]
use json::read as read_json;

#[cfg(not(feature = "json"))]
fn read_json(_: &[u8], draft: &mut draft::Draft) {
    let place = Place { offset: 0, line: 1, column: 1 };
    draft.faults.push(place, crate::FaultKind::Json, "this is JSON, which this build does not read (feature `json`)");
}
