//! Strict text: tables of what is read and what is not, with kind and place; random text against the parsers of std;
//! and what is written against the writers of std and ipnet.

mod oracle;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use cidrgate::IpRange;
use cidrgate::text::{self, Canonical, ErrorKind};
use ipnet::IpNet;
use oracle::Addr;
use proptest::prelude::*;
use proptest::sample::select;

fn config(cases: u32) -> ProptestConfig {
    let default = ProptestConfig::default();
    // As many as asked for in `PROPTEST_CASES`, if that is more. A failure prints its smallest case, which is better
    // kept as a test of its own than as a seed.
    ProptestConfig { cases: cases.max(default.cases), failure_persistence: None, ..default }
}

#[test]
fn addresses_that_are_read() {
    for text in [
        "0.0.0.0",
        "255.255.255.255",
        "192.0.2.1",
        "::",
        "::1",
        "1::",
        "2001:db8::1",
        "2001:DB8:0:0:8:800:200c:417A",
        "2001:0db8:0000:0000:0008:0800:200c:417a",
        "1:2:3:4:5:6:7:8",
        "1:2:3:4:5:6:7::",
        "::2:3:4:5:6:7:8",
        "1:2:3::5:6:7:8",
        "0:0:0:0:0:0:0:0",
        "::13.1.68.3",
        "64:ff9b::192.0.2.33",
        "1:2:3:4:5:6:7.8.9.10",
        "1:2:3:4:5::7.8.9.10",
        "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
        // One below and one above what is IPv4 in disguise.
        "::fffe:ffff:ffff",
        "::1:0:0:0",
        "0:0:0:0:0:fffe:255.255.255.255",
    ] {
        assert_eq!(text::addr(text), Ok(text.parse().unwrap()), "{text}");
        let width = if text.contains(':') { 128 } else { 32 };
        assert_eq!(text::net(text).unwrap(), IpNet::new(text.parse().unwrap(), width).unwrap(), "{text}");
    }
    for (text, v4) in [
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::FFFF:c000:201", "192.0.2.1"),
        ("0:0:0:0:0:ffff:192.0.2.1", "192.0.2.1"),
        ("::ffff:0:0", "0.0.0.0"),
        ("::ffff:ffff:ffff", "255.255.255.255"),
    ] {
        assert_eq!(text::addr(text), Ok(v4.parse().unwrap()), "{text}");
    }
}

