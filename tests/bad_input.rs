//! Bad input, of every kind: the whole text is refused, every fault is told at its place, and no input costs more time
//! than its size is worth.
//!
//! In the tables `¦` stands before each byte that is at fault, in the order of the text.

use std::time::{Duration, Instant};

use cidrgate::text::ErrorKind;
use cidrgate::{CidrSet, Fault, FaultKind, ListReader, MAX_INPUT, MAX_LINE, Policy, PolicyReader, ReadError};
use proptest::prelude::*;
use proptest::sample::select;

/// Where something stands: offset, line and column.
type Place = (usize, u32, u32);

/// The place of an offset, counted by hand.
fn place(text: &[u8], offset: usize) -> Place {
    let before = &text[..offset];
    let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
    let column = 1 + before.iter().rev().take_while(|byte| **byte != b'\n').count();
    (offset, line as u32, column as u32)
}

/// The text without its marks, and where they stood.
fn marked(text: &str) -> (String, Vec<Place>) {
    let parts: Vec<_> = text.split('¦').collect();
    let clean = parts.concat();
    let mut offset = 0;
    let mut places = Vec::new();
    for part in &parts[..parts.len() - 1] {
        offset += part.len();
        places.push(place(clean.as_bytes(), offset));
    }
    (clean, places)
}

fn place_of(fault: &Fault) -> Place {
    (fault.offset(), fault.line(), fault.column())
}

