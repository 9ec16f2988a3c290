use alloc::boxed::Box;
use alloc::ffi::CString;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ffi::c_char;
use core::fmt::Display;
use core::ptr;

use super::cidrgate_status::{self, *};
use super::{Out, guard};
use crate::policy::CompileError;
use crate::{Fault, FaultKind, ImageError, ImageErrorKind, OutOfMemory, ReadError};

/// Why a text or an image was refused: every fault with its place, the first hundred with their messages. (Of an image
/// the first fault only.) Immutable; free it with cidrgate_error_free.
pub struct cidrgate_error {
    faults: Vec<OneFault>,
    text: CString,
}

struct OneFault {
    code: cidrgate_status,
    line: u32,
    column: u32,
    offset: usize,
    message: CString,
}

/// Text for C. The library's messages are printable, so they hold no NUL.
pub(super) fn c_string(text: impl Into<Vec<u8>>) -> CString {
    CString::new(text).unwrap_or_default()
}

/// What stops a call: a status, and where there is more to say, an error.
pub(super) struct Failure {
    status: cidrgate_status,
    error: Option<cidrgate_error>,
}

impl Failure {
    /// Tells the caller; the error first, the status as the call's result.
    pub(super) fn tell(result: Result<(), Self>, error: &Out<*mut cidrgate_error>) -> cidrgate_status {
        match result {
            Ok(()) => CIDRGATE_OK,
            Err(failure) => {
                if let Some(object) = failure.error {
                    error.give(object);
                }
                failure.status
            }
        }
    }

    pub(super) fn status(&self) -> cidrgate_status {
        self.status
    }

    /// A failure without a place in a text.
    fn whole(status: cidrgate_status, message: String) -> Self {
        Self::at(status, 0, 0, 0, message)
    }

    fn at(status: cidrgate_status, line: u32, column: u32, offset: usize, message: String) -> Self {
        let text = c_string(message.as_str());
        let fault = OneFault { code: status, line, column, offset, message: c_string(message) };
        Self { status, error: Some(cidrgate_error { faults: Vec::from([fault]), text }) }
    }

    /// A fault of a text of one line.
    pub(super) fn in_line(offset: usize, message: impl Display) -> Self {
        let column = u32::try_from(offset + 1).unwrap_or(u32::MAX);
        Self::at(CIDRGATE_ERR_TEXT, 1, column, offset, message.to_string())
    }
}

impl From<cidrgate_status> for Failure {
    fn from(status: cidrgate_status) -> Self {
        Self { status, error: None }
    }
}

impl From<OutOfMemory> for Failure {
    fn from(error: OutOfMemory) -> Self {
        Self::whole(CIDRGATE_ERR_MEMORY, error.to_string())
    }
}

impl From<CompileError> for Failure {
    fn from(error: CompileError) -> Self {
        let status = match error {
            CompileError::TooLarge => CIDRGATE_ERR_LIMIT,
            CompileError::OutOfMemory => CIDRGATE_ERR_MEMORY,
        };
        Self::whole(status, error.to_string())
    }
}

impl From<ImageError> for Failure {
    fn from(error: ImageError) -> Self {
        let code = match error.kind() {
            ImageErrorKind::OutOfMemory => CIDRGATE_ERR_MEMORY,
            _ => CIDRGATE_ERR_IMAGE,
        };
        let message = c_string(error.message());
        let fault = OneFault { code, line: 0, column: 0, offset: error.offset(), message };
        Self {
            status: code,
            error: Some(cidrgate_error { faults: Vec::from([fault]), text: c_string(error.to_string()) }),
        }
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        let faults: Vec<_> = error.faults().iter().map(OneFault::from).collect();
        let status = faults.first().map_or(CIDRGATE_ERR_TEXT, |fault| fault.code);
        Self { status, error: Some(cidrgate_error { faults, text: c_string(error.to_string()) }) }
    }
}

impl From<&Fault> for OneFault {
    fn from(fault: &Fault) -> Self {
        let code = match fault.kind() {
            FaultKind::Limit => CIDRGATE_ERR_LIMIT,
            FaultKind::OutOfMemory => CIDRGATE_ERR_MEMORY,
            _ => CIDRGATE_ERR_TEXT,
        };
        let message = c_string(fault.message());
        Self { code, line: fault.line(), column: fault.column(), offset: fault.offset(), message }
    }
}

fn fault(error: Option<&cidrgate_error>, index: usize) -> Option<&OneFault> {
    error?.faults.get(index)
}

/// How many faults can be asked for by index: all of them, but at most 100. 0 for a NULL error.
#[unsafe(no_mangle)]
pub extern "C" fn cidrgate_error_count(error: Option<&cidrgate_error>) -> usize {
    guard(0, || error.map_or(0, |error| error.faults.len()))
}

/// The status that stands for a fault: CIDRGATE_ERR_TEXT, _IMAGE, _LIMIT or _MEMORY. CIDRGATE_OK if there is no such
/// fault.
#[unsafe(no_mangle)]
pub extern "C" fn cidrgate_error_code(error: Option<&cidrgate_error>, index: usize) -> cidrgate_status {
    guard(CIDRGATE_ERR_PANIC, || fault(error, index).map_or(CIDRGATE_OK, |fault| fault.code))
}

/// The line of a fault, from 1; 0 if it has no place or there is no such fault.
#[unsafe(no_mangle)]
pub extern "C" fn cidrgate_error_line(error: Option<&cidrgate_error>, index: usize) -> u32 {
    guard(0, || fault(error, index).map_or(0, |fault| fault.line))
}

/// The column of a fault, from 1, in bytes; 0 if it has no place or there is no such fault.
#[unsafe(no_mangle)]
pub extern "C" fn cidrgate_error_column(error: Option<&cidrgate_error>, index: usize) -> u32 {
    guard(0, || fault(error, index).map_or(0, |fault| fault.column))
}

/// Where a fault is, in bytes from the start of the text or image.
#[unsafe(no_mangle)]
pub extern "C" fn cidrgate_error_offset(error: Option<&cidrgate_error>, index: usize) -> usize {
    guard(0, || fault(error, index).map_or(0, |fault| fault.offset))
}

/// What was found and what was expected, one printable line. Lives as long as the error. NULL if there is no such
/// fault.
#[unsafe(no_mangle)]
pub extern "C" fn cidrgate_error_message(error: Option<&cidrgate_error>, index: usize) -> *const c_char {
    guard(ptr::null(), || fault(error, index).map_or(ptr::null(), |fault| fault.message.as_ptr()))
}

/// All of it, one fault a line with its place, then how many more there are. Lives as long as the error. NULL for a
/// NULL error.
#[unsafe(no_mangle)]
pub extern "C" fn cidrgate_error_text(error: Option<&cidrgate_error>) -> *const c_char {
    guard(ptr::null(), || error.map_or(ptr::null(), |error| error.text.as_ptr()))
}

/// Frees an error. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn cidrgate_error_free(error: Option<Box<cidrgate_error>>) {
    guard((), || drop(error));
}