#[test]
fn networks_that_are_read() {
    for (text, written) in [
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("192.0.2.1/32", "192.0.2.1/32"),
        ("192.0.2.1", "192.0.2.1/32"),
        ("::/0", "::/0"),
        ("2001:DB8::/32", "2001:db8::/32"),
        ("2001:db8::1", "2001:db8::1/128"),
        ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128"),
        // From 96 bits on a network in disguise is IPv4; before that it is IPv6.
        ("::ffff:0:0/96", "0.0.0.0/0"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("::ffff:192.0.2.1/128", "192.0.2.1/32"),
        ("::ffff:192.0.2.1", "192.0.2.1/32"),
        ("::fffe:0:0/95", "::fffe:0:0/95"),
        ("::/80", "::/80"),
        ("::/96", "::/96"),
        ("::fffe:0:0/96", "::fffe:0:0/96"),
        ("::1:0:0:0/80", "::1:0:0:0/80"),
    ] {
        let net = text::net(text).unwrap();
        assert_eq!((Canonical::from(net).as_str(), net.to_string().as_str()), (written, written), "{text}");
        assert_eq!(text::net_lenient(text), Ok((net, None)), "{text}");
    }
}

#[test]
fn ranges_that_are_read() {
    for (text, written, net) in [
        ("192.0.2.8-192.0.2.15", "192.0.2.8-192.0.2.15", Some("192.0.2.8/29")),
        ("192.0.2.8-192.0.2.8", "192.0.2.8-192.0.2.8", Some("192.0.2.8/32")),
        ("192.0.2.8-192.0.2.16", "192.0.2.8-192.0.2.16", None),
        ("0.0.0.0-255.255.255.255", "0.0.0.0-255.255.255.255", Some("0.0.0.0/0")),
        ("::-FFFF:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Some("::/0")),
        ("::1-::2", "::1-::2", None),
        ("::ffff:10.0.0.1-::ffff:10.0.0.9", "10.0.0.1-10.0.0.9", None),
        ("10.0.0.1-::ffff:10.0.0.9", "10.0.0.1-10.0.0.9", None),
        // Across the block of disguised addresses, both ends outside it.
        ("::fffe:ffff:ffff-::1:0:0:0", "::fffe:ffff:ffff-::1:0:0:0", None),
    ] {
        let range = text::range(text).unwrap();
        assert_eq!(
            (range.to_string().as_str(), range.network().map(|net| net.to_string())),
            (written, net.map(str::to_string)),
            "{text}"
        );
        assert_eq!(text.parse::<IpRange>(), Ok(range), "{text}");
    }
}

const OCTET: &str = "a decimal octet";
const GROUP: &str = "a group of hexadecimal digits";

fn found(found: u8, expected: &'static str) -> ErrorKind {
    ErrorKind::UnexpectedByte { found, expected }
}

#[test]
fn addresses_that_are_not() {
    let table: &[(&[u8], usize, ErrorKind)] = &[
        (b"", 0, ErrorKind::Empty),
        // Octal, hexadecimal, short forms.
        (b"010.0.0.1", 0, ErrorKind::LeadingZero { zeros: 1, value: 10 }),
        (b"192.0.2.010", 8, ErrorKind::LeadingZero { zeros: 1, value: 10 }),
        (b"08.0.0.1", 0, ErrorKind::LeadingZero { zeros: 1, value: 8 }),
        (b"1.00.0.1", 2, ErrorKind::LeadingZero { zeros: 1, value: 0 }),
        (b"1.0000377.0.1", 2, ErrorKind::LeadingZero { zeros: 4, value: 377 }),
        (b"0x7f.0.0.1", 0, ErrorKind::HexOctet),
        (b"0X7F000001", 0, ErrorKind::HexOctet),
        (b"127.1", 5, ErrorKind::OctetCount { found: 2 }),
        (b"127.0.1", 7, ErrorKind::OctetCount { found: 3 }),
        (b"127", 3, ErrorKind::OctetCount { found: 1 }),
        (b"1.2.3.4.5", 7, ErrorKind::OctetCount { found: 5 }),
        (b"1.2.3.4.5.6", 7, ErrorKind::OctetCount { found: 6 }),
        (b"256.2.3.4", 0, ErrorKind::Octet { octet: 1, value: 256 }),
        (b"1.2.3.999", 6, ErrorKind::Octet { octet: 4, value: 999 }),
        (b"1000000000000", 0, ErrorKind::Octet { octet: 1, value: u32::MAX }),
        (b"2130706433", 0, ErrorKind::Octet { octet: 1, value: 2_130_706_433 }),
        // Dots.
        (b"1.2.3.", 6, ErrorKind::UnexpectedEnd { expected: "an octet" }),
        (b".1.2.3", 0, found(b'.', OCTET)),
        (b"1..2.3", 2, found(b'.', OCTET)),
        // What else cannot stand there.
        (b"+1.2.3.4", 0, found(b'+', OCTET)),
        (b"-1.2.3.4", 0, found(b'-', OCTET)),
        (b"1.+2.3.4", 2, found(b'+', OCTET)),
        (b" 1.2.3.4", 0, ErrorKind::Blank),
        (b"1.2.3.4 ", 7, ErrorKind::Blank),
        (b"1.2. 3.4", 4, ErrorKind::Blank),
        (b"1.2.3.4\t", 7, ErrorKind::Blank),
        (b"1.2.3.4\n", 7, found(b'\n', "the end of the address")),
        (b"1.2.3.4\0", 7, found(0, "the end of the address")),
        (b"\0", 0, found(0, OCTET)),
        (b"1,2.3.4", 1, found(b',', "a digit or a dot")),
        (b"1.2.3.4/8", 7, found(b'/', "the end of the address")),
        ("1.2.3.\u{ff14}".as_bytes(), 6, found(0xef, OCTET)),
        ("\u{661}.2.3.4".as_bytes(), 0, found(0xd9, OCTET)),
        (b"1.2.3.\xff", 6, found(0xff, OCTET)),
        (b"1.2.3.4%eth0", 7, ErrorKind::Zone),
        (b"[1.2.3.4]", 0, found(b'[', OCTET)),
        (b"example.com", 0, ErrorKind::HostName),
        (b"3.pool.ntp.org", 2, ErrorKind::HostName),
        (b"localhost", 0, ErrorKind::HostName),
        // IPv6.
        (b":", 0, found(b':', GROUP)),
        (b":1", 0, found(b':', GROUP)),
        (b"1:", 2, ErrorKind::UnexpectedEnd { expected: "a group after the colon" }),
        (b":::", 2, found(b':', GROUP)),
        (b"1:::2", 3, found(b':', GROUP)),
        (b"1::2::3", 4, ErrorKind::Compression),
        (b"::1::", 3, ErrorKind::Compression),
        (b"1:2:3:4:5:6:7:8:9", 16, ErrorKind::GroupCount { found: 9, compressed: false }),
        (b"1:2:3:4:5:6:7", 13, ErrorKind::GroupCount { found: 7, compressed: false }),
        (b"1:2:3:4:5:6:7:8::", 17, ErrorKind::GroupCount { found: 8, compressed: true }),
        (b"::1:2:3:4:5:6:7:8", 17, ErrorKind::GroupCount { found: 8, compressed: true }),
        (b"12345::", 0, ErrorKind::Group { group: 1 }),
        (b"1:00002::", 2, ErrorKind::Group { group: 2 }),
        (b"::1.2.3", 7, ErrorKind::OctetCount { found: 3 }),
        (b"::1.2.3.256", 8, ErrorKind::Octet { octet: 4, value: 256 }),
        (b"::01.2.3.4", 2, ErrorKind::LeadingZero { zeros: 1, value: 1 }),
        (b"::1.2.3.4:5", 9, found(b':', "the end of the address")),
        (b"::.1.2.3", 2, found(b'.', GROUP)),
        (b"1:2:3:4:5:6:7:1.2.3.4", 14, ErrorKind::GroupCount { found: 9, compressed: false }),
        (b"g::", 0, found(b'g', GROUP)),
        (b"::1g", 3, found(b'g', "a hexadecimal digit or a colon")),
        (b"::1 ", 3, ErrorKind::Blank),
        (b":: 1", 2, ErrorKind::Blank),
        (b"fe80::1%eth0", 7, ErrorKind::Zone),
        (b"[::1]", 0, found(b'[', GROUP)),
        (b"::1]", 3, found(b']', "a hexadecimal digit or a colon")),
        (b"2001:db8::1/64", 11, found(b'/', "a hexadecimal digit or a colon")),
        (b"::\0", 2, found(0, GROUP)),
        (b"::\xff", 2, found(0xff, GROUP)),
        ("::\u{ff11}".as_bytes(), 2, found(0xef, GROUP)),
    ];
    for (text, offset, kind) in table {
        let shown = text.escape_ascii();
        let error = text::addr(text).expect_err(&shown.to_string());
        assert_eq!((error.kind(), error.offset()), (*kind, *offset), "{shown}");
        assert_eq!(error.to_string(), kind.to_string());
        // The same stands before a slash, unless it says something else there.
        if !text.contains(&b'/') {
            let net = [text, &b"/8"[..]].concat();
            let error = text::net(&net).expect_err(&shown.to_string());
            assert_eq!((error.kind(), error.offset()), (*kind, *offset), "{shown}/8");
        }
    }
    // Said of the end, wherever it is.
    for text in ["1.2.3.4.", "1.2.3.0x4", "1.2.3.4a", "1.2.3.4-"] {
        let offset = text::addr(text).unwrap_err().offset();
        assert_eq!(offset, 7, "{text}");
    }
}

#[test]
fn networks_that_are_not() {
    const LENGTH: &str = "a decimal prefix length";
    let table: &[(&[u8], usize, ErrorKind)] = &[
        (b"", 0, ErrorKind::Empty),
        (b"/8", 0, ErrorKind::Empty),
        (b"1.2.3.4/", 8, ErrorKind::LengthMissing),
        (b"::/", 3, ErrorKind::LengthMissing),
        (b"0.0.0.0/033", 8, ErrorKind::LengthZero),
        (b"0.0.0.0/08", 8, ErrorKind::LengthZero),
        (b"0.0.0.0/00", 8, ErrorKind::LengthZero),
        (b"0.0.0.0/33", 8, ErrorKind::Length { value: 33, largest: 32 }),
        (b"0.0.0.0/256", 8, ErrorKind::Length { value: 256, largest: 32 }),
        (b"::/129", 3, ErrorKind::Length { value: 129, largest: 128 }),
        (b"::/4294967295999", 3, ErrorKind::Length { value: u32::MAX, largest: 128 }),
        // In disguise, but a length is that of the family as it is written.
        (b"::ffff:10.0.0.0/129", 16, ErrorKind::Length { value: 129, largest: 128 }),
        (b"0.0.0.0/+8", 8, found(b'+', LENGTH)),
        (b"0.0.0.0/-8", 8, found(b'-', LENGTH)),
        (b"0.0.0.0/8 ", 9, ErrorKind::Blank),
        (b"0.0.0.0/ 8", 8, ErrorKind::Blank),
        (b"0.0.0.0 /8", 7, ErrorKind::Blank),
        (b"0.0.0.0/8/8", 9, found(b'/', LENGTH)),
        (b"0.0.0.0//8", 8, found(b'/', LENGTH)),
        (b"0.0.0.0/8.0", 9, found(b'.', LENGTH)),
        (b"0.0.0.0/8x", 9, found(b'x', LENGTH)),
        (b"0.0.0.0/0x8", 9, found(b'x', LENGTH)),
        (b"0.0.0.0/8\0", 9, found(0, LENGTH)),
        ("0.0.0.0/\u{ff18}".as_bytes(), 8, found(0xef, LENGTH)),
        (b"10.0.0.0/255.0.0.0", 9, ErrorKind::Mask { length: Some(8) }),
        (b"10.0.0.0/0.0.0.0", 9, ErrorKind::Mask { length: Some(0) }),
        (b"10.0.0.0/255.255.255.255", 9, ErrorKind::Mask { length: Some(32) }),
        (b"10.0.0.0/255.0.255.0", 9, ErrorKind::Mask { length: None }),
        (b"10.0.0.0/0.255.255.255", 9, ErrorKind::Mask { length: None }),
        (b"10.0.0.0/8%eth0", 10, ErrorKind::Zone),
        (b"fe80::1%eth0/64", 7, ErrorKind::Zone),
        (b"example.com/8", 0, ErrorKind::HostName),
    ];
    for (text, offset, kind) in table {
        let shown = text.escape_ascii();
        let error = text::net(text).expect_err(&shown.to_string());
        assert_eq!((error.kind(), error.offset()), (*kind, *offset), "{shown}");
        assert_eq!(text::net_lenient(text), Err(error), "{shown}");
    }
}

#[test]
fn host_bits_name_both_readings() {
    for (text, network, host, message) in [
        ("172.0.0.10/16", "172.0.0.0/16", "172.0.0.10/32", "did you mean 172.0.0.0/16 or 172.0.0.10/32?"),
        ("168.10.0.10/18", "168.10.0.0/18", "168.10.0.10/32", "did you mean 168.10.0.0/18 or 168.10.0.10/32?"),
        ("1.2.3.4/0", "0.0.0.0/0", "1.2.3.4/32", "did you mean 0.0.0.0/0 or 1.2.3.4/32?"),
        ("1.2.3.5/31", "1.2.3.4/31", "1.2.3.5/32", "did you mean 1.2.3.4/31 or 1.2.3.5/32?"),
        ("2001:db8::1/32", "2001:db8::/32", "2001:db8::1/128", "did you mean 2001:db8::/32 or 2001:db8::1/128?"),
        ("::1/0", "::/0", "::1/128", "did you mean ::/0 or ::1/128?"),
        ("::ffff:10.0.0.1/104", "10.0.0.0/8", "10.0.0.1/32", "did you mean 10.0.0.0/8 or 10.0.0.1/32?"),
        ("::ffff:10.0.0.1/95", "::fffe:0:0/95", "10.0.0.1/32", "did you mean ::fffe:0:0/95 or 10.0.0.1/32?"),
        (
            "::ffff:10.0.0.1/8",
            "::/8",
            "10.0.0.1/32",
            "did you mean ::/8, 10.0.0.0/8 (an IPv4-mapped length counts from 96) or 10.0.0.1/32?",
        ),
    ] {
        let error = text::net(text).unwrap_err();
        assert_eq!(error.offset(), 0, "{text}");
        assert_eq!(error.to_string(), format!("host bits are set: {message}"), "{text}");
        let ErrorKind::HostBits { network: a, host: b, .. } = error.kind() else { panic!("{text}: {error}") };
        assert_eq!((a.to_string(), b.to_string()), (network.into(), host.into()), "{text}");
        assert_eq!(text::net_lenient(text), Ok((network.parse().unwrap(), Some(error.kind()))), "{text}");
    }
}

#[test]
fn ranges_that_are_not() {
    let table: &[(&[u8], usize, ErrorKind)] = &[
        (b"", 0, ErrorKind::Empty),
        (b"-", 0, ErrorKind::Empty),
        (b"-1.2.3.4", 0, ErrorKind::Empty),
        (b"1.2.3.4-", 8, ErrorKind::Empty),
        (b"1.2.3.4", 7, ErrorKind::DashMissing),
        (b"1.2.3.256", 6, ErrorKind::Octet { octet: 4, value: 256 }),
        (b"1.2.3.4-1.2.3.3", 8, ErrorKind::Reversed),
        (b"::2-::1", 4, ErrorKind::Reversed),
        (b"::ffff:1.2.3.4-1.2.3.3", 15, ErrorKind::Reversed),
        (b"1.2.3.4-::1", 8, ErrorKind::Mixed),
        (b"::1-1.2.3.4", 4, ErrorKind::Mixed),
        (b"::1-::ffff:1.2.3.4", 4, ErrorKind::HalfMapped),
        (b"::ffff:1.2.3.4-::1:0:0:0", 15, ErrorKind::HalfMapped),
        (b"::fffe:0:0-::ffff:ffff:ffff", 11, ErrorKind::HalfMapped),
        (b"1.2.3.4-5", 9, ErrorKind::OctetCount { found: 1 }),
        (b"1.2.3.4-1.2.3.05", 14, ErrorKind::LeadingZero { zeros: 1, value: 5 }),
        (b"1.2.3.4 -1.2.3.5", 7, ErrorKind::Blank),
        (b"1.2.3.4- 1.2.3.5", 8, ErrorKind::Blank),
        (b"1.2.3.4-1.2.3.5-1.2.3.6", 15, found(b'-', "the end of the address")),
        (b"1.2.3.4-1.2.3.5/32", 15, found(b'/', "the end of the address")),
        (b"1.2.3.0/24-1.2.3.5", 7, found(b'/', "the end of the address")),
        ("1.2.3.4\u{2013}1.2.3.5".as_bytes(), 7, found(0xe2, "the end of the address")),
    ];
    for (text, offset, kind) in table {
        let shown = text.escape_ascii();
        let error = text::range(text).expect_err(&shown.to_string());
        assert_eq!((error.kind(), error.offset()), (*kind, *offset), "{shown}");
    }
}

#[test]
fn messages_to_act_on() {
    for (text, message) in [
        ("010.0.0.0", "leading zero: 010 could be 10 or, in C, 8"),
        ("1.0000377.0.1", "leading zero: 0000377 could be 377 or, in C, 255"),
        ("08.0.0.0", "leading zero: write 8; in C it is no number at all"),
        ("00.0.0.0", "leading zero: write 0"),
        ("01.0.0.0", "leading zero: write 1"),
        ("1.256.0.0", "octet 2 is 256, the largest is 255"),
        ("127.1", "an IPv4 address has 4 octets, this one 2; no short forms are read"),
        ("0x7f.0.0.1", "hexadecimal octets are not read; write decimal"),
        ("1:2:3", "an IPv6 address has 8 groups, this one 3"),
        ("1:2:3:4:5:6:7:8::", "an IPv6 address has 8 groups, this one 8 beside the '::'"),
        ("1::2::3", "'::' may stand only once in an address"),
        ("::12345", "group 1 has more than 4 digits"),
        ("0.0.0.0/33", "length 33 is too large, the largest here is 32"),
        ("0.0.0.0/08", "a prefix length has no leading zero"),
        ("0.0.0.0/", "a prefix length belongs after the slash"),
        ("10.0.0.0/255.0.0.0", "masks are not read: write a prefix length, here /8"),
        ("10.0.0.0/255.0.255.0", "masks are not read: write a prefix length"),
        ("fe80::1%eth0", "zones are not part of an address: leave out the '%' and what follows"),
        ("1.2.3.4 ", "no blank may stand inside an address, a network or a range"),
        ("\0", "byte 0x00 cannot stand here: expected a decimal octet"),
        ("é", "byte 0xc3 cannot stand here: expected a decimal octet"),
        ("1.2.3.", "the text ends too early: expected an octet"),
        ("example.com", "this looks like a host name; names are not resolved, write its addresses"),
    ] {
        assert_eq!(text::net(text).unwrap_err().to_string(), message, "{text}");
    }
}

#[test]
fn a_number_that_is_too_large_is_not_said_to_be_another() {
    // It may be cut or left out, but 4294967295 is not what stands there.
    for text in ["1000000000000.2.3.4", "1.2.3.4/1000000000000", "01000000000000.2.3.4"] {
        let message = text::net(text).unwrap_err().to_string();
        assert!(!message.contains("4294967295"), "{text}: {message}");
    }
}

#[test]
fn a_trailing_dot_is_no_fifth_octet() {
    let message = text::addr("1.2.3.4.").unwrap_err().to_string();
    assert!(!message.contains("this one 5"), "{message}");
}

/// What all faults have in common.
fn check_error(error: text::ParseError, text: &[u8]) {
    assert!(error.offset() <= text.len(), "{}: {}", text.escape_ascii(), error.offset());
    let message = error.to_string();
    assert!(message.len() < 300, "{message}");
    // All that is shown of the text is one byte, and that is made printable.
    assert!(message.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{message}");
}

/// What std says of an address, disguises folded.
fn std_addr(text: &[u8]) -> Option<IpAddr> {
    let addr: IpAddr = std::str::from_utf8(text).ok()?.parse().ok()?;
    Some(addr.to_canonical())
}

/// A network read by std's parser of addresses and by hand: first number, length, whether there are host bits.
fn by_hand(text: &[u8]) -> Option<(Addr, u32, bool)> {
    let text = std::str::from_utf8(text).ok()?;
    let (addr, len) = match text.split_once('/') {
        None => (text, None),
        Some((addr, len)) => (addr, Some(len)),
    };
    let addr: IpAddr = addr.parse().ok()?;
    let (v6, bits) = match addr {
        IpAddr::V4(addr) => (false, u128::from(u32::from(addr))),
        IpAddr::V6(addr) => (true, addr.into()),
    };
    let width = oracle::width(v6);
    // The lengths there are, as text: nothing else is one.
    let len = len.map_or(Some(width), |len| (0..=width).find(|known| known.to_string() == len))?;
    let host_bits = oracle::network(v6, bits, len).first != bits;
    let (net, len) = oracle::folded_network(v6, bits, len);
    Some((Addr { v6: net.v6, bits: net.first }, len, host_bits))
}

fn as_number(net: IpNet) -> (Addr, u32) {
    let addr = match net.addr() {
        IpAddr::V4(ip) => Addr { v6: false, bits: u32::from(ip).into() },
        IpAddr::V6(ip) => Addr { v6: true, bits: ip.into() },
    };
    (addr, net.prefix_len().into())
}

fn check_all(text: &[u8]) {
    let addr = text::addr(text);
    assert_eq!(addr.ok(), std_addr(text), "{}", text.escape_ascii());
    let net = text::net(text);
    let expected = by_hand(text);
    let strict = expected.filter(|(_, _, host_bits)| !host_bits).map(|(addr, len, _)| (addr, len));
    assert_eq!(net.ok().map(as_number), strict, "{}", text.escape_ascii());
    let lenient = text::net_lenient(text);
    let lenient_found = lenient.ok().map(|(net, cleared)| (as_number(net).0, as_number(net).1, cleared.is_some()));
    assert_eq!(lenient_found, expected, "{}", text.escape_ascii());
    let range = text::range(text);
    let ends = text.iter().position(|byte| *byte == b'-').and_then(|dash| {
        let (first, last) = (std_addr(&text[..dash])?, std_addr(&text[dash + 1..])?);
        (first.is_ipv4() == last.is_ipv4() && first <= last).then_some((first, last))
    });
    assert_eq!(range.ok().map(|range| (range.first(), range.last())), ends, "{}", text.escape_ascii());
    let leads = |end: &usize| !text.get(*end).is_some_and(u8::is_ascii_digit);
    let leading = (0..=text.len().min(15)).filter(leads).find_map(|end| {
        let addr: Ipv4Addr = std::str::from_utf8(&text[..end]).ok()?.parse().ok()?;
        Some((addr, end))
    });
    assert_eq!(text::leading_v4(text), leading, "{}", text.escape_ascii());
    for error in [addr.err(), net.err(), lenient.err(), range.err()].into_iter().flatten() {
        check_error(error, text);
    }
}

fn v6() -> impl Strategy<Value = Ipv6Addr> {
    let group = select(vec![0, 0, 0, 0, 1, 0xf, 0x10, 0xab, 0x100, 0xabc, 0x1000, 0xfffe, 0xffff]);
    let groups = proptest::array::uniform8(group).prop_map(Ipv6Addr::from);
    let disguised = any::<u32>().prop_map(|bits| std::net::Ipv4Addr::from(bits).to_ipv6_mapped());
    prop_oneof![4 => groups, 1 => disguised, 1 => any::<u128>().prop_map(Ipv6Addr::from)]
}

fn ip() -> impl Strategy<Value = IpAddr> {
    let octet = select(vec![0u8, 1, 9, 10, 99, 100, 127, 199, 200, 249, 250, 255]);
    prop_oneof![proptest::array::uniform4(octet).prop_map(IpAddr::from), v6().prop_map(IpAddr::from)]
}

/// Text of an address in one of the forms that it has.
fn addr_text() -> impl Strategy<Value = String> {
    (ip(), 0..4u8).prop_map(|(ip, form)| match (ip, form) {
        (IpAddr::V6(ip), 1) => ip.segments().map(|group| format!("{group:04X}")).join(":"),
        (IpAddr::V6(ip), 2) => {
            let [.., a, b, c, d] = ip.octets();
            let groups = ip.segments()[..6].iter().map(|group| format!("{group:x}:")).collect::<String>();
            format!("{groups}{a}.{b}.{c}.{d}")
        }
        (IpAddr::V6(ip), 3) => ip.segments().map(|group| format!("{group:x}")).join(":").replacen(":0:", "::", 1),
        (ip, _) => ip.to_string(),
    })
}

fn valid_text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => addr_text(),
        2 => (addr_text(), 0..=128u8).prop_map(|(addr, len)| format!("{addr}/{len}")),
        1 => (ip(), 0..=128u8).prop_map(|(ip, len)| {
            let len = if ip.is_ipv4() { len % 33 } else { len };
            IpNet::new(ip, len).unwrap().trunc().to_string()
        }),
        1 => (addr_text(), addr_text()).prop_map(|(first, last)| format!("{first}-{last}")),
    ]
}

/// A text with some bytes changed for others that matter.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let alphabet = b".:/-0123456789abcdefABCDEFgx% +\t\0,[]\xc3\xa9\xff".to_vec();
    let change = (any::<prop::sample::Index>(), select(alphabet), 0..5u8);
    (valid_text(), proptest::collection::vec(change, 0..4)).prop_map(|(text, changes)| {
        let mut text = text.into_bytes();
        for (at, byte, what) in changes {
            let at = at.index(text.len() + 1);
            match what {
                0 => text.insert(at, byte),
                1 if at < text.len() => drop(text.remove(at)),
                2 if at < text.len() => text[at] = byte,
                3 if at < text.len() => text.insert(at, text[at]),
                4 if at + 1 < text.len() => text.swap(at, at + 1),
                _ => text.truncate(at),
            }
        }
        text
    })
}