/// What holds for every error, whatever the text.
fn check_error(error: &ReadError) {
    let faults = error.faults();
    assert!((1..=100).contains(&faults.len()), "{error}");
    assert!(error.count() >= faults.len());
    assert!(faults.len() == 100 || faults.len() == error.count(), "{} of {}", faults.len(), error.count());
    assert!(faults.is_sorted_by_key(place_of), "{error}");
    for fault in faults {
        let message = fault.message();
        assert!(!message.is_empty() && message.len() < 1000, "{message}");
        // Nor does anything turn the direction of the line or hide in it.
        let hidden = |char: char| {
            char.is_control()
                || matches!(char, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
        };
        assert!(!message.contains(hidden), "{message:?}");
    }
    // Each with its place on a line of its own, and how many there are beyond.
    let more = usize::from(error.count() > faults.len());
    assert_eq!(error.to_string().lines().count(), faults.len() + more);
}

/// Whether the fault stands where it says, whichever way one counts.
fn check_places(error: &ReadError, text: &[u8]) {
    for fault in error.faults().iter().filter(|fault| fault.line() > 0) {
        assert!(fault.offset() <= text.len());
        assert_eq!(place_of(fault), place(text, fault.offset()), "{fault}");
    }
}

/// Sees that the marked faults are found, and no others.
fn check<T: std::fmt::Debug>(read: impl Fn(&[u8]) -> Result<T, ReadError>, text: &str, expected: &[(FaultKind, &str)]) {
    let (clean, places) = marked(text);
    let error = read(clean.as_bytes()).expect_err(text);
    check_error(&error);
    let found: Vec<_> = error.faults().iter().map(|fault| (place_of(fault), fault.kind(), fault.message())).collect();
    assert_eq!(places.len(), expected.len(), "{text}");
    let expected: Vec<_> =
        places.into_iter().zip(expected).map(|(at, (kind, message))| (at, *kind, *message)).collect();
    assert_eq!(found, expected, "{text}");
    assert_eq!(error.count(), expected.len(), "{text}");
}

fn policy(text: &str, expected: &[(FaultKind, &str)]) {
    check(|text| Policy::read(text), text, expected);
}

fn list(text: &str, expected: &[(FaultKind, &str)]) {
    check(|text| CidrSet::read(text), text, expected);
}

/// The only fault of a text that a mark cannot show.
fn only(read: Result<impl std::fmt::Debug, ReadError>, at: Place, kind: FaultKind, message: &str) {
    let error = read.unwrap_err();
    check_error(&error);
    assert_eq!(error.count(), 1, "{error}");
    let fault = &error.faults()[0];
    assert_eq!((place_of(fault), fault.kind(), fault.message()), (at, kind, message));
}

const WORDS: &str = "expected `allow`, `deny`, `set`, `expect`, `default` or `precedence`";

#[test]
fn statements_that_are_none() {
    for (text, message) in [
        ("¦alow 1.2.3.4", format!("`alow`: {WORDS}; did you mean `allow`?")),
        ("allow all\n  ¦dney 1.2.3.4", format!("`dney`: {WORDS}; did you mean `deny`?")),
        ("¦ALLOW 1.2.3.4", format!("`ALLOW`: {WORDS}; did you mean `allow`?")),
        ("¦defualt deny", format!("`defualt`: {WORDS}; did you mean `default`?")),
        ("¦permit 1.2.3.4", format!("`permit`: {WORDS}")),
        ("¦allow\u{a0}1.2.3.4", format!("`allow\u{a0}1.2.3.4`: {WORDS}").replace('\u{a0}', "\\u{a0}")),
        ("¦, allow 1.2.3.4", format!("nothing: {WORDS}")),
        ("allow all\n¦= 1.2.3.4", format!("`=`: {WORDS}")),
        ("default ¦maybe", "`maybe`: expected `allow` or `deny`".into()),
        ("default ¦Deny", "`Deny`: expected `allow` or `deny`; did you mean `deny`?".into()),
        ("allow all\ndefault¦", "nothing: expected `allow` or `deny`".into()),
        ("default deny ¦now", "`now`: expected the end of the statement".into()),
        ("default deny¦, allow", "`, allow`: expected the end of the statement".into()),
        ("precedence first-match ¦last", "`last`: expected the end of the statement".into()),
        ("allow all\nexpect ¦perhaps 1.2.3.4", "`perhaps`: expected `allow` or `deny`".into()),
        ("allow all\nexpect allow 1.2.3.4 ¦5", "`5`: expected the end of the statement".into()),
        (
            "precedence ¦first_match\nallow all",
            "`first_match`: expected `first-match`, `longest-prefix`, `deny-overrides` or `priority`; \
             did you mean `first-match`?"
                .into(),
        ),
        ("allow 1.2.3.4 ¦1.2.3.5", "`1.2.3.5`: expected a comma before a further target, or `priority=N`".into()),
        ("allow 1.2.3.4 ¦- 1.2.3.5", "`-`: expected a comma before a further target, or `priority=N`".into()),
        (
            "allow 1.2.3.4 ¦prioriti=1",
            "`prioriti=1`: expected a comma before a further target, or `priority=N`; did you mean `priority`?".into(),
        ),
        ("allow all\nset a ¦1.2.3.4", "`1.2.3.4`: expected `=` or `+=` with blanks round it, after `set NAME`".into()),
        ("allow all\nset a¦", "nothing: expected `=` or `+=` with blanks round it, after `set NAME`".into()),
        ("allow all\nset a = 1.2.3.4 ¦1.2.3.5", "`1.2.3.5`: expected the end of the statement".into()),
        (
            "¦1.2.3.4",
            "`1.2.3.4`: a policy says `allow` or `deny` first; a plain list has no verdict, hand it over as a set"
                .into(),
        ),
    ] {
        policy(text, &[(FaultKind::Syntax, &message)]);
    }
    let missing = "an address, a network or a range is missing here";
    for text in [
        "allow¦",
        "deny ¦# nobody",
        "allow 1.2.3.4,¦",
        "allow ¦, 1.2.3.4",
        "allow all\nset a = 1.2.3.4, ¦, 1.2.3.5",
        "allow all\nexpect deny¦",
    ] {
        policy(text, &[(FaultKind::Text(ErrorKind::Empty), missing)]);
    }
}

#[test]
fn things_said_twice() {
    for (text, message) in [
        ("default deny\n¦default deny", "the default is given twice"),
        ("precedence first-match\nallow all\n ¦precedence first-match", "the precedence is given twice"),
        ("set a = 1.2.3.4\nset ¦a = 1.2.3.5\nallow @a", "set a is defined twice; add to it with `+=`"),
        ("precedence priority\nallow 1.2.3.4 priority=1 ¦priority=1", "the priority is given twice"),
    ] {
        policy(text, &[(FaultKind::Repeated, message)]);
    }
    let three = "default deny\n¦default deny\n¦default allow\nallow all";
    policy(three, &[(FaultKind::Repeated, "the default is given twice"); 2]);
}

#[test]
fn sets_and_their_names() {
    let inside = "a set holds addresses, networks and ranges, no other sets";
    for (text, found) in [("set a = 1.2.3.4\nset b = ¦@a\nallow @b", "@a"), ("set a = 1.2.3.4, ¦all\nallow @a", "all")]
    {
        policy(text, &[(FaultKind::SetName, &format!("`{found}`: {inside}"))]);
    }
    for (text, message) in [
        ("allow ¦@offce\nset office = 1.2.3.4", "set offce is not defined; did you mean `office`?"),
        ("allow all\nexpect allow ¦@nowhere", "set nowhere is not defined"),
        ("allow all\nset ¦a += 1.2.3.4", "set a is added to but never defined; write `set a = ...` once"),
    ] {
        policy(text, &[(FaultKind::UnknownSet, message)]);
    }
    let rule = "a set name is a letter or digit and up to 127 letters, digits, '.', '_' or '-'";
    for (text, found) in [
        ("allow ¦@", ""),
        ("allow ¦@-a", "-a"),
        ("allow ¦@.a", ".a"),
        ("allow ¦@a@b", "a@b"),
        ("allow ¦@ä", "ä"),
        ("allow all\nset ¦@a = 1.2.3.4", "@a"),
        ("allow all\nset ¦= = 1.2.3.4", "="),
    ] {
        let shown = if found.is_empty() { "nothing".into() } else { format!("`{found}`") };
        policy(text, &[(FaultKind::SetName, &format!("{shown}: {rule}"))]);
    }
    // The longest name there is, and one longer.
    let name = "x".repeat(128);
    assert!(Policy::read(format!("set {name} = 1.2.3.4\nallow @{name}")).is_ok());
    let shown = format!("`{}…`: {rule}", "x".repeat(64));
    policy(&format!("allow ¦@{name}x"), &[(FaultKind::SetName, &shown)]);
}

#[test]
fn sets_handed_over() {
    let set = || "192.0.2.0/24".parse::<CidrSet>().unwrap();
    let reader = || PolicyReader::new().set("a", set());
    check(
        |text| reader().read(text),
        "set ¦a = 1.2.3.4\nallow @a",
        &[(FaultKind::Repeated, "set a is handed over by the program and defined here too")],
    );
    check(
        |text| reader().read(text),
        "allow @a\nset ¦a += 1.2.3.4",
        &[(FaultKind::Repeated, "set a is handed over by the program and defined here too")],
    );
    only(reader().set("a", set()).read("allow @a"), (0, 0, 0), FaultKind::Repeated, "set a is handed over twice");
    let rule = "`a b`: a set name is a letter or digit and up to 127 letters, digits, '.', '_' or '-'";
    only(PolicyReader::new().set("a b", set()).read("allow all"), (0, 0, 0), FaultKind::SetName, rule);
    let said = |reader: PolicyReader| {
        let policy = reader.read("allow @a").unwrap();
        policy.warnings().iter().map(|warning| (warning.code().as_str(), warning.to_string())).collect::<Vec<_>>()
    };
    assert_eq!(said(reader()), []);
    let unused = ("unused-set", "set b is used by no rule and no expectation".to_string());
    assert_eq!(said(reader().set("b", set())), [unused]);
    let empty = ("empty-set", "set a has no addresses".to_string());
    assert_eq!(said(PolicyReader::new().set("a", CidrSet::new())), [empty]);
}

#[test]
fn priorities() {
    let elsewhere = "a priority counts only under `precedence priority`";
    policy("allow 1.2.3.4 ¦priority=1", &[(FaultKind::Priority, elsewhere)]);
    policy("precedence deny-overrides\nallow 1.2.3.4, 1.2.3.5 ¦priority=1", &[(FaultKind::Priority, elsewhere)]);
    policy("deny 1.2.3.4 ¦priority=1\nallow all ¦priority=1", &[(FaultKind::Priority, elsewhere); 2]);
    let missing = "under `precedence priority` every rule has a priority: write `priority=N` after its targets";
    policy("precedence priority\nallow 1.2.3.4 priority=0\ndeny ¦all", &[(FaultKind::Priority, missing)]);
    for number in ["", "-1", "+1", "1.5", "1e3", "0x10", "x", "4294967296", "99999999999999999999999", "１"] {
        let (text, places) = marked(&format!("precedence priority\nallow 1.2.3.4 priority=¦{number}"));
        let error = Policy::read(&text).unwrap_err();
        check_error(&error);
        let shown = if number.is_empty() { "nothing".into() } else { format!("`{number}`") };
        let message = format!("{shown}: a priority is a number from 0 to 4294967295");
        let found = error.faults().iter().any(|fault| {
            (place_of(fault), fault.kind(), fault.message()) == (places[0], FaultKind::Priority, &message)
        });
        assert!(found, "{error}");
    }
    assert!(Policy::read("precedence priority\nallow all priority=4294967295\ndeny all priority=0").is_ok());
}

#[test]
fn a_priority_that_is_none_is_one_fault() {
    // It is there, so nobody is told to write one.
    policy(
        "precedence priority\nallow 1.2.3.4 priority=¦x",
        &[(FaultKind::Priority, "`x`: a priority is a number from 0 to 4294967295")],
    );
}

#[test]
fn bytes_that_are_no_text() {
    for (text, code) in [
        ("¦\0", "0000"),
        ("allow all\n# a¦\0b", "0000"),
        ("allow ¦\u{1}1.2.3.4", "0001"),
        ("allow all # ¦\u{1b}[31mred", "001B"),
        ("allow all ¦\u{b} # \u{c}", "000B"),
        ("allow all # ¦\u{7f}", "007F"),
        ("allow all # ¦\u{80}", "0080"),
        ("allow all # ¦\u{85}", "0085"),
        ("allow all\n# ¦\u{9f}", "009F"),
        // A bare CR is no end of a line.
        ("allow 1.2.3.4¦\rallow 1.2.3.5\n", "000D"),
        ("allow all # a¦\rb\n", "000D"),
        ("allow all¦\r\r\n", "000D"),
    ] {
        let message = format!("control character U+{code}; a policy is plain text in UTF-8");
        policy(text, &[(FaultKind::Encoding, &message)]);
    }
    // Each line has its first fault.
    let (first, second) = (
        "control character U+0000; a policy is plain text in UTF-8",
        "control character U+0001; a policy is plain text in UTF-8",
    );
    policy("¦\0\0\0\n\tallow all\n\t¦\u{1}\0", &[(FaultKind::Encoding, first), (FaultKind::Encoding, second)]);

    let bytes: &[(&[u8], Place, &str)] = &[
        (b"\xff", (0, 1, 1), "ff"),
        (b"allow all\n# \xc3", (12, 2, 3), "c3"),
        (b"allow all # \xe2\x82", (12, 1, 13), "e2"),
        // Overlong, a surrogate, beyond the last character.
        (b"# \xc0\xaf", (2, 1, 3), "c0"),
        (b"# \xed\xa0\x80", (2, 1, 3), "ed"),
        (b"# \xf4\x90\x80\x80", (2, 1, 3), "f4"),
        (b"allow 1.2.3.4\xa0", (13, 1, 14), "a0"),
        (b"set a\x80 = 1.2.3.4", (5, 1, 6), "80"),
        // The marks of UTF-16.
        (b"\xff\xfea\0l\0l\0o\0w\0", (0, 1, 1), "ff"),
        (b"\xfe\xff\0a\0l\0l\0o\0w", (0, 1, 1), "fe"),
        // CESU-8 and the like are not the mark of UTF-8.
        (b"\xef\xbballow all", (0, 1, 1), "ef"),
    ];
    for (text, place, byte) in bytes {
        only(Policy::read(text), *place, FaultKind::Encoding, &format!("byte 0x{byte} is not UTF-8"));
    }
    // UTF-16 without its mark has a NUL in every character of ASCII.
    for (utf16, at) in [(b"a\0l\0l\0".to_vec(), 1), (b"\0a\0l\0l".to_vec(), 0)] {
        let message = "control character U+0000; a policy is plain text in UTF-8";
        only(Policy::read(&utf16), (at, 1, at as u32 + 1), FaultKind::Encoding, message);
        only(CidrSet::read(&utf16), (at, 1, at as u32 + 1), FaultKind::Encoding, "a NUL byte; a list is text in UTF-8");
    }
}

#[test]
fn what_is_fine_in_every_text() {
    let plain = Policy::read("set a = 10.0.0.0/8\nallow @a # café\n").unwrap();
    for text in [
        "\u{feff}set a = 10.0.0.0/8\nallow @a # café\n",
        "set a = 10.0.0.0/8\r\nallow @a # café\r\n",
        "set a = 10.0.0.0/8\r\nallow @a # café",
        "\n\n\t\n  set\ta\t=\t10.0.0.0/8\t\n\n  allow\t@a\t#\tcafé \t \n#",
        "allow @a#café\nset a =\nset a += 10.0.0.0/8",
        "set a = 10.0.0.0/8,10.0.0.0/9 ,10.0.0.1 , 10.1.0.0-10.3.0.0\nallow @a # café\ndefault deny\nprecedence first-match",
    ] {
        let policy = Policy::read(text).unwrap();
        assert_eq!(policy, plain, "{text}");
        assert_eq!(policy.rules()[0].note(), Some("café"));
    }
    // Where the rule stands does not depend on how lines end.
    let lines = |text: &str| {
        Policy::read(text).unwrap().rules().iter().map(|rule| (rule.line(), rule.column())).collect::<Vec<_>>()
    };
    assert_eq!(lines("\n allow 1.2.3.4, 1.2.3.5\n\ndeny all"), [(2, 8), (2, 17), (4, 6)]);
    assert_eq!(lines("\r\n allow 1.2.3.4, 1.2.3.5\r\n\r\ndeny all"), [(2, 8), (2, 17), (4, 6)]);
}

#[test]
fn long_lines() {
    let of = |length: usize| format!("allow all\n#{}\n¦alow", "x".repeat(length - 1));
    policy(&of(MAX_LINE), &[(FaultKind::Syntax, &format!("`alow`: {WORDS}; did you mean `allow`?"))]);
    let (mut text, mut places) = marked(&of(MAX_LINE + 1));
    places.insert(0, (10 + MAX_LINE, 2, MAX_LINE as u32 + 1));
    let error = Policy::read(&text).unwrap_err();
    assert_eq!(error.faults().iter().map(place_of).collect::<Vec<_>>(), places);
    assert_eq!(
        (error.faults()[0].kind(), error.faults()[0].message()),
        (FaultKind::Limit, "a line has at most 65536 bytes")
    );
    // The end of the line is no part of it.
    text = format!("# {}\r\nallow all\n", "x".repeat(MAX_LINE - 2));
    assert!(Policy::read(&text).is_ok());
    // A note is a little shorter than a line, so that it can be written with any rule.
    let note = "x".repeat(cidrgate::MAX_NOTE);
    let policy = Policy::read(format!("allow all # {note}")).unwrap();
    assert_eq!(Policy::read(policy.to_string()).unwrap(), policy);
    let error = Policy::read(format!("allow all # {note}x")).unwrap_err();
    assert_eq!((place_of(&error.faults()[0]), error.faults()[0].kind()), ((12, 1, 13), FaultKind::Note));
    // Lists likewise.
    assert!(CidrSet::read(format!("1.2.3.4 #{}\r\n", "x".repeat(MAX_LINE - 9))).is_ok());
    let long = format!("1.2.3.4 #{}\n", "x".repeat(MAX_LINE - 8));
    only(CidrSet::read(long), (MAX_LINE, 1, MAX_LINE as u32 + 1), FaultKind::Limit, "a line has at most 65536 bytes");
}

#[test]
fn faults_of_targets_stand_at_their_byte() {
    for (text, found, kind) in [
        ("allow 10.0.0.¦256", "10.0.0.256", ErrorKind::Octet { octet: 4, value: 256 }),
        ("allow 1.2.3.4, 10.0.0.0/¦33", "10.0.0.0/33", ErrorKind::Length { value: 33, largest: 32 }),
        ("allow ¦010.0.0.0/8", "010.0.0.0/8", ErrorKind::LeadingZero { zeros: 1, value: 10 }),
        ("allow 1.2.3.4-¦1.2.3.3", "1.2.3.4-1.2.3.3", ErrorKind::Reversed),
        ("allow ::1-¦1.2.3.3", "::1-1.2.3.3", ErrorKind::Mixed),
        ("allow ::1-¦::ffff:1.2.3.3", "::1-::ffff:1.2.3.3", ErrorKind::HalfMapped),
        ("allow ¦example.com", "example.com", ErrorKind::HostName),
        ("allow ¦my-host.example", "my-host.example", ErrorKind::HostName),
        ("allow fe80::1¦%eth0", "fe80::1%eth0", ErrorKind::Zone),
        ("allow all\nset a = 1.2.3.4, 1::2¦::3", "1::2::3", ErrorKind::Compression),
        ("allow all\nexpect allow 1.2.3.4/¦", "1.2.3.4/", ErrorKind::LengthMissing),
        ("allow 10.0.0.0/¦255.0.0.0", "10.0.0.0/255.0.0.0", ErrorKind::Mask { length: Some(8) }),
    ] {
        policy(text, &[(FaultKind::Text(kind), &format!("`{found}`: {kind}"))]);
    }
}

#[test]
fn all_faults_are_told_together() {
    let text = "\
        # Every line but the first and the last has a fault.\n\
        ¦alow 1.2.3.4\n\
        allow 1.2.3.¦256, 1.2.3.4, ¦01.2.3.4\n\
        set a = ¦@b\n\
        deny ¦@c ¦priority=3\n\
        expect ¦perhaps all\n\
        allow 1.2.3.4 # fine\n";
    policy(
        text,
        &[
            (FaultKind::Syntax, &format!("`alow`: {WORDS}; did you mean `allow`?")),
            (
                FaultKind::Text(ErrorKind::Octet { octet: 4, value: 256 }),
                "`1.2.3.256`: octet 4 is 256, the largest is 255",
            ),
            (FaultKind::Text(ErrorKind::LeadingZero { zeros: 1, value: 1 }), "`01.2.3.4`: leading zero: write 1"),
            (FaultKind::SetName, "`@b`: a set holds addresses, networks and ranges, no other sets"),
            (FaultKind::UnknownSet, "set c is not defined; did you mean `a`?"),
            (FaultKind::Priority, "a priority counts only under `precedence priority`"),
            (FaultKind::Syntax, "`perhaps`: expected `allow` or `deny`"),
        ],
    );
}

#[test]
fn nothing_said() {
    let message = "neither a rule nor a `default`: this is no policy";
    for text in ["", "\n", "# nothing\n", "\u{feff}", "set a = 1.2.3.4\n", "precedence priority", "expect deny all"] {
        only(Policy::read(text), (0, 1, 1), FaultKind::NoRules, message);
    }
    for text in ["default deny", "default allow # all\n", "deny 1.2.3.4"] {
        assert!(Policy::read(text).is_ok(), "{text}");
    }
    // No default line: deny. And a list may well be empty.
    assert_eq!(Policy::read("deny 1.2.3.4").unwrap(), Policy::read("default deny\ndeny 1.2.3.4").unwrap());
    assert_eq!(CidrSet::read("").unwrap(), CidrSet::new());
    assert_eq!(ListReader::new().read("# none\n;\n\n \t\n").unwrap().entries(), 0);
}

#[test]
fn the_list_of_the_article() {
    let list = "20.42.25.196/32, ¦172.0.0.10/16, ¦168.10.0.10/18";
    let (clean, _) = marked(list);
    let error = Policy::read(format!("allow {clean}")).unwrap_err();
    let told: Vec<_> = error.faults().iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "line 1, column 24: `172.0.0.10/16`: host bits are set: did you mean 172.0.0.0/16 or 172.0.0.10/32?",
            "line 1, column 39: `168.10.0.10/18`: host bits are set: did you mean 168.10.0.0/18 or 168.10.0.10/32?",
        ]
    );
    assert_eq!(error.count(), 2);
    let policy = PolicyReader::new().lenient(true).read(format!("allow {clean}")).unwrap();
    let warned: Vec<_> = policy
        .warnings()
        .iter()
        .map(|warning| (warning.code().as_str(), warning.rule(), warning.to_string()))
        .collect();
    assert_eq!(
        warned,
        [
            ("host-bits", Some(1), "host bits were cleared: 172.0.0.10/16 is read as 172.0.0.0/16".to_string()),
            ("host-bits", Some(2), "host bits were cleared: 168.10.0.10/18 is read as 168.10.0.0/18".to_string()),
        ]
    );
    let matcher = policy.compile().unwrap();
    for (addr, allowed) in [
        ("20.42.25.196", true),
        ("20.42.25.197", false),
        ("172.0.0.0", true),
        ("172.0.255.255", true),
        ("172.1.0.0", false),
        ("168.9.255.255", false),
        ("168.10.0.0", true),
        ("168.10.63.255", true),
        ("168.10.64.0", false),
    ] {
        assert_eq!(matcher.allows(addr.parse::<std::net::IpAddr>().unwrap()), allowed, "{addr}");
    }
}

