use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::sync::Arc;
use core::net::{Ipv4Addr, Ipv6Addr};
use core::ptr;
use std::time::Duration;

use super::addr::from_octets;
use super::cidrgate_status::{self, *};
use super::error::{Failure, cidrgate_error};
use super::guards::{cidrgate_change, cidrgate_guards};
use super::policy::{Compiled, cidrgate_decision, cidrgate_policy};
use super::{Out, guard, octets, status};
use crate::{Change, Gate, Guards, Refusal, Refused};

/// The policy of a running service, which can be replaced while it is asked: a look-up never waits, and is answered by one
/// policy as a whole. Any number of threads may call any function of a gate at once, but _free; free it with
/// cidrgate_gate_free.
pub struct cidrgate_gate(Gate<Compiled>);

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        let status = match refused.reason() {
            Refusal::OutOfMemory => CIDRGATE_ERR_MEMORY,
            _ => CIDRGATE_ERR_REFUSED,
        };
        Self::whole(status, refused.to_string())
    }
}

/// A gate that asks this policy; its generation is 1. The gate shares the policy; the caller still frees its own.
///
/// Fails with CIDRGATE_ERR_NULL.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cidrgate_gate_new(
    policy: Option<&cidrgate_policy>,
    gate: *mut *mut cidrgate_gate,
) -> cidrgate_status {
    // SAFETY: the header asks for an output that is NULL or writable.
    let gate = unsafe { Out::new(gate, ptr::null_mut()) };
    guard(CIDRGATE_ERR_PANIC, || {
        let result = || {
            let gate = gate.required()?;
            gate.give(cidrgate_gate(Gate::holding(policy.ok_or(CIDRGATE_ERR_NULL)?.shared())));
            Ok(())
        };
        status(result())
    })
}

/// Whether the IPv4 address may come in. false for NULL. Never waits, allocates nothing.
/// cbindgen:ptrs-as-arrays=[[octets;4]]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cidrgate_gate_allows_v4(gate: Option<&cidrgate_gate>, octets: *const u8) -> bool {
    guard(false, || {
        // SAFETY: the header asks for NULL or 4 octets.
        let (Some(gate), Ok(addr)) = (gate, unsafe { self::octets::<4>(octets) }) else { return false };
        gate.0.allows_v4(Ipv4Addr::from(addr))
    })
}

/// Whether the address may come in; an IPv4-mapped one is the IPv4 address. false for NULL. Never waits, allocates
/// nothing.
/// cbindgen:ptrs-as-arrays=[[octets;16]]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cidrgate_gate_allows_v6(gate: Option<&cidrgate_gate>, octets: *const u8) -> bool {
    guard(false, || {
        // SAFETY: the header asks for NULL or 16 octets.
        let (Some(gate), Ok(addr)) = (gate, unsafe { self::octets::<16>(octets) }) else { return false };
        gate.0.allows_v6(from_octets(addr))
    })
}

/// The answer with its reason, as cidrgate_policy_decide gives it. Never waits, allocates nothing. For the note of the rule
/// take a snapshot first and ask that: the next call may meet another policy.
///
/// Fails with CIDRGATE_ERR_NULL.
/// cbindgen:ptrs-as-arrays=[[octets;16]]
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cidrgate_gate_decide(
    gate: Option<&cidrgate_gate>,
    octets: *const u8,
    decision: *mut cidrgate_decision,
) -> cidrgate_status {
    // SAFETY: the header asks for an output that is NULL or writable.
    let out = unsafe { Out::new(decision, cidrgate_decision::DENY) };
    guard(CIDRGATE_ERR_PANIC, || {
        let result = || {
            let out = out.required()?;
            // SAFETY: the header asks for NULL or 16 octets.
            let octets = unsafe { self::octets::<16>(octets)? };
            let now = gate.ok_or(CIDRGATE_ERR_NULL)?.0.snapshot();
            out.set(cidrgate_decision::of(now.policy().as_ref().as_ref(), Ipv6Addr::from(octets)));
            Ok(())
        };
        status(result())
    })
}

/// What answers at this moment, as a policy to be asked several questions, and freed. NULL for NULL. Never waits.
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn cidrgate_gate_snapshot(gate: Option<&cidrgate_gate>) -> *mut cidrgate_policy {
    guard(ptr::null_mut(), || {
        let policy = |gate: &cidrgate_gate| cidrgate_policy::from(Arc::clone(gate.0.snapshot().policy()));
        gate.map_or(ptr::null_mut(), |gate| Box::into_raw(Box::new(policy(gate))))
    })
}

