//! What is not wrong enough to refuse a text, but worth saying: warnings of reading, findings of `lint`.

use core::fmt::{self, Display};

use ipnet::IpNet;

use crate::fault::Place;
use crate::name::SetName;
use crate::text::ErrorKind;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Good to know.
    Note,
    /// Probably not what was meant.
    Warning,
    /// Cannot be what was meant.
    Error,
}

impl Level {
    /// `note`, `warning` or `error`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The kinds of finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Code {
    /// Two rules of equal targets and opposite actions.
    Contradiction,
    /// A rule that never wins.
    Shadowed,
    /// A rule whose removal alone changes no answer, though it wins somewhere.
    Redundant,
    /// Host bits that lenient reading cleared.
    HostBits,
    /// A network that looks IPv4-mapped but is shorter than /96, so it matches no IPv4 address.
    MappedPrefix,
    /// An allow of a whole family.
    WholeFamily,
    /// A set without addresses.
    EmptySet,
    /// A set that nothing uses.
    UnusedSet,
    /// A set whose written lengths do not count under `longest-prefix`.
    SetLength,
    /// Rules of one family only.
    OneFamily,
}

impl Code {
    /// The code as it is printed, such as `host-bits`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Contradiction => "contradiction",
            Self::Shadowed => "shadowed",
            Self::Redundant => "redundant",
            Self::HostBits => "host-bits",
            Self::MappedPrefix => "mapped-prefix",
            Self::WholeFamily => "whole-family",
            Self::EmptySet => "empty-set",
            Self::UnusedSet => "unused-set",
            Self::SetLength => "set-length",
            Self::OneFamily => "one-family",
        }
    }

    /// How much findings of this kind matter.
    #[must_use]
    pub fn level(self) -> Level {
        match self {
            Self::Contradiction => Level::Error,
            Self::OneFamily => Level::Note,
            _ => Level::Warning,
        }
    }
}

impl Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One finding: a code, a place, and (shown) a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub(crate) place: Place,
    pub(crate) rule: Option<usize>,
    pub(crate) what: What,
}

/// What a finding says, kept small: a text may have a million of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Contradiction { other: RuleRef },
    Shadowed { by: [Option<RuleRef>; 3] },
    Redundant,
    HostBits(ErrorKind),
    MappedPrefix(IpNet),
    AllOfV4,
    WholeFamily { v4: bool, v6: bool },
    EmptySet(SetName),
    UnusedSet(SetName),
    SetLength(SetName),
    OneFamily { v6: bool, allow: bool },
}

/// Another rule, as a reader finds it: by its line, or by its number where it has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RuleRef {
    pub(crate) index: usize,
    pub(crate) line: u32,
}

impl Display for RuleRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "rule {}", self.index),
            line => write!(f, "line {line}"),
        }
    }
}

impl Finding {
    /// The kind of finding.
    #[must_use]
    pub fn code(&self) -> Code {
        match self.what {
            What::Contradiction { .. } => Code::Contradiction,
            What::Shadowed { .. } => Code::Shadowed,
            What::Redundant => Code::Redundant,
            What::HostBits(_) => Code::HostBits,
            What::MappedPrefix(_) => Code::MappedPrefix,
            What::AllOfV4 | What::WholeFamily { .. } => Code::WholeFamily,
            What::EmptySet(_) => Code::EmptySet,
            What::UnusedSet(_) => Code::UnusedSet,
            What::SetLength(_) => Code::SetLength,
            What::OneFamily { .. } => Code::OneFamily,
        }
    }

    /// How much it matters: the level of its code.
    #[must_use]
    pub fn level(&self) -> Level {
        self.code().level()
    }

    /// The line it is about, from 1; 0 if it has no place in the text.
    #[must_use]
    pub fn line(&self) -> u32 {
        self.place.line
    }

    /// The column it is about, from 1, in bytes; 0 if it has no place in the text.
    #[must_use]
    pub fn column(&self) -> u32 {
        self.place.column
    }

    /// The rule it is about, counted from 0.
    #[must_use]
    pub fn rule(&self) -> Option<usize> {
        self.rule
    }
}

/// The sentence, without place, code and level.
impl Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Contradiction { other } => write!(f, "{other} says the opposite of the same addresses"),
            What::Shadowed { by } => {
                f.write_str("never wins")?;
                for (at, rule) in by.iter().flatten().enumerate() {
                    write!(f, "{}{rule}", if at == 0 { ": hidden by " } else { ", " })?;
                }
                Ok(())
            }
            What::Redundant => f.write_str("removing this rule alone changes no answer"),
            What::HostBits(ErrorKind::HostBits { network, host, .. }) => {
                write!(f, "host bits were cleared: {}", host.addr())?;
                // A mapped address counts its length otherwise.
                if host.addr().is_ipv4() == network.addr().is_ipv4() {
                    write!(f, "/{}", network.prefix_len())?;
                }
                write!(f, " is read as {network}")
            }
            What::HostBits(kind) => write!(f, "{kind}"),
            What::MappedPrefix(net) => write!(
                f,
                "{net} looks IPv4-mapped but is shorter than /96, so it matches no IPv4 address; \
                 write the IPv4 network itself"
            ),
            What::AllOfV4 => f.write_str("::ffff:0:0/96 is all of IPv4, 0.0.0.0/0"),
            What::WholeFamily { v4, v6 } => {
                let family = match (v4, v6) {
                    (true, true) => "every address",
                    (true, false) => "every IPv4 address",
                    _ => "every IPv6 address",
                };
                write!(f, "allows {family}")
            }
            What::EmptySet(name) => write!(f, "set {name} has no addresses"),
            What::UnusedSet(name) => write!(f, "set {name} is used by no rule and no expectation"),
            What::SetLength(name) => write!(
                f,
                "under longest-prefix the networks of the smallest list of set {name} count, not those it is written with"
            ),
            What::OneFamily { v6, allow } => {
                let (has, other) = if *v6 { ("IPv6", "IPv4") } else { ("IPv4", "IPv6") };
                let does = if *allow { "allows" } else { "denies" };
                write!(f, "the rules name {has} addresses only; the default {does} every {other} address")
            }
        }
    }
}