#[test]
fn lenient_reading_clears_host_bits_and_nothing_else() {
    let lenient = PolicyReader::new().lenient(true);
    let policy =
        lenient.read("set a = 10.1.2.3/8\nallow @a\ndeny 2001:db8::1/32\nexpect deny 2001:db8::2/127").unwrap();
    assert_eq!(
        policy,
        Policy::read("set a = 10.0.0.0/8\nallow @a\ndeny 2001:db8::/32\nexpect deny 2001:db8::2/127").unwrap()
    );
    assert_eq!(policy.warnings().len(), 2);
    // A mapped address with a length of IPv4 means an IPv6 network that holds no IPv4 address; both are said.
    let policy = lenient.read("allow ::ffff:10.0.0.1/8").unwrap();
    assert_eq!(policy.rules()[0].to_string(), "allow ::/8");
    let codes: Vec<_> = policy.warnings().iter().map(|warning| warning.code().as_str()).collect();
    assert_eq!(codes, ["host-bits", "mapped-prefix"]);
    for text in ["allow 010.0.0.0/8", "allow 10.0.0.0/08", "allow 10.0.0.0/33", "allow 10.0.0/8", "allow 1.2.3.4 /8"] {
        assert_eq!(lenient.read(text), Policy::read(text), "{text}");
        assert!(lenient.read(text).is_err());
    }
    let list = ListReader::new().lenient(true).read("10.1.2.3/8\n10.0.0.0/9 # fine\n").unwrap();
    assert_eq!((list.set().to_string(), list.entries(), list.warnings().len()), ("10.0.0.0/8\n".into(), 2, 1));
    assert_eq!((list.warnings()[0].line(), list.warnings()[0].column()), (1, 1));
}