/// The generation that answers at this moment: 1, and one more for each policy that took another's place, those that came
/// back included. 0 for NULL. Never waits.
#[unsafe(no_mangle)]
pub extern "C" fn cidrgate_gate_generation(gate: Option<&cidrgate_gate>) -> u64 {
    guard(0, || gate.map_or(0, |gate| gate.0.generation()))
}

/// Replaces the policy, unless a guard refuses; the gate shares it, and the caller still frees its own. Once this has
/// returned, every question that is asked is answered by the new one. A policy on trial is superseded: it stays away.
/// `guards`, `change` and `error` may be NULL. Others that replace wait meanwhile, look-ups do not.
///
/// Fails with CIDRGATE_ERR_REFUSED (the error says why and names an address, and *change is what would have changed),
/// CIDRGATE_ERR_MEMORY, CIDRGATE_ERR_NULL. Then the gate is as it was.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cidrgate_gate_replace(
    gate: *mut cidrgate_gate,
    next: Option<&cidrgate_policy>,
    guards: Option<&cidrgate_guards>,
    change: *mut *mut cidrgate_change,
    error: *mut *mut cidrgate_error,
) -> cidrgate_status {
    // SAFETY: the header asks for what is asked here.
    unsafe { replace(gate, next, guards, change, error, |gate, next, guards| gate.replace(next, guards)) }
}

/// Replaces the policy on trial: it answers from now on, and unless cidrgate_gate_confirm is called within so many
/// milliseconds, the policy before it comes back by itself, as a new generation: at that moment, neither sooner nor later.
/// For a change that may lock out those who would have to undo it. What comes back is the last policy that was not on trial
/// itself, and is not judged by guards. Meanwhile each look-up also reads the clock, which may stand still while the machine
/// sleeps; there is no thread that waits. Otherwise as cidrgate_gate_replace.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cidrgate_gate_replace_for(
    gate: *mut cidrgate_gate,
    next: Option<&cidrgate_policy>,
    guards: Option<&cidrgate_guards>,
    milliseconds: u64,
    change: *mut *mut cidrgate_change,
    error: *mut *mut cidrgate_error,
) -> cidrgate_status {
    let within = Duration::from_millis(milliseconds);
    // SAFETY: the header asks for what is asked here.
    unsafe {
        replace(gate, next, guards, change, error, |gate, next, guards| {
            Ok(gate.replace_for(next, guards, within)?.change().clone())
        })
    }
}

/// # Safety
/// The outputs are NULL or may be written to; `gate` is NULL or a gate.
unsafe fn replace(
    gate: *mut cidrgate_gate,
    next: Option<&cidrgate_policy>,
    guards: Option<&cidrgate_guards>,
    change: *mut *mut cidrgate_change,
    error: *mut *mut cidrgate_error,
    replace: impl FnOnce(&Gate<Compiled>, Arc<Compiled>, &Guards) -> Result<Change, Refused>,
) -> cidrgate_status {
    // SAFETY: the caller's promise is ours.
    let (change, error) = unsafe { (Out::new(change, ptr::null_mut()), Out::new(error, ptr::null_mut())) };
    guard(CIDRGATE_ERR_PANIC, || {
        let result = || {
            // SAFETY: the caller's promise. Others may look at the gate meanwhile, so there is no `&mut`.
            let gate = unsafe { gate.as_ref() }.ok_or(CIDRGATE_ERR_NULL)?;
            let next = next.ok_or(CIDRGATE_ERR_NULL)?.shared();
            let none = Guards::new();
            let done = replace(&gate.0, next, guards.map_or(&none, |guards| &guards.0));
            let made = done.as_ref().map_or_else(Refused::change, Some);
            if let Some(made) = made {
                change.give(cidrgate_change(made.clone()));
            }
            done?;
            Ok(())
        };
        Failure::tell(result(), &error)
    })
}

/// Confirms the policy on trial: it stays.
///
/// Fails with CIDRGATE_ERR_REFUSED if none is on trial, or not any more: the time is over, or something newer has taken its
/// place; and with CIDRGATE_ERR_NULL.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cidrgate_gate_confirm(gate: *mut cidrgate_gate) -> cidrgate_status {
    guard(CIDRGATE_ERR_PANIC, || {
        // SAFETY: the header asks for NULL or a gate. Others may look at it meanwhile, so there is no `&mut`.
        let result = match unsafe { gate.as_ref() } {
            Some(gate) => gate.0.confirm().map_err(|_| CIDRGATE_ERR_REFUSED),
            None => Err(CIDRGATE_ERR_NULL),
        };
        status(result.map(|_| ()))
    })
}

/// Frees a gate. NULL is fine. Snapshots live on.
#[unsafe(no_mangle)]
pub extern "C" fn cidrgate_gate_free(gate: Option<Box<cidrgate_gate>>) {
    guard((), || drop(gate));
}
