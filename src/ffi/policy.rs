use alloc::boxed::Box;
use alloc::ffi::CString;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ffi::{CStr, c_char};
use core::fmt::Write;
use core::net::{Ipv4Addr, Ipv6Addr};
use core::{ptr, slice};

use super::addr::{from_octets, to_network};
use super::buffer::cidrgate_buffer;
use super::cidrgate_status::{self, *};
use super::error::{Failure, c_string, cidrgate_error};
use super::set::cidrgate_set;
use super::{CIDRGATE_JSON, CIDRGATE_LENIENT, CIDRGATE_VERDICTS_ONLY, Out, bytes, guard, known, octets, status};
use crate::{Finding, Matcher, OutOfMemory, Policy, PolicyReader, text};

/// A compiled policy, from text or from an image. Immutable, so any number of threads may ask it at once; free it with
/// cidrgate_policy_free.
pub struct cidrgate_policy {
    matcher: Matcher,
    /// The policy as it was read, unless only verdicts were asked for or it comes from an image.
    source: Option<Policy>,
    notes: Notes,
    warnings: Vec<CString>,
}

impl cidrgate_policy {
    fn new(policy: Policy, verdicts_only: bool) -> Result<Self, Failure> {
        let place = |finding: &Finding| match finding.line() {
            0 => String::new(),
            line => format!("line {line}, column {}: ", finding.column()),
        };
        let warning = |finding: &Finding| {
            c_string(format!("{}{}[{}]: {finding}", place(finding), finding.level(), finding.code()))
        };
        let warnings = policy.warnings().iter().map(warning).collect();
        let matcher = if verdicts_only { policy.compile_verdicts_only()? } else { policy.compile()? };
        let notes = Notes::of(&matcher)?;
        Ok(Self { matcher, source: (!verdicts_only).then_some(policy), notes, warnings })
    }

    fn loaded(image: &[u8]) -> Result<Self, Failure> {
        let matcher = Matcher::load(image)?;
        let notes = Notes::of(&matcher)?;
        Ok(Self { matcher, source: None, notes, warnings: Vec::new() })
    }
}

/// The notes of the rules, for C.
struct Notes {
    /// One after the other, each with its NUL. Neighbours that have the same note share it.
    text: Vec<u8>,
    /// Where the note of each rule starts, counted from 1; 0 if it has none.
    start_of: Vec<usize>,
}

impl Notes {
    fn of(matcher: &Matcher) -> Result<Self, OutOfMemory> {
        let (mut text, mut start_of) = (Vec::new(), Vec::new());
        start_of.try_reserve_exact(matcher.labels().len())?;
        let (mut before, mut start) = (None, 0);
        for note in matcher.labels().map(|label| label.note()) {
            if note != before {
                before = note;
                start = 0;
                if let Some(note) = note {
                    start = text.len() + 1;
                    text.try_reserve(note.len() + 1)?;
                    text.extend_from_slice(note.as_bytes());
                    text.push(0);
                }
            }
            start_of.push(start);
        }
        Ok(Self { text, start_of })
    }

    fn get(&self, rule: u32) -> Option<&CStr> {
        let start = self.start_of.get(usize::try_from(rule).ok()?)?.checked_sub(1)?;
        CStr::from_bytes_until_nul(self.text.get(start..)?).ok()
    }
}

/// An answer with its reason.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cidrgate_decision {
    /// 1 allows, 0 denies.
    pub action: u32,
    /// The rule that decided, in the order of the text from 0; UINT32_MAX if it was the default, or is not known.
    pub rule: u32,
    /// The line of that rule, from 1; 0 if there is none.
    pub line: u32,
    /// The largest network round the address in which the same rule decides, as octets in network order ...
    pub network: [u8; 16],
    /// ... and its length, from 0 to 128, that of IPv4 plus 96.
    pub prefix_len: u8,
    /// Zeros.
    pub reserved: [u8; 19],
}

// The layout is part of the interface and never changes.
const _: () = assert!(size_of::<cidrgate_decision>() == 48 && align_of::<cidrgate_decision>() == 4);

