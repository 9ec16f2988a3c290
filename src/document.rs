//! JSON that others publish or print: members by name in any case, under `properties` or not; every value knows its
//! path.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::{self, Display};

use ipnet::IpNet;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::error;
use crate::fault::Quoted;
use crate::text;

/// The largest document of others that is read, in bytes: what `azure` and `cloud` read. All service tags of Azure take a
/// tenth of it.
pub const MAX_DOCUMENT: usize = 64 << 20;

/// What is wrong in a document, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{}{reason}", self.path, if self.path.is_empty() { "" } else { ": " })]
pub(crate) struct Wrong {
    /// Empty where the document is wrong as a whole.
    pub(crate) path: String,
    pub(crate) reason: String,
}

impl Wrong {
    pub(crate) fn new(path: impl Into<String>, reason: impl Display) -> Self {
        Self { path: path.into(), reason: reason.to_string() }
    }
}

/// A public error of one document: its path and reason.
macro_rules! document_error {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
        #[error(transparent)]
        pub struct $name(#[from] crate::document::Wrong);

        impl $name {
            /// Where in the document, such as `routes[1].addressPrefix`; empty if it is wrong as a whole.
            #[must_use]
            pub fn path(&self) -> &str {
                &self.0.path
            }

            /// What is wrong there.
            #[must_use]
            pub fn reason(&self) -> &str {
                &self.0.reason
            }
        }
    };
}
pub(crate) use document_error;

/// Parses a document. Depth is bounded by serde_json.
pub(crate) fn parse(text: &[u8]) -> Result<Value, Wrong> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    if text.len() > MAX_DOCUMENT {
        return Err(Wrong::new("", format!("a document of {} bytes; the largest has {MAX_DOCUMENT}", text.len())));
    }
    let no_json = |error| Wrong::new("", format!("no JSON: {error}"));
    // Syntax first, which takes little memory: what is no JSON is not refused for its size.
    serde_json::from_slice::<IgnoredAny>(text).map_err(no_json)?;
    error::room(size(text)).map_err(|error| Wrong::new("", error))?;
    let Once = serde_json::from_slice(text).map_err(|error| Wrong::new("", error))?;
    serde_json::from_slice(text).map_err(no_json)
}

/// A document in which no object has a member twice. serde_json takes the last one, and others may take the first.
struct Once;

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Once {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while let Some(Self) = items.next_element()? {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self, A::Error> {
        let mut seen = BTreeSet::new();
        while let Some(name) = members.next_key::<String>()? {
            if seen.contains(&name) {
                return Err(A::Error::custom(format!("member {} is given twice", Quoted(name.as_bytes()))));
            }
            seen.insert(name);
            let Self = members.next_value()?;
        }
        Ok(self)
    }
}

/// What a document may take at most, parsed and walked through. serde_json cannot ask for it fallibly.
fn size(text: &[u8]) -> usize {
    /// A value in a list that doubles, the node and the path that a walk makes of it.
    const ITEM: usize = 256;
    /// The first node of a map.
    const OBJECT: usize = 1024;
    text.iter().fold(2 * text.len(), |size, byte| match byte {
        b',' | b':' | b'[' => size + ITEM,
        b'{' => size + OBJECT,
        _ => size,
    })
}

/// A value that is not null, and its path.
#[derive(Clone, Debug)]
pub(crate) struct Node<'a> {
    pub(crate) value: &'a Value,
    pub(crate) path: String,
}

impl<'a> Node<'a> {
    pub(crate) fn root(value: &'a Value) -> Self {
        Self { value, path: String::new() }
    }

    pub(crate) fn wrong(&self, reason: impl Display) -> Wrong {
        Wrong::new(self.path.as_str(), reason)
    }

    pub(crate) fn expected(&self, what: &str) -> Wrong {
        let found = match self.value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        };
        self.wrong(format!("expected {what}, found {found}"))
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// The member of this object itself, by its name in any case.
    fn own_member(&self, name: &str) -> Result<Option<Node<'a>>, Wrong> {
        let object = self.value.as_object().ok_or_else(|| self.expected("an object"))?;
        let mut found: Option<Node<'a>> = None;
        for (key, value) in object.iter().filter(|(key, value)| key.eq_ignore_ascii_case(name) && !value.is_null()) {
            let node = Node { value, path: self.path_of(key) };
            found = Self::same(found, Some(node))?;
        }
        Ok(found)
    }

    /// Two spellings of one member may both be there if they say the same.
    pub(crate) fn same(one: Option<Self>, other: Option<Self>) -> Result<Option<Self>, Wrong> {
        match (one, other) {
            (Some(one), Some(other)) if one.value != other.value => {
                Err(other.wrong(format!("differs from {}", one.path)))
            }
            (one, other) => Ok(one.or(other)),
        }
    }

    /// The member of this name, here or under `properties`; nothing if it is missing or null.
    pub(crate) fn member(&self, name: &str) -> Result<Option<Node<'a>>, Wrong> {
        let here = self.own_member(name)?;
        let below = match self.own_member("properties")? {
            Some(properties) => properties.own_member(name)?,
            None => None,
        };
        Self::same(here, below)
    }

    /// As [`member`](Self::member), but it must be there.
    pub(crate) fn required(&self, name: &str) -> Result<Node<'a>, Wrong> {
        self.member(name)?.ok_or_else(|| Wrong::new(self.path_of(name), "is missing"))
    }

    /// The members of this object itself with their names, but for those that are null. Names may hold anything, so in
    /// the path they are escaped.
    pub(crate) fn members(&self) -> Result<Vec<(&'a str, Node<'a>)>, Wrong> {
        let object = self.value.as_object().ok_or_else(|| self.expected("an object"))?;
        let members = object.iter().filter(|(_, value)| !value.is_null());
        let node = |name: &str, value| Node { value, path: self.path_of(&name.escape_debug().to_string()) };
        Ok(members.map(|(name, value)| (name.as_str(), node(name, value))).collect())
    }

    /// The items of this list. One that is null is no item of the right type.
    pub(crate) fn items(&self) -> Result<Vec<Node<'a>>, Wrong> {
        let list = self.value.as_array().ok_or_else(|| self.expected("a list"))?;
        let items = list.iter().enumerate();
        Ok(items.map(|(at, value)| Node { value, path: format!("{}[{at}]", self.path) }).collect())
    }

    pub(crate) fn string(&self) -> Result<&'a str, Wrong> {
        self.value.as_str().ok_or_else(|| self.expected("a string"))
    }

    /// The string of the member, if it is there.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&'a str>, Wrong> {
        self.member(name)?.map(|node| node.string()).transpose()
    }

    pub(crate) fn network(&self) -> Result<IpNet, Wrong> {
        let text = self.string()?;
        text::net(text).map_err(|error| self.wrong(format!("{}: {error}", Quoted(text.as_bytes()))))
    }
}