#[test]
fn expectations_that_do_not_hold_name_an_address() {
    for (text, message) in [
        ("allow 10.0.0.0/8\nexpect allow ¦10.0.0.0/7", "expected allow for 10.0.0.0/7, but 11.0.0.0 is denied"),
        (
            "allow 10.0.0.0/8\nexpect deny ¦9.0.0.0-10.0.0.0",
            "expected deny for 9.0.0.0-10.0.0.0, but 10.0.0.0 is allowed",
        ),
        ("allow 0.0.0.0/0\nexpect allow ¦all", "expected allow for all, but :: is denied"),
        ("allow ::/0\nexpect deny ¦all", "expected deny for all, but :: is allowed"),
        (
            "default allow\ndeny 1.2.3.4\nset a = 1.2.3.4/30\nexpect allow ¦@a",
            "expected allow for @a, but 1.2.3.4 is denied",
        ),
        // No witness is in disguise: the first IPv6 address past `::fffe:ffff:ffff` is `::1:0:0:0`.
        (
            "allow ::/81, ::8000:0:0/82\nexpect allow ¦::1:0:0:0/80",
            "expected allow for ::1:0:0:0/80, but ::1:0:0:0 is denied",
        ),
        ("allow ::-::fffe:ffff:ffff\nexpect allow ¦::/79", "expected allow for ::/79, but ::1:0:0:0 is denied"),
        (
            "deny ::-::fffe:ffff:ffff\ndefault allow\nexpect deny ¦::/79",
            "expected deny for ::/79, but ::1:0:0:0 is allowed",
        ),
    ] {
        policy(text, &[(FaultKind::Expectation, message)]);
    }
    // The network whose other half is in disguise is met by what comes before.
    assert!(Policy::read("allow ::fffe:0:0/96\nexpect allow ::fffe:0:0/95").is_ok());
    // All that fail are told, but only where the rest is in order.
    let fails = "default deny\nexpect allow ¦1.2.3.4, ¦::1\nexpect deny all\nexpect allow ¦1.2.3.4";
    let messages = ["1.2.3.4/32, but 1.2.3.4", "::1/128, but ::1", "1.2.3.4/32, but 1.2.3.4"]
        .map(|what| format!("expected allow for {what} is denied"));
    policy(fails, &messages.each_ref().map(|message| (FaultKind::Expectation, message.as_str())));
    policy("default deny\n¦x\nexpect allow all", &[(FaultKind::Syntax, &format!("`x`: {WORDS}"))]);
    // Expectations are part of the policy that is written.
    let policy = Policy::read("allow 1.2.3.4\nexpect allow 1.2.3.4\nexpect deny 1.2.3.5, ::/0").unwrap();
    assert_eq!(Policy::read(policy.to_string()).unwrap(), policy);
    assert_eq!(policy.expectations().len(), 3);
}

