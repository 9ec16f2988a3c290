//! wip
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;
#[cfg(any(test, feature = "std"))]
extern crate std;

mod edges;
mod error;
mod fault;
mod finding;
mod list;
mod matcher;
mod name;
mod painting;
mod policy;
mod range;
mod set;
pub mod text;
mod trie;
mod word;

pub use error::OutOfMemory;
pub use fault::{BuildError, Fault, FaultKind, MAX_INPUT, MAX_LINE, ReadError};
pub use finding::{Code, Finding, Level};
pub use list::{List, ListReader};
pub use matcher::{Change, Decision, Fingerprint, Label, Matcher};
pub use name::{NameError, SetName};
pub use policy::{
    Action, Beaten, CompileError, Expectation, Explanation, MAX_NOTE, NearMiss, Policy, PolicyBuilder, PolicyReader,
    Precedence, Reason, Rule, Target,
};
pub use range::{IpRange, RangeError};
pub use set::{CidrSet, Count, Networks, Ranges};
