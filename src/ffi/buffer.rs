use alloc::vec::Vec;

use super::{cidrgate_status, guard};

/// Bytes that a call made. Immutable; free it with cidrgate_buffer_free.
pub struct cidrgate_buffer(Vec<u8>);

impl cidrgate_buffer {
    /// A NUL follows the bytes, for those who print a text as a string.
    pub(super) fn of(bytes: impl Into<Vec<u8>>) -> Result<Self, cidrgate_status> {
        let mut bytes = bytes.into();
        bytes.try_reserve_exact(1).map_err(|_| cidrgate_status::CIDRGATE_ERR_MEMORY)?;
        bytes.push(0);
        Ok(Self(bytes))
    }
}

/// The bytes, which live as long as the buffer. A NUL that does not count follows them, so a text can be printed with
/// "%s". NULL for a NULL buffer.
#[unsafe(no_mangle)]
pub extern "C" fn cidrgate_buffer_data(buffer: Option<&cidrgate_buffer>) -> *const u8 {
    guard(core::ptr::null(), || buffer.map_or(core::ptr::null(), |buffer| buffer.0.as_ptr()))
}

/// How many bytes there are. 0 for a NULL buffer.
#[unsafe(no_mangle)]
pub extern "C" fn cidrgate_buffer_len(buffer: Option<&cidrgate_buffer>) -> usize {
    guard(0, || buffer.map_or(0, |buffer| buffer.0.len().saturating_sub(1)))
}

/// Frees a buffer. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn cidrgate_buffer_free(buffer: Option<alloc::boxed::Box<cidrgate_buffer>>) {
    guard((), || drop(buffer));
}
