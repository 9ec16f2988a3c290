//! The C interface. Its manual is the header that is made from this module, so the comments here are written for
//! people who read C; what Rust must know of them stands in plain comments.
//!
//! Every function is written out; `guard` is the one boundary that no panic crosses. The rules, with their reasons:
//! inputs are references that may be null, outputs are raw pointers that are only written to (what they point at may
//! never have been written), a text is a pointer and a length, and the safe answer stands before any work.
#![allow(unsafe_code, non_camel_case_types, clippy::missing_safety_doc)]
// `[[octets;16]]` in a comment is for cbindgen.
#![allow(rustdoc::broken_intra_doc_links)]

mod addr;
mod buffer;
mod error;
mod policy;
mod reader;
mod set;

extern crate std;

use core::ffi::{CStr, c_char};
use core::slice;
use std::panic::{AssertUnwindSafe, catch_unwind};

pub use self::addr::*;
pub use self::buffer::*;
pub use self::error::*;
pub use self::policy::*;
pub use self::reader::*;
pub use self::set::*;

/// The number of this interface. It changes when a program that was compiled against an older one would break.
pub const CIDRGATE_ABI_VERSION: u32 = 1;

/// Host bits (172.0.0.10/16) are cleared with a warning instead of being a fault.
pub const CIDRGATE_LENIENT: u32 = 1;
/// Policies: the text is JSON, whatever it starts with. Results: as JSON.
pub const CIDRGATE_JSON: u32 = 2;
/// Sets are written as ranges instead of networks.
pub const CIDRGATE_RANGES: u32 = 4;
/// Only the answers are kept, not who gave them: less memory, no rules, no notes, no text.
pub const CIDRGATE_VERDICTS_ONLY: u32 = 8;

/// How a call went. 0 is success; numbers never change their meaning.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum cidrgate_status {
    /// It went well.
    CIDRGATE_OK = 0,
    /// An argument is NULL that must not be.
    CIDRGATE_ERR_NULL = 1,
    /// A flag that the call has no use for.
    CIDRGATE_ERR_FLAGS = 2,
    /// A fault in the text; the error says which, and where.
    CIDRGATE_ERR_TEXT = 3,
    /// A fault in the image; the error says which, and where.
    CIDRGATE_ERR_IMAGE = 4,
    /// A line, a text or a policy beyond its limit.
    CIDRGATE_ERR_LIMIT = 5,
    /// Out of memory.
    CIDRGATE_ERR_MEMORY = 6,
    /// The policy does not know its text (an image, or CIDRGATE_VERDICTS_ONLY).
    CIDRGATE_ERR_NO_SOURCE = 8,
    /// A fault in the library itself, caught; please report it.
    CIDRGATE_ERR_PANIC = 9,
}

use cidrgate_status::*;

/// The version of the library that is running, such as "0.1.0". Lives for ever.
#[unsafe(no_mangle)]
pub extern "C" fn cidrgate_version() -> *const c_char {
    const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => c"",
    };
    VERSION.as_ptr()
}

/// The number of the interface that is running; compare it with CIDRGATE_ABI_VERSION, or call cidrgate_check_abi.
#[unsafe(no_mangle)]
pub extern "C" fn cidrgate_abi_version() -> u32 {
    CIDRGATE_ABI_VERSION
}

/// What a status means, in a few words. Any number may be asked for. Lives for ever.
#[unsafe(no_mangle)]
pub extern "C" fn cidrgate_status_name(status: u32) -> *const c_char {
    let name = match status {
        0 => c"ok",
        1 => c"an argument is NULL",
        2 => c"unknown flags",
        3 => c"a fault in the text",
        4 => c"a fault in the image",
        5 => c"beyond a limit",
        6 => c"out of memory",
        8 => c"the policy does not know its text",
        9 => c"a fault in the library",
        _ => c"unknown status",
    };
    name.as_ptr()
}

/// Runs the body of a call so that no panic leaves it; `fallback` is the safe answer.
fn guard<T>(fallback: T, body: impl FnOnce() -> T) -> T {
    let body = || {
        #[cfg(cidrgate_test_panic)]
        injected::panic_if_told();
        body()
    };
    // What a body leaves half done is never seen again: it writes its outputs last.
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(fallback)
}

/// A build for the tests only: while it is told so, every call panics.
#[cfg(cidrgate_test_panic)]
mod injected {
    use core::sync::atomic::{AtomicBool, Ordering};

    static PANIC: AtomicBool = AtomicBool::new(false);

    #[unsafe(no_mangle)]
    extern "C" fn cidrgate_test_panic(panic: bool) {
        PANIC.store(panic, Ordering::SeqCst);
    }

    pub(super) fn panic_if_told() {
        assert!(!PANIC.load(Ordering::SeqCst), "injected");
    }
}

/// Refuses the flags that a call has no use for.
fn known(flags: u32, known: u32) -> Result<u32, cidrgate_status> {
    if flags & !known == 0 { Ok(flags) } else { Err(CIDRGATE_ERR_FLAGS) }
}

/// A text of the caller. NULL is fine where the length is 0.
///
/// # Safety
/// `text` points at `len` bytes that stay as they are during the call.
unsafe fn bytes<'a>(text: *const c_char, len: usize) -> Result<&'a [u8], cidrgate_status> {
    match (text.is_null(), len) {
        (_, 0) => Ok(&[]),
        (true, _) => Err(CIDRGATE_ERR_NULL),
        // No object is larger: such a length is a mistake, not a text.
        (_, len) if isize::try_from(len).is_err() => Err(CIDRGATE_ERR_LIMIT),
        // SAFETY: the caller's promise, not null, and no longer than an object can be.
        (false, len) => Ok(unsafe { slice::from_raw_parts(text.cast(), len) }),
    }
}

/// The octets of an address.
///
/// # Safety
/// `octets` is NULL or points at `N` readable bytes.
unsafe fn octets<const N: usize>(octets: *const u8) -> Result<[u8; N], cidrgate_status> {
    if octets.is_null() {
        return Err(CIDRGATE_ERR_NULL);
    }
    // SAFETY: not null, and the caller's promise; an array of bytes has no alignment.
    Ok(unsafe { octets.cast::<[u8; N]>().read() })
}

/// An output of a call.
struct Out<T>(*mut T);

impl<T> Out<T> {
    /// Takes note of an output, and sets it to nothing. Made outside of `guard`, so that this holds whatever follows.
    ///
    /// # Safety
    /// `place` is NULL or may be written to.
    unsafe fn new(place: *mut T, nothing: T) -> Self {
        let out = Self(place);
        out.set(nothing);
        out
    }

    /// Refuses NULL.
    fn required(&self) -> Result<&Self, cidrgate_status> {
        if self.0.is_null() { Err(CIDRGATE_ERR_NULL) } else { Ok(self) }
    }

    fn set(&self, value: T) {
        if !self.0.is_null() {
            // SAFETY: not null, and who made this promised that it may be written to.
            unsafe { self.0.write(value) }
        }
    }
}

impl<T> Out<*mut T> {
    /// Hands an object over; the caller frees it.
    fn give(&self, object: T) {
        if !self.0.is_null() {
            self.set(std::boxed::Box::into_raw(std::boxed::Box::new(object)));
        }
    }
}

/// Turns a body's result into a status.
fn status(result: Result<(), cidrgate_status>) -> cidrgate_status {
    result.err().unwrap_or(CIDRGATE_OK)
}