impl cidrgate_decision {
    const DENY: Self = Self { action: 0, rule: u32::MAX, line: 0, network: [0; 16], prefix_len: 0, reserved: [0; 19] };
}

/// Reads and compiles a policy: text, or JSON if it starts with '{'. On success *policy is to be freed; on failure it is
/// NULL, and nothing of the text was taken. `error` may be NULL. Time is n log n in the length of the text.
///
/// Flags: CIDRGATE_LENIENT clears host bits with a warning; CIDRGATE_JSON reads JSON whatever the text starts with;
/// CIDRGATE_VERDICTS_ONLY keeps the answers and neither rules nor text.
/// Fails with CIDRGATE_ERR_TEXT (all faults are in the error), CIDRGATE_ERR_LIMIT, CIDRGATE_ERR_MEMORY,
/// CIDRGATE_ERR_FLAGS, CIDRGATE_ERR_NULL.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cidrgate_policy_parse(
    text: *const c_char,
    len: usize,
    flags: u32,
    policy: *mut *mut cidrgate_policy,
    error: *mut *mut cidrgate_error,
) -> cidrgate_status {
    // SAFETY: the header asks of both functions the same.
    unsafe { parse(|| Some(PolicyReader::new()), (text, len), flags, policy, error) }
}

/// Reads and compiles a policy.
///
/// # Safety
/// The text has its length; the outputs are NULL or may be written to.
pub(super) unsafe fn parse(
    reader: impl FnOnce() -> Option<PolicyReader>,
    (text, len): (*const c_char, usize),
    flags: u32,
    policy: *mut *mut cidrgate_policy,
    error: *mut *mut cidrgate_error,
) -> cidrgate_status {
    // SAFETY: the caller's promise is ours.
    let (policy, error) = unsafe { (Out::new(policy, ptr::null_mut()), Out::new(error, ptr::null_mut())) };
    guard(CIDRGATE_ERR_PANIC, || {
        let result = || {
            let policy = policy.required()?;
            let flags = known(flags, CIDRGATE_LENIENT | CIDRGATE_JSON | CIDRGATE_VERDICTS_ONLY)?;
            let reader = reader().ok_or(CIDRGATE_ERR_NULL)?.lenient(flags & CIDRGATE_LENIENT != 0);
            // SAFETY: as above.
            let text = unsafe { bytes(text, len)? };
            let read = if flags & CIDRGATE_JSON != 0 { reader.read_json(text)? } else { reader.read(text)? };
            policy.give(cidrgate_policy::new(read, flags & CIDRGATE_VERDICTS_ONLY != 0)?);
            Ok(())
        };
        Failure::tell(result(), &error)
    })
}

/// Whether the IPv4 address may come in. false for NULL. Costs one look-up, allocates nothing.
/// cbindgen:ptrs-as-arrays=[[octets;4]]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cidrgate_policy_allows_v4(policy: Option<&cidrgate_policy>, octets: *const u8) -> bool {
    guard(false, || {
        // SAFETY: the header asks for NULL or 4 octets.
        let (Some(policy), Ok(addr)) = (policy, unsafe { self::octets::<4>(octets) }) else { return false };
        policy.matcher.allows_v4(Ipv4Addr::from(addr))
    })
}

/// Whether the address may come in; an IPv4-mapped one is the IPv4 address. false for NULL. Costs one look-up, allocates
/// nothing.
/// cbindgen:ptrs-as-arrays=[[octets;16]]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cidrgate_policy_allows_v6(policy: Option<&cidrgate_policy>, octets: *const u8) -> bool {
    guard(false, || {
        // SAFETY: the header asks for NULL or 16 octets.
        let (Some(policy), Ok(addr)) = (policy, unsafe { self::octets::<16>(octets) }) else { return false };
        policy.matcher.allows_v6(from_octets(addr))
    })
}

/// Whether the address in strict text may come in. false for NULL, and for what is no address. Allocates nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cidrgate_policy_allows_text(
    policy: Option<&cidrgate_policy>,
    text: *const c_char,
    len: usize,
) -> bool {
    guard(false, || {
        // SAFETY: the header asks for a text of `len` bytes.
        let (Some(policy), Ok(text)) = (policy, unsafe { bytes(text, len) }) else { return false };
        text::addr(text).is_ok_and(|addr| policy.matcher.allows(addr))
    })
}

