use core::ffi::c_char;
use core::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;

use super::cidrgate_status::{self, *};
use super::error::{Failure, cidrgate_error};
use super::{CIDRGATE_LENIENT, Out, bytes, guard, known};
use crate::text;

/// An address as 16 octets: IPv4 in its IPv4-mapped form.
pub(super) fn to_octets(addr: IpAddr) -> [u8; 16] {
    match addr {
        IpAddr::V4(addr) => addr.to_ipv6_mapped().octets(),
        IpAddr::V6(addr) => addr.octets(),
    }
}

/// A network as 16 octets and a length from 0 to 128.
pub(super) fn to_network(net: IpNet) -> ([u8; 16], u8) {
    let len = if net.addr().is_ipv4() { 96 + net.prefix_len() } else { net.prefix_len() };
    (to_octets(net.addr()), len)
}

pub(super) fn from_octets(octets: [u8; 16]) -> Ipv6Addr {
    Ipv6Addr::from(octets)
}

/// Reads one address in strict text: four decimal octets, or IPv6 as RFC 4291 has it. Writes its 16 octets in network
/// order, IPv4 as ::ffff:a.b.c.d; zeros on failure. `error` may be NULL. Allocates only for an error.
///
/// Fails with CIDRGATE_ERR_TEXT (the error has the offset), CIDRGATE_ERR_NULL.
/// cbindgen:ptrs-as-arrays=[[octets;16]]
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cidrgate_addr_parse(
    text: *const c_char,
    len: usize,
    octets: *mut u8,
    error: *mut *mut cidrgate_error,
) -> cidrgate_status {
    // SAFETY: the header asks for outputs that are NULL or writable.
    let (octets, error) = unsafe { (Out::new(octets.cast(), [0; 16]), Out::new(error, core::ptr::null_mut())) };
    guard(CIDRGATE_ERR_PANIC, || {
        let result = || {
            let octets = octets.required()?;
            // SAFETY: the header asks for a text of `len` bytes.
            let text = unsafe { bytes(text, len)? };
            let addr = text::addr(text).map_err(|error| Failure::in_line(error.offset(), error))?;
            octets.set(to_octets(addr));
            Ok(())
        };
        Failure::tell(result(), &error)
    })
}

/// Reads one network in strict text, ADDRESS/LENGTH; an address alone is the network of that address. Writes the
/// octets as cidrgate_addr_parse does, and the length from 0 to 128, that of IPv4 plus 96; zeros on failure. `error` may
/// be NULL. Allocates only for an error.
///
/// Flags: CIDRGATE_LENIENT clears host bits, which are a fault otherwise.
/// Fails with CIDRGATE_ERR_TEXT (the error has the offset), CIDRGATE_ERR_FLAGS, CIDRGATE_ERR_NULL.
/// cbindgen:ptrs-as-arrays=[[octets;16]]
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cidrgate_net_parse(
    text: *const c_char,
    len: usize,
    flags: u32,
    octets: *mut u8,
    prefix_len: *mut u8,
    error: *mut *mut cidrgate_error,
) -> cidrgate_status {
    // SAFETY: the header asks for outputs that are NULL or writable.
    let (octets, prefix_len, error) =
        unsafe { (Out::new(octets.cast(), [0; 16]), Out::new(prefix_len, 0), Out::new(error, core::ptr::null_mut())) };
    guard(CIDRGATE_ERR_PANIC, || {
        let result = || {
            let (octets, prefix_len) = (octets.required()?, prefix_len.required()?);
            let lenient = known(flags, CIDRGATE_LENIENT)? != 0;
            // SAFETY: the header asks for a text of `len` bytes.
            let text = unsafe { bytes(text, len)? };
            let net = if lenient { text::net_lenient(text).map(|(net, _)| net) } else { text::net(text) };
            let (bits, len) = to_network(net.map_err(|error| Failure::in_line(error.offset(), error))?);
            octets.set(bits);
            prefix_len.set(len);
            Ok(())
        };
        Failure::tell(result(), &error)
    })
}
