//! Source-IP policy, embedded: may this address in?
//!
//! A [`Policy`] is an ordered list of rules, each an address, network, range or named set to allow or deny, and a
//! default. It is read from text or JSON, or built; it compiles to a [`Matcher`] that answers in nanoseconds, with the
//! rule that decided, and that can be compared with another, fingerprinted and explained. A [`CidrSet`] is a set of
//! addresses with the algebra to go with it.
//!
//! ```
//! use std::net::Ipv4Addr;
//! use cidrgate::{Action, Policy};
//!
//! let policy = Policy::read("\
//!     deny  203.0.113.77    # lost laptop
//!     allow 203.0.113.0/24  # the office
//! ")?;
//! let matcher = policy.compile()?;
//! assert!(matcher.allows(Ipv4Addr::new(203, 0, 113, 10)));
//!
//! let decision = matcher.decide(Ipv4Addr::new(203, 0, 113, 77));
//! assert_eq!(decision.action(), Action::Deny);
//! assert_eq!(policy.rules()[decision.rule().unwrap()].note(), Some("lost laptop"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # While a service runs
//!
//! A `Gate` holds the matcher of a running service: look-ups never wait, and a change is judged by its [`Guards`]
//! and takes effect as a whole, or not at all; on trial, it comes back by itself unless it is confirmed in time. A
//! `PolicyWatcher` keeps a gate at what a file says.
//!
//! # Who wins
//!
//! [`Precedence`] says which of the rules that contain an address decides: the first (if nothing is said), the one with
//! the longest prefix, any deny, or the lowest priority number. If no rule contains it the default decides, and the
//! default denies unless it is written otherwise.
//!
//! IPv4 and IPv6 never mix, but for one thing: an IPv4-mapped IPv6 address (`::ffff:192.0.2.1`, what a dual-stack
//! socket delivers for an IPv4 client) is the IPv4 address, in a question and in a rule.
//!
//! # Images
//!
//! [`Matcher::save`] writes a matcher as bytes, from which [`Matcher::load`] makes it again without the text, as do readers
//! in other languages. Everything is checked then, but whoever can write an image can write any policy into it: its checksum
//! is against accidents.
//!
//! # Failing closed
//!
//! A text with any fault gives no policy, and the error tells all faults with line and column; an image with any fault
//! gives no matcher. What cannot be decided
//! is denied. No input makes the library panic; arrays that grow with input are reserved so that a lack of memory is
//! an error. [`MAX_LINE`], [`MAX_INPUT`] and [`CompileError::TooLarge`] are the limits.
//!
//! # What things cost
//!
//! | | time | memory |
//! | --- | --- | --- |
//! | [`Policy::read`], [`ListReader::read`] | n log n | what it says |
//! | [`Policy::compile`] | n log n in the pieces of its rules, whatever the precedence | 4 or 16 bytes and an owner for each edge, and the index |
//! | [`Matcher::save`], [`Matcher::load`] | one pass, and the index | the image |
//! | [`Matcher::allows`], [`Matcher::decide`] | a few dependent loads, whatever the size | none |
//! | [`CidrSet`] operators, [`Matcher::diff`], [`CidrSet::is_subset`] | one pass over both | the result |
//! | [`CidrSet::contains`] | log n | none |
//! | [`CidrSet::fit`] | n·k, at most n² | n·min(k, 128) |
//! | `GateReader::allows` | that of the matcher, and one number to look at | the policy that it saw last |
//! | `Gate::replace`, [`Guards::judge`] | one pass over both for each guard, fingerprints included | the change |
//! | [`Policy::explain`] | one pass over the rules | the rules that contain the address |
//! | [`Policy::lint`] | n log n | the findings |
//!
//! An *edge* is an address at which an answer flips. A set of n networks has at most 2n of them.
//!
//! # Features
//!
//! - `std` (default): `Gate`, and `std` in the dependencies. Without it the library needs `alloc` only.
//! - `serde`: `Serialize` and `Deserialize` for [`Action`], [`Precedence`], [`IpRange`] and [`CidrSet`].
//! - `json`: policies as JSON, read by [`Policy::read`] and written by `Policy::to_json`; the module `cloud`, which takes
//!   sets from the address ranges that clouds publish.
//! - `watch`: `PolicyWatcher`, a gate that follows a policy file.
//! - `azure`: the module `azure`, which reads and evaluates what Azure prints: authorized ranges, firewalls, routes.
#![no_std]
#![cfg_attr(not(feature = "capi"), forbid(unsafe_code))]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

#[cfg(feature = "azure")]
pub mod azure;
#[cfg(feature = "json")]
pub mod cloud;
mod combine;
#[cfg(feature = "json")]
mod document;
mod edges;
mod error;
mod fault;
#[cfg(feature = "capi")]
pub mod ffi;
mod finding;
mod fit;
#[cfg(feature = "std")]
mod gate;
mod guards;
mod image;
mod label;
mod list;
mod matcher;
mod name;
mod painting;
mod policy;
mod range;
#[cfg(feature = "serde")]
mod serialize;
mod set;
pub mod text;
mod trie;
#[cfg(feature = "watch")]
mod watch;
mod word;

#[cfg(feature = "json")]
pub use document::MAX_DOCUMENT;
pub use error::OutOfMemory;
pub use fault::{BuildError, Fault, FaultKind, MAX_INPUT, MAX_LINE, ReadError};
pub use finding::{Code, Finding, Level};
pub use fit::{Fit, FitError};
#[cfg(feature = "std")]
pub use gate::{Gate, GateReader, NotOnTrial, Snapshot, Trial, TrialState};
pub use guards::{Guards, Refusal, Refused};
pub use image::{IMAGE_MAGIC, ImageError, ImageErrorKind};
pub use label::Label;
pub use list::{List, ListReader};
pub use matcher::{Change, Decision, Fingerprint, Matcher};
pub use name::{NameError, SetName};
pub use policy::{
    Action, Beaten, CompileError, Expectation, Explanation, MAX_NOTE, NearMiss, Policy, PolicyBuilder, PolicyReader,
    Precedence, Reason, Rule, Target,
};
pub use range::{IpRange, RangeError};
pub use set::{CidrSet, Count, Networks, Ranges};
#[cfg(feature = "watch")]
pub use watch::{PolicyWatcher, WatchBuilder, WatchCause, WatchError, WatchEvent, WatchStatus};

/// The README's example is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