/// Answers for `count` IPv4 addresses, 4 octets each, one after the other: allowed[i] is whether address i may come in.
/// All are false first, and stay so for a NULL policy or NULL octets. Allocates nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cidrgate_policy_allows_batch_v4(
    policy: Option<&cidrgate_policy>,
    octets: *const u8,
    count: usize,
    allowed: *mut bool,
) {
    // SAFETY: the header asks for `count` addresses of 4 octets, and room for as many answers.
    unsafe { batch(policy, octets.cast(), count, allowed, Matcher::allows_batch_v4) }
}

/// The same for addresses of 16 octets; IPv4-mapped ones are the IPv4 addresses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cidrgate_policy_allows_batch_v6(
    policy: Option<&cidrgate_policy>,
    octets: *const u8,
    count: usize,
    allowed: *mut bool,
) {
    // SAFETY: the header asks for `count` addresses of 16 octets, and room for as many answers.
    unsafe { batch(policy, octets.cast(), count, allowed, Matcher::allows_batch_v6) }
}

/// # Safety
/// `addrs` is NULL or `count` addresses long, `allowed` is NULL or has room for as many answers.
unsafe fn batch<const N: usize>(
    policy: Option<&cidrgate_policy>,
    addrs: *const [u8; N],
    count: usize,
    allowed: *mut bool,
    ask: fn(&Matcher, &[[u8; N]], &mut [bool]),
) {
    // No object is longer: with such a count the caller cannot have kept its promise.
    if allowed.is_null() || count > isize::MAX as usize / N {
        return;
    }
    // SAFETY: not null and the caller's promise. Written before it is read, since C may never have.
    let allowed = unsafe {
        allowed.write_bytes(0, count);
        slice::from_raw_parts_mut(allowed, count)
    };
    guard((), || {
        let (Some(policy), false) = (policy, addrs.is_null()) else { return };
        // SAFETY: not null, and the caller's promise.
        ask(&policy.matcher, unsafe { slice::from_raw_parts(addrs, count) }, allowed);
    });
}

/// The answer with its reason, for 16 octets in network order; an IPv4-mapped address is the IPv4 address. On failure
/// the decision denies and its rule is UINT32_MAX. Allocates nothing.
///
/// Fails with CIDRGATE_ERR_NULL.
/// cbindgen:ptrs-as-arrays=[[octets;16]]
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cidrgate_policy_decide(
    policy: Option<&cidrgate_policy>,
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
            let matcher = &policy.ok_or(CIDRGATE_ERR_NULL)?.matcher;
            let decision = matcher.decide(Ipv6Addr::from(octets));
            let (network, prefix_len) = to_network(decision.network());
            let rule = decision.rule();
            out.set(cidrgate_decision {
                action: decision.action() as u32,
                rule: rule.and_then(|rule| u32::try_from(rule).ok()).unwrap_or(u32::MAX),
                line: rule.and_then(|rule| matcher.label(rule)).map_or(0, |label| label.line()),
                network,
                prefix_len,
                ..cidrgate_decision::DENY
            });
            Ok(())
        };
        status(result())
    })
}

/// What people say about a rule. Lives as long as the policy. NULL if nothing, or if there is no such rule.
#[unsafe(no_mangle)]
pub extern "C" fn cidrgate_policy_rule_note(policy: Option<&cidrgate_policy>, rule: u32) -> *const c_char {
    guard(ptr::null(), || policy.and_then(|policy| policy.notes.get(rule)).map_or(ptr::null(), CStr::as_ptr))
}

/// How many warnings the policy was read with. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn cidrgate_policy_warning_count(policy: Option<&cidrgate_policy>) -> usize {
    guard(0, || policy.map_or(0, |policy| policy.warnings.len()))
}

/// A warning: place, level, code and sentence in one printable line. Lives as long as the policy. NULL if there is no
/// such warning.
#[unsafe(no_mangle)]
pub extern "C" fn cidrgate_policy_warning(policy: Option<&cidrgate_policy>, index: usize) -> *const c_char {
    guard(ptr::null(), || {
        let warning = policy.and_then(|policy| policy.warnings.get(index));
        warning.map_or(ptr::null(), |warning| warning.as_ptr())
    })
}

