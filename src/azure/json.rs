//! What only Azure's documents need beside `document`: more ways to a value, sets by name.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;

use ipnet::IpNet;

pub(super) use crate::document::{Node, Wrong, document_error, parse};
use crate::fault::Quoted;
use crate::range::IpRange;
use crate::set::CidrSet;
use crate::text;

impl<'a> Node<'a> {
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn is_list(&self) -> bool {
        self.value.is_array()
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

    pub(super) fn number(&self) -> Result<u64, Wrong> {
        self.value.as_u64().ok_or_else(|| self.expected("a number"))
    }

    /// Whether the member is there and true.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Wrong> {
        let flag = self.member(name)?;
        flag.map_or(Ok(false), |node| node.value.as_bool().ok_or_else(|| node.expected("a boolean")))
    }

    pub(super) fn addr(&self) -> Result<IpAddr, Wrong> {
        let text = self.string()?;
        text::addr(text).map_err(|error| self.wrong(format!("{}: {error}", Quoted(text.as_bytes()))))
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
