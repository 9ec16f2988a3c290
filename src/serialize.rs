//! serde for the small value types: canonical text out, strict text in.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::finding::Finding;
use crate::matcher::Fingerprint;
use crate::policy::Explanation;
use crate::range::IpRange;
use crate::set::{CidrSet, Collector};
use crate::text::Canonical;

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for IpRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(Canonical::from(*self).as_str())
    }
}

/// The smallest list of networks, as strings.
impl Serialize for CidrSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Net(ipnet::IpNet);
        impl Serialize for Net {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(Canonical::from(self.0).as_str())
            }
        }
        serializer.collect_seq(self.networks().map(Net))
    }
}

/// The keys `line`, `column`, `code`, `level`, `message` and `rule`.
impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(6))?;
        map.serialize_entry("line", &self.line())?;
        map.serialize_entry("column", &self.column())?;
        map.serialize_entry("code", self.code().as_str())?;
        map.serialize_entry("level", self.level().as_str())?;
        map.serialize_entry("message", &self.to_string())?;
        map.serialize_entry("rule", &self.rule())?;
        map.end()
    }
}

/// The keys `address`, `action`, `rule` (null for the default), `beaten` and `near_misses`; of each rule `index`, `line`
/// and `note`, of the last two in a `rule` beside a `reason`.
impl Serialize for Explanation<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(serde::Serialize)]
        struct Named<'a> {
            index: usize,
            line: u32,
            note: Option<&'a str>,
        }
        #[derive(serde::Serialize)]
        struct Other<'a> {
            rule: Option<Named<'a>>,
            reason: String,
        }
        let named = |index: usize| {
            let rule = self.policy().rules().get(index)?;
            Some(Named { index, line: rule.line(), note: rule.note() })
        };
        let other = |index, reason: &dyn fmt::Display| Other { rule: named(index), reason: reason.to_string() };
        let beaten = self.beaten().iter().map(|beaten| other(beaten.rule(), &beaten.reason()));
        let near_misses = self.near_misses().iter().map(|near| other(near.rule(), near));
        let mut map = serializer.serialize_map(Some(5))?;
        map.serialize_entry("address", Canonical::from(self.addr()).as_str())?;
        map.serialize_entry("action", &self.action())?;
        map.serialize_entry("rule", &self.owner().and_then(named))?;
        map.serialize_entry("beaten", &beaten.collect::<Vec<_>>())?;
        map.serialize_entry("near_misses", &near_misses.collect::<Vec<_>>())?;
        map.end()
    }
}

/// An address, a network or a range in strict text.
impl<'de> Deserialize<'de> for IpRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = IpRange;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an address, a network or a range as text")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<IpRange, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// A sequence of addresses, networks and ranges in strict text, in any order.
impl<'de> Deserialize<'de> for CidrSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = CidrSet;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a sequence of addresses, networks and ranges as text")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<CidrSet, A::Error> {
                let mut collector = Collector::default();
                while let Some(range) = list.next_element::<IpRange>()? {
                    collector.push(range).map_err(A::Error::custom)?;
                }
                collector.finish().map_err(A::Error::custom)
            }
        }
        deserializer.deserialize_seq(List)
    }
}

#[cfg(all(test, feature = "json"))]
mod tests {
    use super::*;
    use crate::{Action, Precedence};
    use alloc::string::ToString;

    #[test]
    fn sets_as_json() {
        let set: CidrSet = serde_json::from_str(r#"["192.0.2.128/25","192.0.2.0-192.0.2.127","2001:db8::1"]"#).unwrap();
        assert_eq!(serde_json::to_string(&set).unwrap(), r#"["192.0.2.0/24","2001:db8::1/128"]"#);
        for wrong in [r#"["192.0.2.1/24"]"#, r#"["010.0.0.1"]"#, r#""192.0.2.1""#, "[1]"] {
            assert!(serde_json::from_str::<CidrSet>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn words_as_json() {
        let range: IpRange = serde_json::from_str("\"192.0.2.1-192.0.2.9\"").unwrap();
        assert_eq!(serde_json::to_string(&range).unwrap(), "\"192.0.2.1-192.0.2.9\"");
        assert_eq!(serde_json::to_string(&Action::Allow).unwrap(), "\"allow\"");
        for precedence in ["first-match", "longest-prefix", "deny-overrides", "priority"] {
            let quoted = serde_json::to_string(precedence).unwrap();
            let read: Precedence = serde_json::from_str(&quoted).unwrap();
            assert_eq!(read.to_string(), precedence);
            assert_eq!(serde_json::to_string(&read).unwrap(), quoted);
        }
    }
}
