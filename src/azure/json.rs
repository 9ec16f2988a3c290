//! Other people's JSON: members by name in any case, under `properties` or not; every value knows its path.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Display;
use core::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;

use crate::fault::Quoted;
use crate::range::IpRange;
use crate::set::CidrSet;
use crate::text;

/// The largest document that is read, in bytes. A list of all service tags has a tenth of it.
pub const MAX_DOCUMENT: usize = 64 << 20;

/// What is wrong in a document, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{}{reason}", self.path, if self.path.is_empty() { "" } else { ": " })]
pub(super) struct Wrong {
    /// Empty where the document is wrong as a whole.
    pub(super) path: String,
    pub(super) reason: String,
}

impl Wrong {
    pub(super) fn new(path: impl Into<String>, reason: impl Display) -> Self {
        Self { path: path.into(), reason: reason.to_string() }
    }
}

/// A public error of one document: its path and reason.
macro_rules! document_error {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
        #[error(transparent)]
        pub struct $name(#[from] crate::azure::json::Wrong);

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
pub(super) use document_error;

/// Parses a document. Depth is bounded by serde_json.
pub(super) fn parse(text: &[u8]) -> Result<Value, Wrong> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    if text.len() > MAX_DOCUMENT {
        return Err(Wrong::new("", format!("a document of {} bytes; the largest has {MAX_DOCUMENT}", text.len())));
    }
    serde_json::from_slice(text).map_err(|error| Wrong::new("", format!("no JSON: {error}")))
}

/// A value that is not null, and its path.
#[derive(Clone, Debug)]
pub(super) struct Node<'a> {
    value: &'a Value,
    path: String,
}

impl<'a> Node<'a> {
    pub(super) fn root(value: &'a Value) -> Self {
        Self { value, path: String::new() }
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn wrong(&self, reason: impl Display) -> Wrong {
        Wrong::new(self.path.as_str(), reason)
    }

    fn expected(&self, what: &str) -> Wrong {
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

    pub(super) fn is_list(&self) -> bool {
        self.value.is_array()
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
    pub(super) fn same(one: Option<Self>, other: Option<Self>) -> Result<Option<Self>, Wrong> {
        match (one, other) {
            (Some(one), Some(other)) if one.value != other.value => {
                Err(other.wrong(format!("differs from {}", one.path)))
            }
            (one, other) => Ok(one.or(other)),
        }
    }

    /// The member of this name, here or under `properties`; nothing if it is missing or null.
    pub(super) fn member(&self, name: &str) -> Result<Option<Node<'a>>, Wrong> {
        let here = self.own_member(name)?;
        let below = match self.own_member("properties")? {
            Some(properties) => properties.own_member(name)?,
            None => None,
        };
        Self::same(here, below)
    }

    /// As [`member`](Self::member), but it must be there.
    pub(super) fn required(&self, name: &str) -> Result<Node<'a>, Wrong> {
        self.member(name)?.ok_or_else(|| Wrong::new(self.path_of(name), "is missing"))
    }

    /// The members on the way along the names; nothing if one is missing.
    pub(super) fn along(&self, names: &[&str]) -> Result<Option<Node<'a>>, Wrong> {
        let mut node = self.clone();
        for name in names {
            match node.member(name)? {
                Some(next) => node = next,
                None => return Ok(None),
            }
        }
        Ok(Some(node))
    }

    /// The items of this list. One that is null is no item of the right type.
    pub(super) fn items(&self) -> Result<Vec<Node<'a>>, Wrong> {
        let list = self.value.as_array().ok_or_else(|| self.expected("a list"))?;
        let items = list.iter().enumerate();
        Ok(items.map(|(at, value)| Node { value, path: format!("{}[{at}]", self.path) }).collect())
    }

    /// The items of the member; none if it is missing or null.
    pub(super) fn list(&self, name: &str) -> Result<Vec<Node<'a>>, Wrong> {
        self.member(name)?.map_or(Ok(Vec::new()), |node| node.items())
    }

    /// The items of a member that may also be one value by itself.
    pub(super) fn one_or_more(&self, name: &str) -> Result<Vec<Node<'a>>, Wrong> {
        match self.member(name)? {
            Some(node) if node.is_list() => node.items(),
            Some(node) => Ok(Vec::from([node])),
            None => Ok(Vec::new()),
        }
    }

    pub(super) fn string(&self) -> Result<&'a str, Wrong> {
        self.value.as_str().ok_or_else(|| self.expected("a string"))
    }

    pub(super) fn number(&self) -> Result<u64, Wrong> {
        self.value.as_u64().ok_or_else(|| self.expected("a number"))
    }

    /// Whether the member is there and true.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Wrong> {
        let flag = self.member(name)?;
        flag.map_or(Ok(false), |node| node.value.as_bool().ok_or_else(|| node.expected("a boolean")))
    }

    /// The string of the member, if it is there.
    pub(super) fn text(&self, name: &str) -> Result<Option<&'a str>, Wrong> {
        self.member(name)?.map(|node| node.string()).transpose()
    }

    pub(super) fn addr(&self) -> Result<IpAddr, Wrong> {
        let text = self.string()?;
        text::addr(text).map_err(|error| self.wrong(format!("{}: {error}", Quoted(text.as_bytes()))))
    }

    pub(super) fn network(&self) -> Result<IpNet, Wrong> {
        let text = self.string()?;
        text::net(text).map_err(|error| self.wrong(format!("{}: {error}", Quoted(text.as_bytes()))))
    }
}

/// Sets by name, for what a document only names: service tags and IP groups.
#[derive(Clone, Debug, Default)]
pub(super) struct NamedSets(pub(super) Vec<(String, CidrSet)>);

impl NamedSets {
    pub(super) fn get(&self, name: &str) -> Option<&CidrSet> {
        self.0.iter().rev().find(|(known, _)| known == name).map(|(_, set)| set)
    }

    pub(super) fn of(&self, name: &str) -> Result<&CidrSet, String> {
        let missing = || format!("{} is not known: hand over its addresses as a named set", Quoted(name.as_bytes()));
        self.get(name).ok_or_else(missing)
    }
}

/// Whether the text can only be the name of a service tag: it starts with a letter and has no mark of an address.
pub(super) fn is_tag(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic()) && !text.contains([':', '/'])
}

/// The range of a network, for comparing.
pub(super) fn within(inner: IpNet, outer: IpNet) -> bool {
    let (inner, outer) = (IpRange::from(inner), IpRange::from(outer));
    outer.contains(inner.first()) && outer.contains(inner.last())
}
