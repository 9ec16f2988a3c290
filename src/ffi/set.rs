use alloc::boxed::Box;
use alloc::string::{String, ToString};
use core::ffi::c_char;
use core::fmt::Write;
use core::net::Ipv4Addr;
use core::ptr;

use super::addr::from_octets;
use super::buffer::cidrgate_buffer;
use super::cidrgate_status::{self, *};
use super::error::{Failure, cidrgate_error};
use super::{CIDRGATE_LENIENT, CIDRGATE_RANGES, Out, bytes, guard, known, octets, status};
use crate::text::Canonical;
use crate::{CidrSet, ListReader, OutOfMemory};

/// A set of IPv4 and IPv6 addresses. Immutable, so any number of threads may use it at once; free it with
/// cidrgate_set_free.
pub struct cidrgate_set(pub(super) CidrSet);

/// Reads a plain list: one address, network or range a line, comments after '#' or ';'. `error` may be NULL. Time is
/// n log n, memory follows what the list covers.
///
/// Flags: CIDRGATE_LENIENT clears host bits, which are a fault otherwise.
/// Fails with CIDRGATE_ERR_TEXT (all faults are in the error), CIDRGATE_ERR_LIMIT, CIDRGATE_ERR_MEMORY,
/// CIDRGATE_ERR_FLAGS, CIDRGATE_ERR_NULL.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cidrgate_set_parse(
    text: *const c_char,
    len: usize,
    flags: u32,
    set: *mut *mut cidrgate_set,
    error: *mut *mut cidrgate_error,
) -> cidrgate_status {
    // SAFETY: the header asks for outputs that are NULL or writable.
    let (set, error) = unsafe { (Out::new(set, ptr::null_mut()), Out::new(error, ptr::null_mut())) };
    guard(CIDRGATE_ERR_PANIC, || {
        let result = || {
            let set = set.required()?;
            let lenient = known(flags, CIDRGATE_LENIENT)? != 0;
            // SAFETY: the header asks for a text of `len` bytes.
            let text = unsafe { bytes(text, len)? };
            set.give(cidrgate_set(ListReader::new().lenient(lenient).read(text)?.into_set()));
            Ok(())
        };
        Failure::tell(result(), &error)
    })
}

/// Hands over what an operation on one or two sets makes.
///
/// # Safety
/// `result` is NULL or may be written to.
unsafe fn operation(
    result: *mut *mut cidrgate_set,
    operate: impl FnOnce() -> Option<Result<CidrSet, OutOfMemory>>,
) -> cidrgate_status {
    // SAFETY: the caller's promise is ours.
    let result = unsafe { Out::new(result, ptr::null_mut()) };
    guard(CIDRGATE_ERR_PANIC, || {
        let done = || {
            let result = result.required()?;
            let set = operate().ok_or(CIDRGATE_ERR_NULL)?;
            result.give(cidrgate_set(set.map_err(|OutOfMemory| CIDRGATE_ERR_MEMORY)?));
            Ok(())
        };
        status(done())
    })
}

/// The addresses in either set. One pass over both; so are the three that follow.
///
/// Fails with CIDRGATE_ERR_MEMORY, CIDRGATE_ERR_NULL.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cidrgate_set_union(
    a: Option<&cidrgate_set>,
    b: Option<&cidrgate_set>,
    result: *mut *mut cidrgate_set,
) -> cidrgate_status {
    // SAFETY: the header asks for outputs that are NULL or writable.
    unsafe { operation(result, || Some(a?.0.union(&b?.0))) }
}

/// The addresses in both sets.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cidrgate_set_intersection(
    a: Option<&cidrgate_set>,
    b: Option<&cidrgate_set>,
    result: *mut *mut cidrgate_set,
) -> cidrgate_status {
    // SAFETY: the header asks for outputs that are NULL or writable.
    unsafe { operation(result, || Some(a?.0.intersection(&b?.0))) }
}

/// The addresses in `a` and not in `b`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cidrgate_set_difference(
    a: Option<&cidrgate_set>,
    b: Option<&cidrgate_set>,
    result: *mut *mut cidrgate_set,
) -> cidrgate_status {
    // SAFETY: the header asks for outputs that are NULL or writable.
    unsafe { operation(result, || Some(a?.0.difference(&b?.0))) }
}