/// Hands over what `write` makes of the policy's source.
///
/// # Safety
/// `text` is NULL or may be written to.
unsafe fn write(
    policy: Option<&cidrgate_policy>,
    flags: u32,
    text: *mut *mut cidrgate_buffer,
    write: impl FnOnce(&Policy, bool) -> Result<String, cidrgate_status>,
) -> cidrgate_status {
    // SAFETY: the caller's promise is ours.
    let out = unsafe { Out::new(text, ptr::null_mut()) };
    guard(CIDRGATE_ERR_PANIC, || {
        let result = || {
            let out = out.required()?;
            let json = known(flags, CIDRGATE_JSON)? != 0;
            let source = policy.ok_or(CIDRGATE_ERR_NULL)?.source.as_ref().ok_or(CIDRGATE_ERR_NO_SOURCE)?;
            out.give(cidrgate_buffer::of(write(source, json)?)?);
            Ok(())
        };
        status(result())
    })
}

/// Why an address (16 octets) gets its answer: a line for the rule that decides, one for each that loses and why, one for
/// each that nearly matches.
///
/// Flags: CIDRGATE_JSON makes it one JSON object.
/// Fails with CIDRGATE_ERR_NO_SOURCE, CIDRGATE_ERR_FLAGS, CIDRGATE_ERR_NULL.
/// cbindgen:ptrs-as-arrays=[[octets;16]]
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cidrgate_policy_explain(
    policy: Option<&cidrgate_policy>,
    octets: *const u8,
    flags: u32,
    text: *mut *mut cidrgate_buffer,
) -> cidrgate_status {
    // SAFETY: the header asks for an output that is NULL or writable, and NULL or 16 octets.
    unsafe {
        write(policy, flags, text, |source, json| {
            let explanation = source.explain(Ipv6Addr::from(self::octets::<16>(octets)?));
            Ok(if json { to_json(&explanation) + "\n" } else { explanation.to_string() })
        })
    }
}

/// What the policy's author probably did not mean, one finding a line: LINE:COLUMN: level[code]: sentence. No text if
/// there is nothing to say.
///
/// Flags: CIDRGATE_JSON makes each line a JSON object.
/// Fails with CIDRGATE_ERR_NO_SOURCE, CIDRGATE_ERR_LIMIT, CIDRGATE_ERR_MEMORY, CIDRGATE_ERR_FLAGS, CIDRGATE_ERR_NULL.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cidrgate_policy_lint(
    policy: Option<&cidrgate_policy>,
    flags: u32,
    text: *mut *mut cidrgate_buffer,
) -> cidrgate_status {
    let lint = |source: &Policy, json| {
        let mut lines = String::new();
        for finding in source.lint().map_err(Failure::from).map_err(|failure| failure.status())? {
            let (line, column) = (finding.line(), finding.column());
            // Writing to a string cannot fail.
            let _ = match json {
                true => writeln!(lines, "{}", to_json(&finding)),
                false => writeln!(lines, "{line}:{column}: {}[{}]: {finding}", finding.level(), finding.code()),
            };
        }
        Ok(lines)
    };
    // SAFETY: the header asks for an output that is NULL or writable.
    unsafe { write(policy, flags, text, lint) }
}

/// Writes the policy as text that reads back as an equal policy, one rule a line.
///
/// Flags: CIDRGATE_JSON writes JSON.
/// Fails with CIDRGATE_ERR_NO_SOURCE, CIDRGATE_ERR_FLAGS, CIDRGATE_ERR_NULL.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cidrgate_policy_write(
    policy: Option<&cidrgate_policy>,
    flags: u32,
    text: *mut *mut cidrgate_buffer,
) -> cidrgate_status {
    // SAFETY: the header asks for an output that is NULL or writable.
    unsafe { write(policy, flags, text, |source, json| Ok(if json { source.to_json() } else { source.to_string() })) }
}

