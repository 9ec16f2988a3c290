use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::ffi::c_char;
use core::ptr;

use super::cidrgate_status::{self, *};
use super::error::{Failure, cidrgate_error};
use super::policy::cidrgate_policy;
use super::set::cidrgate_set;
use super::{Out, bytes, guard};
use crate::{CidrSet, PolicyReader, SetName};

/// Reads policies that name sets which the program hands over. One thread at a time may add to it; free it with
/// cidrgate_reader_free.
pub struct cidrgate_reader {
    sets: Vec<(String, CidrSet)>,
}

impl cidrgate_reader {
    pub(super) fn reader(&self) -> PolicyReader {
        let sets = self.sets.iter();
        sets.fold(PolicyReader::new(), |reader, (name, set)| reader.set(name.as_str(), set.clone()))
    }
}

/// A reader without sets. NULL only if the library is at fault.
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn cidrgate_reader_new() -> *mut cidrgate_reader {
    guard(ptr::null_mut(), || Box::into_raw(Box::new(cidrgate_reader { sets: Vec::new() })))
}

/// Hands over a set that policies may use as @NAME: a letter or digit, then up to 127 letters, digits, '.', '_' or '-'.
/// The reader shares the set; the caller still frees its own. `error` may be NULL. A name that was handed over before
/// gets the new set.
///
/// Fails with CIDRGATE_ERR_TEXT (no such name), CIDRGATE_ERR_NULL.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cidrgate_reader_set(
    reader: Option<&mut cidrgate_reader>,
    name: *const c_char,
    len: usize,
    set: Option<&cidrgate_set>,
    error: *mut *mut cidrgate_error,
) -> cidrgate_status {
    // SAFETY: the header asks for an output that is NULL or writable.
    let error = unsafe { Out::new(error, ptr::null_mut()) };
    guard(CIDRGATE_ERR_PANIC, || {
        let result = || {
            let reader = reader.ok_or(CIDRGATE_ERR_NULL)?;
            let set = set.ok_or(CIDRGATE_ERR_NULL)?;
            // SAFETY: the header asks for a text of `len` bytes.
            let name = core::str::from_utf8(unsafe { bytes(name, len)? }).unwrap_or_default();
            let name = SetName::new(name).map_err(|error| Failure::in_line(0, error))?;
            reader.sets.retain(|(known, _)| known != name.as_str());
            reader.sets.push((name.as_str().into(), set.0.clone()));
            Ok(())
        };
        Failure::tell(result(), &error)
    })
}

/// As cidrgate_policy_parse, with the sets that were handed over. The policy does not need the reader any more.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cidrgate_reader_parse(
    reader: Option<&cidrgate_reader>,
    text: *const c_char,
    len: usize,
    flags: u32,
    policy: *mut *mut cidrgate_policy,
    error: *mut *mut cidrgate_error,
) -> cidrgate_status {
    let reader = || reader.map(cidrgate_reader::reader);
    // SAFETY: the header asks of both functions the same.
    unsafe { super::policy::parse(reader, (text, len), flags, policy, error) }
}

/// Frees a reader. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn cidrgate_reader_free(reader: Option<Box<cidrgate_reader>>) {
    guard((), || drop(reader));
}