#[test]
fn lists_in_all_their_forms() {
    for (text, entries, written) in [
        ("1.2.3.4", 1, "1.2.3.4/32\n"),
        ("1.2.3.4\n1.2.3.4\n", 2, "1.2.3.4/32\n"),
        ("10.0.0.0/8\n2001:db8::/32\n::ffff:1.2.3.4\n", 3, "1.2.3.4/32\n10.0.0.0/8\n2001:db8::/32\n"),
        ("\u{feff}1.2.3.4\r\n1.2.3.5\r\n", 2, "1.2.3.4/31\n"),
        (" \t1.2.3.4\t \n", 1, "1.2.3.4/32\n"),
        (
            "# head\n; head\n\n1.2.3.4 # tail\n1.2.3.6;tail, 0, 1\n1.2.3.8# 10.0.0.0/8\n",
            3,
            "1.2.3.4/32\n1.2.3.6/32\n1.2.3.8/32\n",
        ),
        ("1.2.3.4-1.2.3.7", 1, "1.2.3.4/30\n"),
        ("1.2.3.4\t -  1.2.3.7 # four", 1, "1.2.3.4/30\n"),
        ("::1 - ::2", 1, "::1/128\n::2/128\n"),
        ("1.2.3.4 - 1.2.3.7 , 0 , some words, and # more", 1, "1.2.3.4/30\n"),
        ("1.2.3.4 - 1.2.3.7 , 0 , ", 1, "1.2.3.4/30\n"),
        ("1.2.3.4-1.2.3.7,0,x", 1, "1.2.3.4/30\n"),
        ("1.2.3.4 - 1.2.3.7 ,\t0", 1, "1.2.3.4/30\n"),
    ] {
        let list = ListReader::new().read(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!((list.entries(), list.set().to_string()), (entries, written.to_string()), "{text}");
    }
    // Comments are not judged.
    let list = CidrSet::read(b"# \xff\x1b\r\n1.2.3.4 ; \xc3\x28 \x07 \r bare\n").unwrap();
    assert_eq!(list.to_string(), "1.2.3.4/32\n");
    // All of IPv4 in disguise is said, wherever it is read.
    let list = ListReader::new().read("1.2.3.4\n ::ffff:0:0/96").unwrap();
    let warned: Vec<_> =
        list.warnings().iter().map(|warning| (warning.line(), warning.column(), warning.to_string())).collect();
    assert_eq!(warned, [(2, 2, "::ffff:0:0/96 is all of IPv4, 0.0.0.0/0".to_string())]);
    assert_eq!(list.set().to_string(), "0.0.0.0/0\n");
}

#[test]
fn lists_that_are_none() {
    let comma = "one entry a line; after a comma only the form `range , 0 , text` is read";
    for text in [
        "1.2.3.4 - 1.2.3.7 , ¦100 , text",
        "1.2.3.4 - 1.2.3.7 , ¦00 , text",
        "1.2.3.4 - 1.2.3.7 , ¦text",
        "1.2.3.4 - 1.2.3.7 ,¦",
        "1.2.3.4, ¦1.2.3.5",
        "1.2.3.4 , ¦0 , no range",
        "10.0.0.0/8 , ¦0 , no range",
    ] {
        list(text, &[(FaultKind::Syntax, comma)]);
    }
    for (text, found, kind) in [
        ("1.2.3.4\n  ¦example.com # a name\n1.2.3.5", "example.com", ErrorKind::HostName),
        ("0.¦ubuntu.pool.ntp.org", "0.ubuntu.pool.ntp.org", ErrorKind::HostName),
        ("¦my-host.example", "my-host.example", ErrorKind::HostName),
        ("1.2.3.4¦ 1.2.3.5", "1.2.3.4 1.2.3.5", ErrorKind::Blank),
        ("10.0.0.0¦ /8", "10.0.0.0 /8", ErrorKind::Blank),
        ("¦010.0.0.0/8", "010.0.0.0/8", ErrorKind::LeadingZero { zeros: 1, value: 10 }),
        ("1.2.3.4 - ¦1.2.3.3", "1.2.3.4 - 1.2.3.3", ErrorKind::Reversed),
        ("1.2.3.4 - ¦::1", "1.2.3.4 - ::1", ErrorKind::Mixed),
        (
            "1.2.3.4¦\r1.2.3.5\n",
            "1.2.3.4\\r1.2.3.5",
            ErrorKind::UnexpectedByte { found: b'\r', expected: "the end of the address" },
        ),
        ("¦all", "all", ErrorKind::HostName),
        ("¦@office", "@office", ErrorKind::UnexpectedByte { found: b'@', expected: "a decimal octet" }),
        ("¦allow 1.2.3.4", "allow 1.2.3.4", ErrorKind::UnexpectedByte { found: b'a', expected: "a decimal octet" }),
    ] {
        list(text, &[(FaultKind::Text(kind), &format!("`{found}`: {kind}"))]);
    }
    list("1.2.3.4 -¦", &[(FaultKind::Text(ErrorKind::Empty), "an address, a network or a range is missing here")]);
    // A NUL is a fault even in a comment.
    list("1.2.3.4 # ¦\0\n¦\0", &[(FaultKind::Encoding, "a NUL byte; a list is text in UTF-8"); 2]);
    let host = "host bits are set: did you mean 10.0.0.0/8 or 10.0.0.1/32?";
    let error = CidrSet::read("1.2.3.4\n\t10.0.0.1/8\n").unwrap_err();
    assert_eq!(place_of(&error.faults()[0]), (9, 2, 2));
    assert_eq!(error.faults()[0].message(), format!("`10.0.0.1/8`: {host}"));
    // Together, as everywhere.
    let error = CidrSet::read("x.example\n1.2.3.4\n1.2.3.256\n1.2.3.4/33\n").unwrap_err();
    assert_eq!(error.faults().iter().map(Fault::line).collect::<Vec<_>>(), [1, 3, 4]);
}

#[test]
fn what_is_shown_of_a_text_is_cut_and_printable() {
    for (text, shown) in [
        ("\u{202e}evil".to_string(), "`\\u{202e}evil`: "),
        ("'\"\\`".to_string(), "`'\"\\\\``: "),
        ("x".repeat(65), &format!("`{}…`: ", "x".repeat(64))),
        ("ä".repeat(65), &format!("`{}…`: ", "ä".repeat(64))),
        ("\u{301}a".to_string(), "`\\u{301}a`: "),
    ] {
        let error = Policy::read(&text).unwrap_err();
        check_error(&error);
        assert!(error.faults()[0].message().starts_with(shown), "{error}");
    }
    let error = CidrSet::read(b"\xff\x1b\x07\x80.1").unwrap_err();
    assert!(error.faults()[0].message().starts_with("`\\xff\\u{1b}\\u{7}\\x80.1`: "), "{error}");
}

#[test]
fn what_is_cut_is_shown_as_cut() {
    // Characters of four bytes as well.
    let error = Policy::read("😀".repeat(65)).unwrap_err();
    assert!(error.faults()[0].message().starts_with(&format!("`{}…`: ", "😀".repeat(64))), "{error}");
}

/// Fails if the work takes longer; the limits leave room for other work beside it.
fn within(limit: Duration, what: &str, work: impl FnOnce()) {
    let start = Instant::now();
    work();
    assert!(start.elapsed() < limit, "{what} took {:?}", start.elapsed());
}

const SECONDS: fn(u64) -> Duration = Duration::from_secs;

#[test]
fn an_endless_line_is_refused() {
    for byte in [b'x', b'1', b' ', b'#', b'a', 0, 0xff] {
        let text = vec![byte; 100 << 20];
        within(SECONDS(5), "100 MiB in one line", || {
            let place = (MAX_LINE, 1, MAX_LINE as u32 + 1);
            only(Policy::read(&text), place, FaultKind::Limit, "a line has at most 65536 bytes");
            only(CidrSet::read(&text), place, FaultKind::Limit, "a line has at most 65536 bytes");
        });
    }
    let text = b"1.2.3.4,".repeat((100 << 20) / 8);
    let start = b"allow ".iter().chain(&text).copied().collect::<Vec<_>>();
    within(SECONDS(5), "100 MiB of targets in one line", || {
        assert_eq!(Policy::read(&start).unwrap_err().faults()[0].kind(), FaultKind::Limit);
        assert_eq!(CidrSet::read(&text).unwrap_err().faults()[0].kind(), FaultKind::Limit);
    });
}

#[test]
fn more_than_there_may_be_is_refused_unread() {
    // Pages of zeros that nobody looks at cost nothing.
    let text = vec![0; MAX_INPUT + 1];
    within(SECONDS(2), "1 GiB and a byte", || {
        let message = "the text has 1073741825 bytes, the most is 1073741824";
        only(Policy::read(&text), (0, 1, 1), FaultKind::Limit, message);
        only(CidrSet::read(&text), (0, 1, 1), FaultKind::Limit, message);
    });
}

#[test]
fn a_million_faults_are_counted_and_the_first_hundred_told() {
    let first = |error: &ReadError| error.faults().iter().map(Fault::line).collect::<Vec<_>>();
    let hundred: Vec<u32> = (1..=100).collect();
    for (what, line) in [
        ("NULs", "\0\n"),
        ("words", "x\n"),
        ("targets", "allow 1.2.3.256\n"),
        ("sets", "allow @nowhere\n"),
        ("names", "set - = 1.2.3.4\n"),
        ("numbers", "allow all priority=1\n"),
        ("bare", "allow\n"),
        ("plus", "set a += 1.2.3.\n"),
    ] {
        let text = line.repeat(1_000_000);
        within(SECONDS(10), what, || {
            let error = Policy::read(&text).unwrap_err();
            check_error(&error);
            assert!(error.count() >= 1_000_000, "{what}: {}", error.count());
            assert_eq!(first(&error), hundred, "{what}");
            assert!(error.to_string().ends_with(&format!("\nand {} more", error.count() - 100)));
        });
    }
    let text = "x.example\n".repeat(1_000_000);
    within(SECONDS(10), "host names", || {
        let error = CidrSet::read(&text).unwrap_err();
        assert_eq!((error.count(), first(&error)), (1_000_000, hundred.clone()));
    });
    // Those at the start of the text are told, though they are found last.
    let text = "allow @nowhere\n".repeat(200) + &"x\n".repeat(1_000_000);
    let error = Policy::read(&text).unwrap_err();
    assert_eq!((error.count(), first(&error)), (1_000_200, hundred));
    assert!(error.faults().iter().all(|fault| fault.kind() == FaultKind::UnknownSet));
    // A million in one place of a line each.
    let text = "1.2.3.256,".repeat(6000);
    let error = Policy::read(format!("allow {text}")).unwrap_err();
    assert_eq!((error.count(), error.faults().len()), (6001, 100));
}

#[test]
fn a_million_nuls() {
    let text = vec![0; 1_000_000];
    within(SECONDS(2), "a million NULs", || {
        assert_eq!(Policy::read(&text).unwrap_err().faults()[0].kind(), FaultKind::Limit);
        assert_eq!(CidrSet::read(&text).unwrap_err().faults()[0].kind(), FaultKind::Limit);
    });
    let text = b"\0".repeat(MAX_LINE);
    only(CidrSet::read(&text), (0, 1, 1), FaultKind::Encoding, "a NUL byte; a list is text in UTF-8");
    let message = "control character U+0000; a policy is plain text in UTF-8";
    only(Policy::read(&text), (0, 1, 1), FaultKind::Encoding, message);
}

fn config() -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig { cases: default.cases.max(20_000), failure_persistence: None, ..default }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_bytes_do_harm(text in proptest::collection::vec(any::<u8>(), 0..200)) {
        check_any(&text);
    }

    #[test]
    fn no_words_do_harm(words in proptest::collection::vec(select(WORDS_OF_ALL), 0..40)) {
        check_any(words.concat().as_bytes());
    }

    #[test]
    fn no_slip_does_harm(text in mutated()) {
        check_any(&text);
    }

    /// A line says the same among others as alone, where it has no end.
    #[test]
    fn lines_of_a_list_are_read_as_each_alone(
        lines in proptest::collection::vec((select(LIST_LINES), select(&["\n", "\r\n"][..])), 0..12),
        mark in any::<bool>(),
        lenient in any::<bool>(),
        ended in any::<bool>(),
    ) {
        check_lines(&lines, mark, lenient, ended);
    }
}

const LIST_LINES: &[&str] = &[
    "",
    " ",
    "# 192.0.2.1",
    "192.0.2.1",
    "192.0.2.0/24",
    "192.0.2.7/24",
    "192.0.2.7/24\t; host bits",
    "192.0.2.0/33",
    "192.0.2.0/024",
    "192.0.2.1 ",
    "192.0.2.1\r2",
    "192.0.2.1\0",
    "192.0.2.1,",
    "192.0.2.1 , 0 , one",
    "192.0.2.1-192.0.2.9",
    "192.0.2.1 - 192.0.2.9 , 0 , some",
    "192.0.2.256",
    "192.0.02.1",
    "1.2.3",
    "0.0.0.0/0",
    "255.255.255.255",
    "2001:db8::",
    "2001:DB8::/32",
    "2001:db8::1/32",
    "2001:db8:1:2:3:4:5:6",
    "2001:db8:1:2:3:4:5:6:7",
    "2001:db8::1::",
    "2001:db8::g",
    "1::192.0.2.1",
    "::",
    "::1",
    "::/0",
    "::/96",
    "::ffff:0:0/90",
    "::ffff:192.0.2.1",
    "::ffff:192.0.2.0/120",
    "::ffff:0:0/96",
    "fe80::1%eth0",
];

