use alloc::boxed::Box;
use core::ptr;

use super::cidrgate_status::{self, *};
use super::set::cidrgate_set;
use super::{Out, guard, status};
use crate::{Change, CidrSet, Guards};

/// What a change of policy must not do. Every guard that was given must hold. One thread at a time may add to it; free it
/// with cidrgate_guards_free.
pub struct cidrgate_guards(pub(super) Guards);

/// No guards: every change is fine. NULL only if the library is at fault.
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn cidrgate_guards_new() -> *mut cidrgate_guards {
    guard(ptr::null_mut(), || Box::into_raw(Box::new(cidrgate_guards(Guards::new()))))
}

fn add(guards: Option<&mut cidrgate_guards>, add: impl FnOnce(Guards) -> Option<Guards>) -> cidrgate_status {
    guard(CIDRGATE_ERR_PANIC, || {
        let result = || {
            let guards = guards.ok_or(CIDRGATE_ERR_NULL)?;
            guards.0 = add(guards.0.clone()).ok_or(CIDRGATE_ERR_NULL)?;
            Ok(())
        };
        status(result())
    })
}

/// Refuses a change after which not every address of the set is allowed, whether or not it was before: those who must never
/// be locked out. The guards share the set; the caller still frees its own.
///
/// Fails with CIDRGATE_ERR_NULL.
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn cidrgate_guards_keep_allowed(
    guards: Option<&mut cidrgate_guards>,
    set: Option<&cidrgate_set>,
) -> cidrgate_status {
    add(guards, |guards| Some(guards.keep_allowed(set?.0.clone())))
}

/// Refuses a change after which not every address of the set is denied, whether or not it was before: those who must never
/// get in. The guards share the set; the caller still frees its own.
///
/// Fails with CIDRGATE_ERR_NULL.
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn cidrgate_guards_keep_denied(
    guards: Option<&mut cidrgate_guards>,
    set: Option<&cidrgate_set>,
) -> cidrgate_status {
    add(guards, |guards| Some(guards.keep_denied(set?.0.clone())))
}

/// Refuses a change that allows more than so many addresses that are denied now, of both families together, counted
/// exactly. A /64 of IPv6 has one more than any number that can be given here. Given twice, the lower number holds.
///
/// Fails with CIDRGATE_ERR_NULL.
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn cidrgate_guards_max_newly_allowed(
    guards: Option<&mut cidrgate_guards>,
    addresses: u64,
) -> cidrgate_status {
    add(guards, |guards| Some(guards.max_newly_allowed(u128::from(addresses))))
}

/// Refuses a change that denies more than so many addresses that are allowed now; otherwise the same.
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn cidrgate_guards_max_newly_denied(
    guards: Option<&mut cidrgate_guards>,
    addresses: u64,
) -> cidrgate_status {
    add(guards, |guards| Some(guards.max_newly_denied(u128::from(addresses))))
}

/// Frees guards. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn cidrgate_guards_free(guards: Option<Box<cidrgate_guards>>) {
    guard((), || drop(guards));
}

/// What changes from one policy to another. Immutable; free it with cidrgate_change_free.
pub struct cidrgate_change(pub(super) Change);

/// Hands over a side of a change.
///
/// # Safety
/// `set` is NULL or may be written to.
unsafe fn side(
    change: Option<&cidrgate_change>,
    set: *mut *mut cidrgate_set,
    side: fn(&Change) -> &CidrSet,
) -> cidrgate_status {
    // SAFETY: the caller's promise is ours.
    let out = unsafe { Out::new(set, ptr::null_mut()) };
    guard(CIDRGATE_ERR_PANIC, || {
        let result = || {
            let out = out.required()?;
            out.give(cidrgate_set(side(&change.ok_or(CIDRGATE_ERR_NULL)?.0).clone()));
            Ok(())
        };
        status(result())
    })
}

/// The addresses that the new policy allows and the old one denies. The set is to be freed.
///
/// Fails with CIDRGATE_ERR_NULL.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cidrgate_change_newly_allowed(
    change: Option<&cidrgate_change>,
    set: *mut *mut cidrgate_set,
) -> cidrgate_status {
    // SAFETY: the header asks for an output that is NULL or writable.
    unsafe { side(change, set, Change::newly_allowed) }
}

/// The addresses that the new policy denies and the old one allows. The set is to be freed.
///
/// Fails with CIDRGATE_ERR_NULL.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cidrgate_change_newly_denied(
    change: Option<&cidrgate_change>,
    set: *mut *mut cidrgate_set,
) -> cidrgate_status {
    // SAFETY: the header asks for an output that is NULL or writable.
    unsafe { side(change, set, Change::newly_denied) }
}

/// The generation that began with the change; 0 if it was refused, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn cidrgate_change_generation(change: Option<&cidrgate_change>) -> u64 {
    guard(0, || change.map_or(0, |change| change.0.generation()))
}

/// Frees a change. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn cidrgate_change_free(change: Option<Box<cidrgate_change>>) {
    guard((), || drop(change));
}