/// The addresses in exactly one of the sets.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cidrgate_set_symmetric_difference(
    a: Option<&cidrgate_set>,
    b: Option<&cidrgate_set>,
    result: *mut *mut cidrgate_set,
) -> cidrgate_status {
    // SAFETY: the header asks for outputs that are NULL or writable.
    unsafe { operation(result, || Some(a?.0.symmetric_difference(&b?.0))) }
}

/// The addresses of both families that are not in the set. One pass.
///
/// Fails with CIDRGATE_ERR_MEMORY, CIDRGATE_ERR_NULL.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cidrgate_set_complement(
    a: Option<&cidrgate_set>,
    result: *mut *mut cidrgate_set,
) -> cidrgate_status {
    // SAFETY: the header asks for outputs that are NULL or writable.
    unsafe { operation(result, || Some(a?.0.complement())) }
}

/// Whether the IPv4 address is in the set. false for NULL. log n.
/// cbindgen:ptrs-as-arrays=[[octets;4]]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cidrgate_set_contains_v4(set: Option<&cidrgate_set>, octets: *const u8) -> bool {
    guard(false, || {
        // SAFETY: the header asks for NULL or 4 octets.
        let (Some(set), Ok(addr)) = (set, unsafe { self::octets::<4>(octets) }) else { return false };
        set.0.contains(Ipv4Addr::from(addr))
    })
}

/// Whether the address is in the set; an IPv4-mapped one is the IPv4 address. false for NULL. log n.
/// cbindgen:ptrs-as-arrays=[[octets;16]]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cidrgate_set_contains_v6(set: Option<&cidrgate_set>, octets: *const u8) -> bool {
    guard(false, || {
        // SAFETY: the header asks for NULL or 16 octets.
        let (Some(set), Ok(addr)) = (set, unsafe { self::octets::<16>(octets) }) else { return false };
        set.0.contains(from_octets(addr))
    })
}

/// Whether both sets have the same addresses. false if one is NULL. One pass.
#[unsafe(no_mangle)]
pub extern "C" fn cidrgate_set_equal(a: Option<&cidrgate_set>, b: Option<&cidrgate_set>) -> bool {
    guard(false, || matches!((a, b), (Some(a), Some(b)) if a.0 == b.0))
}

/// Whether every address of `a` is in `b`. false if one is NULL. One pass.
#[unsafe(no_mangle)]
pub extern "C" fn cidrgate_set_is_subset(a: Option<&cidrgate_set>, b: Option<&cidrgate_set>) -> bool {
    guard(false, || matches!((a, b), (Some(a), Some(b)) if a.0.is_subset(&b.0)))
}

/// Writes the smallest list of networks, one a line, IPv4 first: a plain list that reads back as the same set.
///
/// Flags: CIDRGATE_RANGES writes the smallest list of ranges, FIRST-LAST, instead.
/// Fails with CIDRGATE_ERR_FLAGS, CIDRGATE_ERR_NULL.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cidrgate_set_write(
    set: Option<&cidrgate_set>,
    flags: u32,
    text: *mut *mut cidrgate_buffer,
) -> cidrgate_status {
    // SAFETY: the header asks for an output that is NULL or writable.
    let out = unsafe { Out::new(text, ptr::null_mut()) };
    guard(CIDRGATE_ERR_PANIC, || {
        let result = || {
            let out = out.required()?;
            let ranges = known(flags, CIDRGATE_RANGES)? != 0;
            let set = &set.ok_or(CIDRGATE_ERR_NULL)?.0;
            let mut written = String::new();
            if ranges {
                for range in set.ranges() {
                    // Writing to a string cannot fail.
                    let _ = writeln!(written, "{}", Canonical::from(range));
                }
            } else {
                written = set.to_string();
            }
            out.give(cidrgate_buffer::of(written)?);
            Ok(())
        };
        status(result())
    })
}

/// Frees a set. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn cidrgate_set_free(set: Option<Box<cidrgate_set>>) {
    guard((), || drop(set));
}