fn check_lines(lines: &[(&str, &str)], mark: bool, lenient: bool, ended: bool) {
    let reader = ListReader::new().lenient(lenient);
    let mut text = String::from(if mark { "\u{feff}" } else { "" });
    let (mut sets, mut entries, mut warnings, mut faults) = (Vec::new(), 0, Vec::new(), Vec::new());
    for (number, (line, end)) in (1..).zip(lines) {
        match reader.read(line) {
            Ok(list) => {
                entries += list.entries();
                warnings.extend(list.warnings().iter().map(|one| (number, one.column(), one.to_string())));
                sets.push(list.into_set());
            }
            Err(error) => faults.extend(error.faults().iter().map(|fault| {
                let offset = text.len() + fault.offset();
                ((offset, number, fault.column()), fault.message().to_owned())
            })),
        }
        let last = number as usize == lines.len();
        text.push_str(line);
        text.push_str(if last && !ended { "" } else { end });
    }
    match reader.read(&text) {
        Ok(list) => {
            assert!(faults.is_empty(), "{text:?} is read in spite of {faults:?}");
            assert_eq!(list.entries(), entries, "{text:?}");
            let found: Vec<_> = list.warnings().iter().map(|one| (one.line(), one.column(), one.to_string())).collect();
            assert_eq!(found, warnings, "{text:?}");
            assert_eq!(list.set(), &CidrSet::union_of(&sets).unwrap(), "{text:?}");
        }
        Err(error) => {
            let found: Vec<_> =
                error.faults().iter().map(|fault| (place_of(fault), fault.message().to_owned())).collect();
            assert_eq!(found, faults, "{text:?}");
        }
    }
}

const WORDS_OF_ALL: &[&str] = &[
    "allow",
    "deny",
    "set",
    "expect",
    "default",
    "precedence",
    "priority=",
    "first-match",
    "longest-prefix",
    "all",
    "@",
    "@a",
    "a",
    " ",
    " ",
    " ",
    "\n",
    "\n",
    "\r\n",
    "\t",
    ",",
    "=",
    "+=",
    "#",
    ";",
    "-",
    "/",
    ".",
    ":",
    "::",
    "1.2.3.4",
    "10.0.0.0/8",
    "::ffff:0:0/96",
    "::ffff:",
    "2001:db8::/32",
    "0",
    "32",
    "128",
    "4294967295",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "\"rules\"",
    "\"action\"",
    "\"source\"",
    "\"sets\"",
    "\"note\"",
    "\"allow\"",
    "null",
    "\\u0000",
    "\u{feff}",
    "é",
    "\0",
];

const VALID: &[&str] = &[
    "# Who may in.\ndefault deny\nprecedence first-match\nset office = 203.0.113.0/24, 198.51.100.8-198.51.100.15\n\
     set office += 192.0.2.0/26\ndeny 203.0.113.77 # lost laptop\nallow @office # the two offices\n\
     allow 2001:db8:10::/48, ::ffff:10.0.0.0/104\nexpect allow 203.0.113.10\nexpect deny 203.0.113.77, all\n",
    "precedence priority\r\nallow all priority=7 # é\r\ndeny ::1-::2 priority=0\r\n",
    "{\"default\":\"deny\",\"precedence\":\"priority\",\"sets\":{\"office\":[\"203.0.113.0/24\"]},\"rules\":[{\"action\":\
     \"allow\",\"source\":[\"@office\",\"2001:db8:10::/48\"],\"note\":\"the \\u0074wo\",\"priority\":100}],\n\"expect\":[{\
     \"action\":\"allow\",\"source\":\"203.0.113.10\"}]}",
    "# list\n1.2.3.4\n10.0.0.0/8 ; c\n1.1.1.1 - 1.1.1.2 , 0 , x\r\n2001:db8::/32\n",
];

/// A valid text with some of its bytes changed.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let bytes = b"\0\n\r\t #,;@=+-./:0123456789abcdefx\"\\{}[]\x7f\x80\xc3\xed\xff".to_vec();
    let change = (any::<prop::sample::Index>(), select(bytes), 0..5u8);
    (select(VALID), proptest::collection::vec(change, 1..6)).prop_map(|(text, changes)| {
        let mut text = text.as_bytes().to_vec();
        for (at, byte, what) in changes {
            let at = at.index(text.len().max(1));
            match what {
                0 => text.insert(at, byte),
                1 if at < text.len() => drop(text.remove(at)),
                2 if at < text.len() => text[at] = byte,
                3 => text.truncate(at),
                _ => {
                    let end = text.len().min(at + 30);
                    text.extend_from_within(at.min(end)..end);
                }
            }
        }
        text
    })
}

/// Whatever the bytes: a policy that can be written, compiled and asked, or an error in order.
fn check_any(text: &[u8]) {
    for lenient in [false, true] {
        match PolicyReader::new().lenient(lenient).read(text) {
            Ok(policy) => {
                let matcher = policy.compile().unwrap();
                assert_eq!(
                    matcher.decide(std::net::Ipv4Addr::LOCALHOST).action().is_allow(),
                    matcher.allows(std::net::Ipv4Addr::LOCALHOST)
                );
                assert_eq!(Policy::read(policy.to_string()).unwrap(), policy);
                #[cfg(feature = "json")]
                assert_eq!(Policy::read(policy.to_json()).unwrap(), policy);
                let said = policy.lint().unwrap().iter().map(ToString::to_string).collect::<String>();
                assert!(!said.contains(char::is_control), "{said}");
            }
            Err(error) => {
                check_error(&error);
                if !text.starts_with(b"\xef\xbb\xbf") {
                    check_places(&error, text);
                }
            }
        }
        match ListReader::new().lenient(lenient).read(text) {
            Ok(list) => assert_eq!(&list.set().to_string().parse::<CidrSet>().unwrap(), list.set()),
            Err(error) => {
                check_error(&error);
                if !text.starts_with(b"\xef\xbb\xbf") {
                    check_places(&error, text);
                }
            }
        }
    }
}

#[cfg(feature = "json")]
mod json {
    use super::*;

    #[test]
    fn syntax() {
        // serde_json says where; what matters here is that it is near, of one kind, and the only fault.
        for text in [
            "{",
            "{]",
            "{\"default\":\"deny\"",
            "{\"default\":\"deny\",}",
            "{\"default\":\"deny\"} x",
            "{\"default\":\"deny\"}{}",
            "{\"default\" \"deny\"}",
            "{'default':'deny'}",
            "{\"default\":deny}",
            "{\"default\":\"deny}",
            "{\"default\":\"de\\xny\"}",
            "{\"default\":\"\\u12\"}",
            "{// no comments\n\"default\":\"deny\"}",
            "{\"rules\":[1,]}",
            "{\"rules\":[01]}",
            "{\"rules\":[+1]}",
            "{\"rules\":[NaN]}",
            "{\"default\":\"a\nb\"}",
            "{\"default\":\"a\tb\"}",
        ] {
            let error = Policy::read(text).unwrap_err();
            check_error(&error);
            check_places(&error, text.as_bytes());
            let fault = &error.faults()[0];
            assert_eq!((error.count(), fault.kind()), (1, FaultKind::Json), "{text}: {error}");
            assert!(fault.message().starts_with("this is no JSON: "), "{error}");
        }
        let error = Policy::read("{\"default\":\n \"deny\",\n  x}").unwrap_err();
        assert_eq!(error.faults()[0].line(), 3);
        // An array or a string is no policy in JSON; it is judged as text.
        assert_eq!(Policy::read("[]").unwrap_err().faults()[0].kind(), FaultKind::Syntax);
    }