proptest! {
    #![proptest_config(config(200_000))]

    #[test]
    fn nearly_valid_text_is_read_as_std_reads_it(text in mutated()) {
        check_all(&text);
    }

    #[test]
    fn random_bytes_are_read_as_std_reads_them(text in proptest::collection::vec(any::<u8>(), 0..40)) {
        check_all(&text);
    }

    #[test]
    fn addresses_are_written_as_std_writes_them(ip in ip()) {
        let written = Canonical::from(ip);
        prop_assert_eq!(written.as_str(), ip.to_string());
        prop_assert_eq!(written.as_bytes().to_vec(), ip.to_string().into_bytes());
        prop_assert_eq!(format!("{written:>45}|{written:<9}|"), format!("{ip:>45}|{ip:<9}|"));
        prop_assert_eq!(text::addr(written.as_str()), Ok(ip.to_canonical()));
    }

    #[test]
    fn networks_and_ranges_are_written_as_ipnet_and_std_write_them(ip in ip(), other in ip(), len in 0..=128u8) {
        let net = IpNet::new(ip, if ip.is_ipv4() { len % 33 } else { len }).unwrap();
        prop_assert_eq!(Canonical::from(net).to_string(), net.to_string());
        match net {
            IpNet::V4(net) => prop_assert_eq!(Canonical::from(net).to_string(), net.to_string()),
            IpNet::V6(net) => prop_assert_eq!(Canonical::from(net).to_string(), net.to_string()),
        }
        let (first, last) = (ip.min(other).to_canonical(), ip.max(other).to_canonical());
        if let Ok(range) = IpRange::new(first, last) {
            prop_assert_eq!(Canonical::from(range).to_string(), format!("{first}-{last}"));
            prop_assert_eq!(text::range(range.to_string()), Ok(range));
        }
    }
}