/// Every address that may come in. The set is to be freed; it shares the policy's memory.
///
/// Fails with CIDRGATE_ERR_NULL.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cidrgate_policy_allowed(
    policy: Option<&cidrgate_policy>,
    set: *mut *mut cidrgate_set,
) -> cidrgate_status {
    // SAFETY: the header asks for an output that is NULL or writable.
    let out = unsafe { Out::new(set, ptr::null_mut()) };
    guard(CIDRGATE_ERR_PANIC, || {
        let result = || {
            let out = out.required()?;
            out.give(cidrgate_set(policy.ok_or(CIDRGATE_ERR_NULL)?.matcher.allowed()));
            Ok(())
        };
        status(result())
    })
}

/// SHA-256 of the answers: policies that answer alike have the same, in every language and version. Zeros for a NULL
/// policy. One pass over the policy.
/// cbindgen:ptrs-as-arrays=[[digest;32]]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cidrgate_policy_fingerprint(policy: Option<&cidrgate_policy>, digest: *mut u8) {
    // SAFETY: the header asks for NULL or room for 32 bytes.
    let out = unsafe { Out::new(digest.cast::<[u8; 32]>(), [0; 32]) };
    guard((), || {
        if let Some(policy) = policy {
            out.set(*policy.matcher.fingerprint().as_bytes());
        }
    });
}

/// Writes the policy as an image: bytes that cidrgate_policy_load, the command and programs in other languages load
/// without the text. Policies that are equal have equal images, byte for byte. The image is to be freed; `error` may be
/// NULL. The text is not in it, so what it is loaded to has no source. One pass over the policy.
///
/// Fails with CIDRGATE_ERR_MEMORY, CIDRGATE_ERR_NULL.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cidrgate_policy_save(
    policy: Option<&cidrgate_policy>,
    image: *mut *mut cidrgate_buffer,
    error: *mut *mut cidrgate_error,
) -> cidrgate_status {
    // SAFETY: the header asks for outputs that are NULL or writable.
    let (image, error) = unsafe { (Out::new(image, ptr::null_mut()), Out::new(error, ptr::null_mut())) };
    guard(CIDRGATE_ERR_PANIC, || {
        let result = || {
            let image = image.required()?;
            image.give(cidrgate_buffer::of(policy.ok_or(CIDRGATE_ERR_NULL)?.matcher.save()?)?);
            Ok(())
        };
        Failure::tell(result(), &error)
    })
}

/// Loads an image, and checks all of it. On success *policy is to be freed; on failure it is NULL. The image is not
/// needed any more then, and may lie at any address. `error` may be NULL; its offset says where in the image the fault
/// is. Time is linear in the length of the image.
///
/// The policy answers as the one that was saved, with the same rules, lines and notes; it has no source and no warnings.
/// The checksum of an image is against accidents: whoever can write the image can write the policy. Keep it where
/// policies are kept.
///
/// Fails with CIDRGATE_ERR_IMAGE, CIDRGATE_ERR_MEMORY, CIDRGATE_ERR_LIMIT (a length that nothing has), CIDRGATE_ERR_NULL.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cidrgate_policy_load(
    image: *const u8,
    len: usize,
    policy: *mut *mut cidrgate_policy,
    error: *mut *mut cidrgate_error,
) -> cidrgate_status {
    // SAFETY: the header asks for outputs that are NULL or writable.
    let (policy, error) = unsafe { (Out::new(policy, ptr::null_mut()), Out::new(error, ptr::null_mut())) };
    guard(CIDRGATE_ERR_PANIC, || {
        let result = || {
            let policy = policy.required()?;
            // SAFETY: the header asks for an image of `len` bytes.
            policy.give(cidrgate_policy::loaded(unsafe { bytes(image.cast(), len)? })?);
            Ok(())
        };
        Failure::tell(result(), &error)
    })
}

/// Frees a policy. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn cidrgate_policy_free(policy: Option<Box<cidrgate_policy>>) {
    guard((), || drop(policy));
}

/// What the library says of its own objects is always JSON.
fn to_json(object: &impl serde::Serialize) -> String {
    serde_json::to_string(object).unwrap_or_default()
}