    #[test]
    fn shape() {
        let rule = "\"action\":\"allow\",\"source\":\"1.2.3.4\"";
        for (text, message) in [
            (
                "{\"default\":\"deny\",¦\"defualt\":\"deny\"}".to_string(),
                "`\"defualt\"`: `defualt` is no member of the policy; did you mean `default`?",
            ),
            ("{¦\"\":1}".into(), "`\"\"`: nothing is no member of the policy"),
            (
                "{¦\"a\\u0000\\u202e\":1}".into(),
                "`\"a\\\\u0000\\\\u202e\"`: `a\\0\\u{202e}` is no member of the policy",
            ),
            ("{\"default\":\"deny\", ¦\"default\":\"deny\"}".into(), "`\"default\"`: this member stands twice"),
            (
                "{\"default\":\"deny\", ¦\"d\\u0065fault\":\"deny\"}".into(),
                "`\"d\\\\u0065fault\"`: this member stands twice",
            ),
            ("{\"default\":¦1}".into(), "`1`: expected a string"),
            ("{\"default\":¦null}".into(), "`null`: expected a string"),
            ("{\"default\":¦[\"deny\"]}".into(), "`[\"deny\"]`: expected a string"),
            ("{\"precedence\":¦true}".into(), "`true`: expected a string"),
            ("{\"rules\":¦null}".into(), "`null`: expected an array: an array of rules"),
            ("{\"rules\":¦{}}".into(), "`{}`: expected an array: an array of rules"),
            ("{\"rules\":[¦\"allow all\"]}".into(), "`\"allow all\"`: expected an object: a rule"),
            ("{\"rules\":[¦[]]}".into(), "`[]`: expected an object: a rule"),
            ("{\"rules\":[¦{}]}".into(), "`{}`: `action` is missing"),
            ("{\"rules\":[¦{\"action\":\"allow\"}]}".into(), "`{\"action\":\"allow\"}`: `source` is missing"),
            (
                "{\"rules\":[{\"action\":\"allow\",\"source\":¦5}]}".into(),
                "`5`: expected an array: a string or an array of strings",
            ),
            (
                "{\"rules\":[{\"action\":\"allow\",\"source\":¦null}]}".into(),
                "`null`: expected an array: a string or an array of strings",
            ),
            ("{\"rules\":[{\"action\":\"allow\",\"source\":¦[]}]}".into(), "`[]`: a source is missing here"),
            ("{\"rules\":[{\"action\":\"allow\",\"source\":[¦null]}]}".into(), "`null`: expected a string"),
            (
                "{\"rules\":[{\"action\":\"allow\",\"source\":[\"all\",¦[\"all\"]]}]}".into(),
                "`[\"all\"]`: expected a string",
            ),
            ("{\"rules\":[{\"action\":¦null,\"source\":\"all\"}]}".into(), "`null`: expected a string"),
            (format!("{{\"rules\":[{{{rule},\"note\":¦1}}]}}"), "`1`: expected a string"),
            (format!("{{\"rules\":[{{{rule},\"note\":¦null}}]}}"), "`null`: expected a string"),
            (format!("{{\"rules\":[{{{rule},\"priority\":¦\"1\"}}]}}"), "`\"1\"`: expected a number"),
            (format!("{{\"rules\":[{{{rule},\"priority\":¦null}}]}}"), "`null`: expected a number"),
            (format!("{{\"rules\":[{{{rule},¦\"line\":3}}]}}"), "`\"line\"`: `line` is no member of a rule"),
            (format!("{{\"rules\":[{{{rule},¦\"source\":\"all\"}}]}}"), "`\"source\"`: this member stands twice"),
            (
                format!("{{\"expect\":[{{{rule},¦\"note\":\"x\"}}]}}"),
                "`\"note\"`: `note` is no member of an expectation",
            ),
            ("{\"expect\":¦{}}".into(), "`{}`: expected an array: an array of expectations"),
            ("{\"expect\":[¦{\"source\":\"all\"}]}".into(), "`{\"source\":\"all\"}`: `action` is missing"),
            ("{\"sets\":¦[]}".into(), "`[]`: expected an object: an object of sets"),
            (
                "{\"sets\":{\"a\":¦\"1.2.3.4\"}}".into(),
                "`\"1.2.3.4\"`: expected an array: an array of addresses, networks and ranges",
            ),
            (
                "{\"sets\":{\"a\":¦null}}".into(),
                "`null`: expected an array: an array of addresses, networks and ranges",
            ),
            ("{\"sets\":{\"a\":[\"1.2.3.4\",¦5]}}".into(), "`5`: expected a string"),
            ("{\"default\":¦\"\\ud800\"}".into(), "`\"\\\\ud800\"`: an escape that is no character"),
            ("{\"default\":¦\"\\udc00x\"}".into(), "`\"\\\\udc00x\"`: an escape that is no character"),
            (
                format!("{{\"rules\":[{{{rule},\"note\":¦\"\\ud83d\"}}]}}"),
                "`\"\\\\ud83d\"`: an escape that is no character",
            ),
        ] {
            policy(&text, &[(FaultKind::Json, message)]);
        }
    }

    #[test]
    fn values_that_are_none_are_told_together() {
        let text = "{\"default\":¦\"maybe\",\n\"precedence\":\"priority\",\n\"sets\":{\"a\":[¦\"1.2.3.256\",¦\"@b\"],¦\"b c\":[]},\n\
            \"rules\":[{\"action\":¦\"permit\",\"source\":\"all\",\"priority\":1},\n\
            {\"action\":\"allow\",\"source\":[¦\"010.0.0.1\",¦\" 1.2.3.4\",\"1.2.3.4\"],\"priority\":1}]}";
        policy(
            text,
            &[
                (FaultKind::Syntax, "`maybe`: expected `allow` or `deny`"),
                (
                    FaultKind::Text(ErrorKind::Octet { octet: 4, value: 256 }),
                    "`1.2.3.256`: octet 4 is 256, the largest is 255",
                ),
                (FaultKind::SetName, "`@b`: a set holds addresses, networks and ranges, no other sets"),
                (
                    FaultKind::SetName,
                    "`b c`: a set name is a letter or digit and up to 127 letters, digits, '.', '_' or '-'",
                ),
                (FaultKind::Syntax, "`permit`: expected `allow` or `deny`"),
                (
                    FaultKind::Text(ErrorKind::LeadingZero { zeros: 1, value: 10 }),
                    "`010.0.0.1`: leading zero: 010 could be 10 or, in C, 8",
                ),
                (
                    FaultKind::Text(ErrorKind::Blank),
                    "` 1.2.3.4`: no blank may stand inside an address, a network or a range",
                ),
            ],
        );
        let rule = |more: &str| {
            format!("{{\"precedence\":\"priority\",\"rules\":[{{\"action\":\"allow\",\"source\":\"all\",{more}}}]}}")
        };
        for number in ["-1", "1.5", "1e2", "1E2", "4294967296", "-0"] {
            let (text, places) = marked(&rule(&format!("\"priority\":¦{number}")));
            let error = Policy::read(&text).unwrap_err();
            let told = error.faults().iter().find(|fault| place_of(fault) == places[0]).expect(number);
            assert_eq!(
                (told.kind(), told.message().to_string()),
                (FaultKind::Priority, format!("`{number}`: a priority is a number from 0 to 4294967295"))
            );
        }
        for (note, what) in [
            ("\" x\"", "a note has no blanks around it"),
            ("\"x\\t\"", "a note has no blanks around it"),
            ("\"a\\nb\"", "a note is one line without control characters"),
            ("\"a\\u0000b\"", "a note is one line without control characters"),
            ("\"a\\u0085b\"", "a note is one line without control characters"),
            ("\"\\u007f\"", "a note is one line without control characters"),
        ] {
            let (text, places) = marked(&rule(&format!("\"priority\":1,\"note\":¦{note}")));
            let error = Policy::read(&text).unwrap_err();
            check_error(&error);
            let fault = &error.faults()[0];
            assert_eq!((error.count(), place_of(fault), fault.kind()), (1, places[0], FaultKind::Note), "{note}");
            assert!(fault.message().ends_with(what), "{error}");
        }
        policy(
            "{\"sets\":{\"a\":[],¦\"a\":[]},\"default\":\"deny\"}",
            &[(FaultKind::Repeated, "set a is defined twice; add to it with `+=`")],
        );
        let missing = "under `precedence priority` every rule has a priority: write `priority=N` after its targets";
        policy(
            "{\"precedence\":\"priority\",\"rules\":[\n ¦{\"action\":\"deny\",\"source\":\"all\"}]}",
            &[(FaultKind::Priority, missing)],
        );
        policy(
            "{\"rules\":[{\"priority\":¦7,\"action\":\"deny\",\"source\":\"all\"}]}",
            &[(FaultKind::Priority, "a priority counts only under `precedence priority`")],
        );
        policy(
            "{\"rules\":[¦{\"action\":\"deny\",\"source\":[\"all\", \"@a\"]}]}",
            &[(FaultKind::UnknownSet, "set a is not defined")],
        );
        policy(
            "{\"default\":\"deny\",\"expect\":[{\"action\":\"allow\",\"source\":[¦\"1.2.3.4\"]}]}",
            &[(FaultKind::Expectation, "expected allow for 1.2.3.4/32, but 1.2.3.4 is denied")],
        );
        only(Policy::read("{}"), (0, 1, 1), FaultKind::NoRules, "neither a rule nor a `default`: this is no policy");
    }