#[test]
fn the_longest_text_there_is() {
    let addr: IpAddr = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff".parse().unwrap();
    assert_eq!(Canonical::from(IpRange::from(addr)).as_str().len(), 79);
    assert_eq!(Canonical::from(IpRange::from(addr)).as_str(), format!("{addr}-{addr}"));
    assert_eq!(Canonical::from(IpNet::new(addr, 128).unwrap()).as_str(), format!("{addr}/128"));
}

#[test]
fn endless_text_is_judged_once() {
    // Each of these in one pass: nothing is looked at twice for every byte.
    for byte in [b'1', b':', b'.', b'f', b'-', b'/', b' ', b'\0', 0xff] {
        let text = vec![byte; 1 << 22];
        let start = std::time::Instant::now();
        for error in [text::addr(&text).unwrap_err(), text::net(&text).unwrap_err(), text::range(&text).unwrap_err()] {
            check_error(error, &text);
        }
        assert!(start.elapsed().as_secs() < 2, "{byte}");
    }
    for part in ["1.", "1:", "::", "0.0.0.0/", "1-", "f.", "1.2.3.4-"] {
        let text = part.repeat(1 << 20);
        let start = std::time::Instant::now();
        for error in [text::addr(&text).unwrap_err(), text::net(&text).unwrap_err(), text::range(&text).unwrap_err()] {
            check_error(error, text.as_bytes());
        }
        assert!(start.elapsed().as_secs() < 2, "{part}");
    }
}