    #[test]
    fn bytes_that_are_no_text() {
        let control = |code: &str| format!("control character U+{code}; a policy is plain text in UTF-8");
        for (text, code) in [
            ("{¦\0}", "0000"),
            ("{\"default\":\"deny¦\u{1b}\"}", "001B"),
            ("{}\n¦\u{7f}", "007F"),
            ("{\"¦\u{85}\":1}", "0085"),
        ] {
            policy(text, &[(FaultKind::Encoding, &control(code))]);
        }
        only(Policy::read(b"{\"a\xff\":1}"), (3, 1, 4), FaultKind::Encoding, "byte 0xff is not UTF-8");
        only(Policy::read(b"{\n\xed\xa0\x80}"), (2, 2, 1), FaultKind::Encoding, "byte 0xed is not UTF-8");
        // UTF-16 is no JSON: its first byte is no brace, or its second a NUL.
        assert_eq!(Policy::read(b"\xff\xfe{\0}\0").unwrap_err().faults()[0].kind(), FaultKind::Encoding);
        assert_eq!(Policy::read(b"{\0}\0").unwrap_err().faults()[0].kind(), FaultKind::Encoding);
        assert_eq!(Policy::read(b"\0{\0}").unwrap_err().faults()[0].kind(), FaultKind::Encoding);
    }

    #[test]
    fn a_mark_moves_columns_alike_in_text_and_json() {
        let column = |text: &str| Policy::read(text).unwrap_err().faults()[0].column();
        let moved = |text: &str| column(&format!("\u{feff}{text}")) - column(text);
        assert_eq!(moved("alow 1.2.3.4"), moved("{\"rulez\":1}"));
    }

    #[test]
    fn host_bits() {
        let text = "{\"rules\":[{\"action\":\"allow\",\"source\":[¦\"10.0.0.1/8\",\"::1\"]}]}";
        let (clean, places) = marked(text);
        let error = Policy::read(&clean).unwrap_err();
        assert_eq!((error.count(), place_of(&error.faults()[0])), (1, places[0]));
        assert_eq!(
            error.faults()[0].message(),
            "`10.0.0.1/8`: host bits are set: did you mean 10.0.0.0/8 or 10.0.0.1/32?"
        );
        let policy = PolicyReader::new().lenient(true).read(&clean).unwrap();
        assert_eq!(policy, Policy::read("allow 10.0.0.0/8, ::1").unwrap());
        let warned: Vec<_> =
            policy.warnings().iter().map(|warning| (warning.code().as_str(), warning.rule())).collect();
        assert_eq!(warned, [("host-bits", Some(0))]);
    }

    #[test]
    fn blanks_and_marks_before_it() {
        let plain = Policy::read("allow 1.2.3.4").unwrap();
        let json = "{\"rules\":[{\"source\":\"1.2.3.4\",\"action\":\"allow\"}]}";
        for before in ["", "\u{feff}", " \t\r\n", "\u{feff}\n\n"] {
            assert_eq!(Policy::read(format!("{before}{json}\n")).unwrap(), plain, "{before:?}");
        }
        // The line of a rule is that of its object.
        let policy = Policy::read("\n{\"rules\":[\n\n{\"source\":\n\"1.2.3.4\",\"action\":\"allow\"}]}").unwrap();
        assert_eq!((policy.rules()[0].line(), policy.rules()[0].column()), (4, 1));
    }

    #[test]
    fn depth_costs_nothing() {
        const DEEP: usize = 1_000_000;
        for open in ["[", "{\"a\":", "[{\"rules\":"] {
            let close = if open.ends_with('[') {
                "]"
            } else if open.starts_with('[') {
                "}]"
            } else {
                "}"
            };
            for start in [
                "{\"a\":",
                "{\"default\":",
                "{\"rules\":",
                "{\"rules\":[{\"source\":",
                "{\"sets\":{\"a\":",
                "{\"expect\":[{\"action\":",
                "{",
            ] {
                let half = format!("{start}{}", open.repeat(DEEP));
                let whole = format!(
                    "{half}1{}{}",
                    close.repeat(DEEP),
                    if start.matches('{').count() > 1 { "}]}" } else { "}" }
                );
                for text in [half, whole] {
                    within(SECONDS(3), start, || {
                        let error = Policy::read(&text).unwrap_err();
                        check_error(&error);
                        assert_eq!((error.count(), error.faults()[0].kind()), (1, FaultKind::Json), "{error}");
                    });
                }
            }
        }
        let text = vec![b'{'; 100 << 20];
        within(SECONDS(5), "100 MiB of braces", || {
            assert_eq!(Policy::read(&text).unwrap_err().faults()[0].kind(), FaultKind::Json);
        });
        let mut text = b"{\"default\":\"".to_vec();
        text.resize(100 << 20, b'x');
        within(SECONDS(5), "100 MiB in one string", || {
            assert_eq!(Policy::read(&text).unwrap_err().faults()[0].kind(), FaultKind::Json);
        });
    }

    #[test]
    fn a_million_faults() {
        let sources = vec!["\"1.2.3.256\""; 1_000_000].join(",");
        let text = format!("{{\"rules\":[{{\"action\":\"allow\",\"source\":[{sources}]}}]}}");
        within(SECONDS(10), "a million sources", || {
            let error = Policy::read(&text).unwrap_err();
            check_error(&error);
            assert_eq!(error.count(), 1_000_000);
            let start = "{\"rules\":[{\"action\":\"allow\",\"source\":[".len();
            let expected: Vec<_> = (0..100).map(|at| start + 12 * at).collect();
            assert_eq!(error.faults().iter().map(Fault::offset).collect::<Vec<_>>(), expected);
        });
    }

    #[test]
    fn many_rules_take_time_in_proportion() {
        // One and a half megabytes, members in either order. Going back to the start for each rule would take minutes.
        for rule in [
            "{\"action\":\"allow\",\"source\":\"10.0.0.0/8\",\"note\":\"x\"}",
            "{\"note\":\"x\",\"source\":\"10.0.0.0/8\",\"action\":\"allow\"}",
        ] {
            let text = format!("{{\"rules\":[{}]}}", vec![rule; 15_000].join(","));
            within(SECONDS(3), "15000 rules", || {
                assert_eq!(Policy::read(&text).unwrap().rules().len(), 15_000);
            });
        }
    }
}

#[cfg(not(feature = "json"))]
#[test]
fn json_is_refused_where_it_is_not_read() {
    let message = "this is JSON, which this build does not read (feature `json`)";
    only(Policy::read("{\"default\":\"deny\"}"), (0, 1, 1), FaultKind::Json, message);
}

#[test]
fn builders_refuse_what_text_refuses() {
    use cidrgate::{Precedence, Rule, Target};
    let told = |builder: cidrgate::PolicyBuilder| {
        let error = builder.build().unwrap_err();
        assert!(error.faults().iter().all(|fault| place_of(fault) == (0, 0, 0)), "{error}");
        error.faults().iter().map(|fault| (fault.kind(), fault.message().to_string())).collect::<Vec<_>>()
    };
    let net: ipnet::IpNet = "10.0.0.1/8".parse().unwrap();
    let found = told(Policy::builder().allow(net).expect(cidrgate::Action::Deny, net));
    assert_eq!(
        found.iter().map(|(_, message)| message.as_str()).collect::<Vec<_>>(),
        [
            "rule 0: 10.0.0.1/8: host bits are set: did you mean 10.0.0.0/8 or 10.0.0.1/32?",
            "expectation 0: 10.0.0.1/8: host bits are set: did you mean 10.0.0.0/8 or 10.0.0.1/32?",
        ]
    );
    let policy = Policy::builder().lenient(true).allow(net).build().unwrap();
    assert_eq!((policy.warnings().len(), policy), (1, Policy::read("allow 10.0.0.0/8").unwrap()));
    for note in [" x", "x\t", "a\nb", "a\0b", "\u{9f}", &"x".repeat(cidrgate::MAX_NOTE + 1)] {
        let found = told(Policy::builder().rule(Rule::allow(Target::All).with_note(note)));
        assert_eq!(found.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), [FaultKind::Note], "{note:?}");
    }
    let set = CidrSet::all;
    let found =
        told(Policy::builder().set("a", set()).set("a", set()).set("b c", set()).allow(Target::set("d").unwrap()));
    assert_eq!(
        found.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(),
        [FaultKind::Repeated, FaultKind::SetName, FaultKind::UnknownSet]
    );
    let rule = || Rule::allow(Target::All);
    assert_eq!(told(Policy::builder().rule(rule().with_priority(1)))[0].0, FaultKind::Priority);
    assert_eq!(told(Policy::builder().precedence(Precedence::Priority).rule(rule()))[0].0, FaultKind::Priority);
    let found = told(Policy::builder().allow(Target::All).expect(cidrgate::Action::Deny, Target::All));
    assert_eq!(found, [(FaultKind::Expectation, "expected deny for all, but 0.0.0.0 is allowed".to_string())]);
    // Nothing said is a policy here: it denies.
    let policy = Policy::builder().build().unwrap();
    assert!(!policy.compile().unwrap().allows(std::net::Ipv4Addr::LOCALHOST));
    assert_eq!(policy, Policy::read(policy.to_string()).unwrap());
}
