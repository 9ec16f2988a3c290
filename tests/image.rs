//! Images: what comes back is what was written, every policy has one image, and what is no image is refused.
//!
//! The images here are made by a writer of their own (`Forge`), from `docs/image.md`, so that they can be wrong.

mod cases;
mod oracle;

use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;

use cidrgate::{
    Action, CidrSet, IMAGE_MAGIC, ImageErrorKind, Matcher, Policy, Precedence, Rule, SetName, Target, text,
};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

const DEFAULT: u32 = u32::MAX;

/// An image in parts.
#[derive(Clone)]
struct Forge {
    contents: u32,
    default: u32,
    sections: Vec<(&'static str, Vec<u8>)>,
    fingerprint: [u8; 32],
}

fn bytes_of<const N: usize>(numbers: impl IntoIterator<Item = [u8; N]>) -> Vec<u8> {
    numbers.into_iter().flatten().collect()
}

fn u32s(numbers: &[u32]) -> Vec<u8> {
    bytes_of(numbers.iter().map(|number| number.to_le_bytes()))
}

fn u64s(numbers: &[u64]) -> Vec<u8> {
    bytes_of(numbers.iter().map(|number| number.to_le_bytes()))
}

fn v4s(edges: &[&str]) -> Vec<u8> {
    let bits = |edge: &&str| edge.parse::<std::net::Ipv4Addr>().unwrap().to_bits().to_le_bytes();
    bytes_of(edges.iter().map(bits))
}

fn v6s(edges: &[&str]) -> Vec<u8> {
    let bits = |edge: &&str| edge.parse::<std::net::Ipv6Addr>().unwrap().to_bits().to_le_bytes();
    bytes_of(edges.iter().map(bits))
}

fn fingerprint(v4: &[u8], v6: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"cidrgate.verdict.1\0");
    hash.update((v4.len() as u64 / 4).to_le_bytes());
    hash.update(v4);
    hash.update((v6.len() as u64 / 16).to_le_bytes());
    hash.update(v6);
    hash.finalize().into()
}

/// CRC-32, bit by bit.
fn checksum(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    })
}

/// Makes the checksum right.
fn seal(image: &mut [u8]) {
    let sum = checksum(&image[16..]);
    image[12..16].copy_from_slice(&sum.to_le_bytes());
}

impl Forge {
    /// The example of `docs/image.md`.
    fn example() -> Self {
        let (v4, v6) = (
            v4s(&["203.0.113.0", "203.0.113.77", "203.0.113.78", "203.0.114.0"]),
            v6s(&["2001:db8::", "2001:db8:1::"]),
        );
        Self {
            contents: 0,
            default: 0,
            fingerprint: fingerprint(&v4, &v6),
            sections: vec![
                ("v4.edges", v4),
                ("v4.owner", u32s(&[DEFAULT, 1, 0, 1, DEFAULT])),
                ("v6.edges", v6),
                ("v6.owner", u32s(&[DEFAULT, 2, DEFAULT])),
                ("action", vec![0, 1, 1]),
                ("line", u32s(&[2, 3, 3])),
                ("note", u32s(&[1, 2, 2])),
                ("note.end", u64s(&[11, 21])),
                ("note.txt", b"lost laptopthe office".to_vec()),
            ],
        }
    }

    fn verdicts() -> Self {
        let Self { fingerprint, mut sections, .. } = Self::example();
        let (v6, v4) = (sections.swap_remove(2).1, sections.swap_remove(0).1);
        Self { contents: 1, default: 0, fingerprint, sections: vec![("v4.allow", v4), ("v6.allow", v6)] }
    }

    fn with(mut self, section: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.sections.iter_mut().find(|(name, _)| *name == section).unwrap().1 = bytes.into();
        self
    }

    fn image(&self) -> Vec<u8> {
        let mut image = IMAGE_MAGIC.to_vec();
        image.extend([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        image.extend(u32s(&[self.contents, self.default]));
        image.extend(self.fingerprint);
        let mut start = 64 + 24 * self.sections.len();
        let mut body = Vec::new();
        for (name, bytes) in &self.sections {
            let padding = start.next_multiple_of(64) - start;
            body.extend(vec![0; padding]);
            body.extend(bytes);
            image.extend(name.bytes().chain([0; 8]).take(8));
            image.extend(u64s(&[(start + padding) as u64, bytes.len() as u64]));
            start += padding + bytes.len();
        }
        image.extend(body);
        image[16..24].copy_from_slice(&(start as u64).to_le_bytes());
        assert_eq!(start, image.len());
        seal(&mut image);
        image
    }

    /// Where a section starts.
    fn start(&self, section: &str) -> usize {
        let number = self.sections.iter().position(|(name, _)| *name == section).unwrap();
        let image = self.image();
        u64::from_le_bytes(image[64 + 24 * number + 8..][..8].try_into().unwrap()) as usize
    }
}

const EXAMPLE: &str = "\
default deny
deny  203.0.113.77                     # lost laptop
allow 203.0.113.0/24, 2001:db8::/48    # the office
";

fn read(text: &str) -> Policy {
    Policy::read(text).unwrap_or_else(|error| panic!("{text}\n{error}"))
}

fn save(text: &str) -> Vec<u8> {
    read(text).compile().unwrap().save().unwrap()
}

fn save_verdicts(text: &str) -> Vec<u8> {
    read(text).compile_verdicts_only().unwrap().save().unwrap()
}

#[test]
fn the_checksum_is_the_one_of_the_specification() {
    assert_eq!(checksum(b"123456789"), 0xcbf4_3926);
}

/// What `docs/image.md` shows is what is written.
#[test]
fn the_specification_shows_the_images_of_its_policy() {
    let page = fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/image.md")).unwrap();
    let blocks: Vec<&str> = page.split("```text\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    let [policy, painting, verdicts] = blocks[..] else { panic!("{} blocks", blocks.len()) };
    assert_eq!(policy, EXAMPLE);
    for (shown, image) in [(painting, save(policy)), (verdicts, save_verdicts(policy))] {
        let mut bytes = vec![0; image.len()];
        for line in shown.lines() {
            let mut words = line.split_whitespace();
            let at: usize = words.next().unwrap().parse().unwrap();
            for (at, byte) in (at..).zip(words) {
                bytes[at] = u8::from_str_radix(byte, 16).unwrap();
            }
        }
        assert_eq!(bytes, image);
        assert!(page.contains(&Matcher::load(&image).unwrap().fingerprint().to_string()));
        assert!(page.contains(&format!("{} bytes", image.len())));
    }
    assert_eq!(save(policy), Forge::example().image());
    assert_eq!(save_verdicts(policy), Forge::verdicts().image());
}

/// The images of the corpus stand beside it, for those who cannot make them, and so that what is written never changes.
#[test]
fn the_corpus_has_its_images_and_they_give_its_answers() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut seen = 0;
    for file in fs::read_dir(&folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "policy") {
            continue;
        }
        seen += 1;
        let policy = fs::read_to_string(&path).unwrap();
        let answers = fs::read_to_string(path.with_extension("answers")).unwrap();
        for (extension, made) in [("image", save(&policy)), ("verdicts.image", save_verdicts(&policy))] {
            let path = path.with_extension(extension);
            if std::env::var_os("CIDRGATE_NEW_IMAGES").is_some() && !path.exists() {
                fs::write(&path, &made).unwrap();
            }
            let kept = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            assert!(made == kept, "{}: another image is written now", path.display());
            let matcher = Matcher::load(&kept).unwrap();
            for answer in answers.lines() {
                let [address, verdict, decides] = answer.split(' ').collect::<Vec<_>>()[..] else { panic!("{answer}") };
                let addr = text::addr(address).unwrap();
                let decision = matcher.decide(addr);
                assert_eq!(decision.action().as_str(), verdict, "{}: {address}", path.display());
                assert_eq!(matcher.allows(addr), verdict == "allow", "{}: {address}", path.display());
                let line = decision.rule().map(|rule| matcher.label(rule).unwrap().line().to_string());
                match matcher.is_verdicts_only() {
                    true => assert_eq!(line, None, "{}: {address}", path.display()),
                    false => assert_eq!(line.as_deref().unwrap_or("default"), decides, "{}: {address}", path.display()),
                }
            }
        }
    }
    let images = fs::read_dir(&folder)
        .unwrap()
        .filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|extension| extension == "image"));
    assert_eq!((images.count(), seen > 20), (2 * seen, true));
}

/// Somebody else's reader, written from the specification alone, reads the same out of the same images.
#[test]
fn a_reader_in_another_language_agrees() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut python = std::process::Command::new("python3");
    match python.arg(root.join("tests/image/reader.py")).arg(root.join("tests/corpus")).output() {
        Err(_) => eprintln!("LEFT OUT: python3"),
        Ok(output) => {
            let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            assert!(output.status.success(), "{out}{err}");
            assert!(out.trim_end().ends_with(" answers"), "{out}");
        }
    }
}

/// Sees that what was loaded is what was saved.
fn same(there: &Matcher, back: &Matcher, probes: impl IntoIterator<Item = IpAddr>) -> Result<(), TestCaseError> {
    prop_assert_eq!(there.fingerprint(), back.fingerprint());
    prop_assert_eq!(there.allowed(), back.allowed());
    prop_assert!(there.diff(back).is_empty());
    prop_assert_eq!(there.is_verdicts_only(), back.is_verdicts_only());
    prop_assert!(there.labels().eq(back.labels()));
    for addr in probes {
        prop_assert_eq!(there.decide(addr), back.decide(addr), "{}", addr);
        prop_assert_eq!(there.allows(addr), back.allows(addr), "{}", addr);
    }
    prop_assert_eq!(there.save().unwrap(), back.save().unwrap());
    Ok(())
}

proptest! {
    #![proptest_config(cases::config(1000))]

    #[test]
    fn what_is_loaded_is_what_was_saved(case in cases::case(), others in prop::collection::vec(any::<u128>(), 8)) {
        let (policy, rules) = (read(&case.text()), case.rules());
        let (matcher, verdicts) = (policy.compile().unwrap(), policy.compile_verdicts_only().unwrap());
        let turns: BTreeSet<_> = rules.iter().flat_map(|rule| &rule.parts).flat_map(|(span, _)| {
            [span.first, span.last].map(|bits| oracle::Addr { v6: span.v6, bits })
        }).collect();
        let turns: Vec<_> = turns.into_iter().collect();
        let probes = cases::probes(&turns, &others);
        let [loaded, loaded_verdicts] =
            [&matcher, &verdicts].map(|matcher| Matcher::load(matcher.save().unwrap()).unwrap());
        let ips = || probes.iter().flat_map(|at| [Some(at.ip()), at.disguised()]).flatten();
        same(&matcher, &loaded, ips())?;
        same(&verdicts, &loaded_verdicts, ips())?;
        prop_assert!(!loaded.is_verdicts_only() && loaded_verdicts.is_verdicts_only());
        prop_assert_eq!(matcher.save().unwrap(), read(&case.text()).compile().unwrap().save().unwrap());
        // And by somebody else's account.
        for at in &probes {
            let (allow, rule) = oracle::answer(case.precedence, &rules, case.default, *at);
            let decision = loaded.decide(at.ip());
            prop_assert_eq!((decision.action().is_allow(), decision.rule()), (allow, rule), "{}", at.ip());
            prop_assert_eq!(loaded_verdicts.allows(at.ip()), allow, "{}", at.ip());
        }
        for (label, rule) in loaded.labels().zip(policy.rules()) {
            prop_assert_eq!((label.action(), label.line(), label.note()), (rule.action(), rule.line(), rule.note()));
        }
    }
}

#[test]
fn policies_that_answer_alike_have_the_same_verdicts() {
    let image = save_verdicts("allow 10.0.0.0/8\n");
    assert_eq!(image, save_verdicts("# other\nallow 10.0.0.0/9 # a\nallow 10.128.0.0/9 # b\ndeny all\n"));
    assert_eq!(image, save_verdicts("default allow\nallow 10.0.0.0/8\ndeny all\n"));
    assert_ne!(save("allow 10.0.0.0/8\n"), save("\nallow 10.0.0.0/8\n"));
}

#[test]
fn extremes_come_back() {
    let all = save("default allow\n");
    assert_eq!(Matcher::load(&all).unwrap().allowed(), !CidrSet::default());
    assert_eq!(Matcher::default().save().unwrap(), save_verdicts("default deny\n"));
    let whole = save_verdicts("allow all\n");
    assert_eq!(Matcher::load(whole).unwrap().allowed(), !CidrSet::default());
    // From a builder: no lines, and a note as long as notes get, with all that notes may have.
    let long = "\u{a0}ä\t#".repeat(cidrgate::MAX_NOTE / 6);
    let rule = |target: &str| Rule::allow(target.parse::<Target>().unwrap());
    let policy = Policy::builder().precedence(Precedence::FirstMatch);
    let policy = policy.rule(rule("10.0.0.0/8").with_note(&long)).rule(rule("11.0.0.0/8"));
    let policy = policy.rule(rule("12.0.0.0/8").with_note(&long)).rule(rule("10.0.0.0/8").with_note(&long));
    let matcher = policy.build().unwrap().compile().unwrap();
    let image = matcher.save().unwrap();
    let back = Matcher::load(&image).unwrap();
    assert_eq!(back.labels().map(|label| label.note().is_some()).collect::<Vec<_>>(), [true, false, true, true]);
    assert!(matcher.labels().eq(back.labels()) && back.labels().all(|label| label.line() == 0));
    // The last two are neighbours and share it.
    assert!(image.len() < 2 * long.len() + 2000, "{}", image.len());
}

/// A statement with many targets is many rules, but has its note once.
#[test]
fn the_note_of_a_statement_is_kept_once() {
    let note = "n".repeat(60_000);
    let set: CidrSet = "10.0.0.0/8".parse().unwrap();
    let name = SetName::new("s").unwrap();
    let mut policy = Policy::builder().set("s", set);
    for _ in 0..1000 {
        policy = policy.rule(Rule::new(Action::Allow, name.clone()).with_note(&note));
    }
    let matcher = policy.build().unwrap().compile().unwrap();
    let image = matcher.save().unwrap();
    assert!(image.len() < 80_000, "{}", image.len());
    assert!(Matcher::load(image).unwrap().labels().all(|label| label.note() == Some(&note)));
}

#[test]
fn every_length_but_the_right_one_is_refused() {
    for image in [Forge::example().image(), Forge::verdicts().image()] {
        for len in 0..image.len() {
            let error = Matcher::load(&image[..len]).unwrap_err();
            let kind = if len == 0 { ImageErrorKind::NotAnImage } else { ImageErrorKind::Length };
            assert_eq!((error.kind(), error.offset()), (kind, len), "{error}");
        }
        for more in [1, 63, 64, 1000] {
            let longer = [&image[..], &vec![0; more]].concat();
            assert_eq!(Matcher::load(&longer).unwrap_err().kind(), ImageErrorKind::Length);
        }
        // Also if the header and the checksum fit what is there.
        for len in 64..image.len() {
            let mut cut = image[..len].to_vec();
            cut[16..24].copy_from_slice(&(len as u64).to_le_bytes());
            seal(&mut cut);
            let kind = Matcher::load(&cut).unwrap_err().kind();
            assert!(matches!(kind, ImageErrorKind::Length | ImageErrorKind::Sections), "{len}: {kind:?}");
        }
    }
}

/// What one fault makes of an image: kind, offset and message.
type Case = (&'static str, Vec<u8>, ImageErrorKind, usize, &'static str);

fn raw(change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut image = Forge::example().image();
    change(&mut image);
    seal(&mut image);
    image
}

fn put(at: usize, bytes: &[u8]) -> Vec<u8> {
    raw(|image| image[at..at + bytes.len()].copy_from_slice(bytes))
}

/// Where entry `number` of the table has its offset; eight bytes on is its length.
fn entry(number: usize) -> usize {
    64 + 24 * number + 8
}

#[test]
fn every_fault_is_told() {
    use ImageErrorKind::*;
    let good = Forge::example();
    let at = |section: &str| good.start(section);
    let with = |section: &str, bytes: Vec<u8>| good.clone().with(section, bytes).image();
    let noted = |text: &str| with("note.txt", text.into());
    let verdicts = |section: &str, bytes: Vec<u8>| Forge::verdicts().with(section, bytes).image();
    let max = u64::MAX.to_le_bytes();
    let cases: Vec<Case> = vec![
        ("nothing", vec![], NotAnImage, 0, "this is no image: it does not start as one does"),
        ("a policy", EXAMPLE.into(), NotAnImage, 0, "this is no image: it does not start as one does"),
        ("line ends", put(5, b"\n\n\n"), NotAnImage, 0, "this is no image: it does not start as one does"),
        ("version 2", put(8, &[2]), Version, 8, "the image has version 2; this library knows version 1 only"),
        ("version 0", put(8, &[0]), Version, 8, "the image has version 0; this library knows version 1 only"),
        (
            "byte-swapped",
            put(8, &[0, 0, 0, 1]),
            Version,
            8,
            "the image has version 16777216; this library knows version 1 only",
        ),
        (
            "a later version is told without more",
            [&IMAGE_MAGIC[..], &[7, 0, 0, 0]].concat(),
            Version,
            8,
            "the image has version 7; this library knows version 1 only",
        ),
        ("length short", put(16, &[84]), Length, 16, "the image says that it has 852 bytes, but there are 853"),
        ("length huge", put(16, &max), Length, 853, "the image is cut short: 853 bytes of 18446744073709551615"),
        (
            "damaged",
            {
                let mut image = good.image();
                image[840] ^= 1;
                image
            },
            Checksum,
            12,
            "the image is damaged: its checksum is 4765f127, that of its bytes 9af328a2",
        ),
        ("contents", put(24, &[2]), Header, 24, "the contents are 2 instead of 0 (a painting) or 1 (verdicts only)"),
        ("default", put(28, &[2]), Header, 28, "the default is 2 instead of 0 (deny) or 1 (allow)"),
        (
            "default of verdicts",
            Forge { default: 1, ..Forge::verdicts() }.image(),
            Header,
            28,
            "the default is 1, but must be 0 where there are verdicts only",
        ),
        ("painting as verdicts", put(24, &[1]), Sections, 64, "section 1 of the table is not v4.allow"),
        (
            "verdicts as painting",
            Forge { contents: 0, ..Forge::verdicts() }.image(),
            Length,
            224,
            "the image ends before its table of sections does",
        ),
        ("name", put(64, b"V"), Sections, 64, "section 1 of the table is not v4.edges"),
        (
            "name not filled up with NUL",
            put(64 + 5 * 24 + 5, b"s"),
            Sections,
            64 + 5 * 24,
            "section 6 of the table is not line",
        ),
        (
            "order",
            Forge {
                sections: {
                    let mut sections = good.sections.clone();
                    sections.swap(4, 5);
                    sections
                },
                ..good.clone()
            }
            .image(),
            Sections,
            64 + 4 * 24,
            "section 5 of the table is not action",
        ),
        ("offset", put(entry(0), &[65]), Sections, entry(0), "section v4.edges begins at 321 instead of 320"),
        (
            "offset huge",
            put(entry(1), &max),
            Sections,
            entry(1),
            "section v4.owner begins at 18446744073709551615 instead of 384",
        ),
        (
            "section huge",
            put(entry(0) + 8, &max),
            Sections,
            entry(0) + 8,
            "section v4.edges has 18446744073709551615 bytes, but the image has only 533 there",
        ),
        (
            "section beyond the end",
            put(entry(0) + 8, &[0x16, 2]),
            Sections,
            entry(0) + 8,
            "section v4.edges has 534 bytes, but the image has only 533 there",
        ),
        (
            "end overflows",
            put(entry(0) + 8, &(u64::MAX - 319).to_le_bytes()),
            Sections,
            entry(0) + 8,
            "section v4.edges has 18446744073709551296 bytes, but the image has only 533 there",
        ),
        (
            "half an element",
            with("v4.edges", vec![1; 15]),
            Sections,
            entry(0) + 8,
            "section v4.edges has 15 bytes, which its elements of 4 do not fill",
        ),
        (
            "half a note's end",
            with("note.end", vec![1; 12]),
            Sections,
            entry(7) + 8,
            "section note.end has 12 bytes, which its elements of 8 do not fill",
        ),
        (
            "the last section is shorter",
            put(entry(8) + 8, &[20]),
            Sections,
            entry(8) + 8,
            "the last section ends at 852, the image at 853",
        ),
        (
            "padding of the table",
            put(319, &[1]),
            Padding,
            319,
            "there is something before section v4.edges where zeros should be",
        ),
        ("padding", put(580, &[1]), Padding, 580, "there is something before section line where zeros should be"),
        (
            "edges fall",
            with("v4.edges", v4s(&["1.0.0.0", "3.0.0.0", "2.0.0.0", "4.0.0.0"])),
            Edges,
            320 + 8,
            "edge 2.0.0.0 of v4.edges does not lie above 3.0.0.0, the one before",
        ),
        (
            "edges repeat",
            with("v6.edges", v6s(&["1::", "1::"])),
            Edges,
            at("v6.edges") + 16,
            "edge 1:: of v6.edges does not lie above 1::, the one before",
        ),
        (
            "edge 0",
            with("v4.edges", v4s(&["0.0.0.0", "3.0.0.0", "4.0.0.0", "5.0.0.0"])),
            Edges,
            320,
            "the first edge of v4.edges is address 0, where the first segment starts without one",
        ),
        (
            "mapped, first",
            with("v6.edges", v6s(&["::ffff:0:0", "1::"])),
            Edges,
            at("v6.edges"),
            "edge ::ffff:0.0.0.0 of v6.edges lies in ::ffff:0:0/96, the block of IPv4 addresses",
        ),
        (
            "mapped, last",
            with("v6.edges", v6s(&["::1", "::ffff:255.255.255.255"])),
            Edges,
            at("v6.edges") + 16,
            "edge ::ffff:255.255.255.255 of v6.edges lies in ::ffff:0:0/96, the block of IPv4 addresses",
        ),
        (
            "mapped, verdicts",
            verdicts("v6.allow", v6s(&["::ffff:1.2.3.4"])),
            Edges,
            192,
            "edge ::ffff:1.2.3.4 of v6.allow lies in ::ffff:0:0/96, the block of IPv4 addresses",
        ),
        (
            "edges fall, verdicts",
            verdicts("v4.allow", v4s(&["2.0.0.0", "1.0.0.0"])),
            Edges,
            132,
            "edge 1.0.0.0 of v4.allow does not lie above 2.0.0.0, the one before",
        ),
        (
            "an owner too few",
            with("v4.owner", u32s(&[DEFAULT, 1, 0, 1])),
            Sections,
            384,
            "section v4.owner has 4 elements instead of 5, one more than there are edges",
        ),
        (
            "no owner",
            with("v6.owner", vec![]),
            Sections,
            at("v6.owner"),
            "section v6.owner has 0 elements instead of 3, one more than there are edges",
        ),
        (
            "owner",
            with("v6.owner", u32s(&[DEFAULT, 3, DEFAULT])),
            Owners,
            at("v6.owner") + 4,
            "owner 3 is no rule: there are 3, counted from 0",
        ),
        (
            "owner just below the default",
            with("v6.owner", u32s(&[DEFAULT, DEFAULT - 1, DEFAULT])),
            Owners,
            at("v6.owner") + 4,
            "owner 4294967294 is no rule: there are 3, counted from 0",
        ),
        (
            "same owners",
            with("v6.owner", u32s(&[2, DEFAULT, DEFAULT])),
            Owners,
            at("v6.owner") + 8,
            "the segment has the owner of the one before, so they are one segment",
        ),
        (
            "action",
            with("action", vec![0, 1, 2]),
            Rules,
            at("action") + 2,
            "the action of rule 2 is 2 instead of 0 (deny) or 1 (allow)",
        ),
        (
            "a line too few",
            with("line", u32s(&[2, 3])),
            Sections,
            at("line"),
            "section line has 2 elements instead of 3, one for each rule",
        ),
        (
            "a note number too many",
            with("note", u32s(&[1, 2, 2, 2])),
            Sections,
            at("note"),
            "section note has 4 elements instead of 3, one for each rule",
        ),
        (
            "note beyond",
            with("note", u32s(&[1, 2, 3])),
            Notes,
            at("note") + 8,
            "rule 2 has note 3 instead of 0, 2 or 3",
        ),
        ("note skipped", with("note", u32s(&[2, 2, 2])), Notes, at("note"), "rule 0 has note 2 instead of 0 or 1"),
        ("note again", with("note", u32s(&[1, 2, 1])), Notes, at("note") + 8, "rule 2 has note 1 instead of 0, 2 or 3"),
        (
            "note after none",
            with("note", u32s(&[1, 0, 1])),
            Notes,
            at("note") + 8,
            "rule 2 has note 1 instead of 0 or 2",
        ),
        ("note unused", with("note", u32s(&[1, 1, 1])), Notes, at("note.end") + 8, "no rule has note 2"),
        (
            "notes without rules that have them",
            with("note", u32s(&[0, 0, 0])),
            Notes,
            at("note.end"),
            "no rule has note 1",
        ),
        (
            "note not shared",
            noted("lost laptoplost laptop").replace_end(22),
            Notes,
            at("note") + 4,
            "rule 1 has the note of the rule before, but does not share it",
        ),
        (
            "note empty",
            with("note.end", u64s(&[0, 21])),
            Notes,
            at("note.end"),
            "note 1 ends at 0, but starts at 0 of 21 bytes",
        ),
        (
            "note backwards",
            with("note.end", u64s(&[21, 11])),
            Notes,
            at("note.end") + 8,
            "note 2 ends at 11, but starts at 21 of 21 bytes",
        ),
        (
            "note too far",
            with("note.end", u64s(&[11, 22])),
            Notes,
            at("note.end") + 8,
            "note 2 ends at 22, but starts at 11 of 21 bytes",
        ),
        (
            "note's end huge",
            with("note.end", u64s(&[u64::MAX, 21])),
            Notes,
            at("note.end"),
            "note 1 ends at 18446744073709551615, but starts at 0 of 21 bytes",
        ),
        (
            "text after the notes",
            with("note.end", u64s(&[11, 20])),
            Notes,
            at("note.txt") + 20,
            "the notes end here, but 1 bytes follow",
        ),
        (
            "a note ends inside a character",
            noted("lost lapto\u{e9}he office"),
            Notes,
            at("note.end"),
            "note 1 ends at 11, but starts at 0 of 21 bytes",
        ),
        (
            "no UTF-8",
            with("note.txt", b"lost lapto\xffthe office".to_vec()),
            Notes,
            at("note.txt") + 10,
            "the notes are no UTF-8",
        ),
        (
            "a surrogate",
            with("note.txt", b"lost lapto\xed\xa0\x80 office".to_vec()),
            Notes,
            at("note.txt") + 10,
            "the notes are no UTF-8",
        ),
        ("a line end", noted("lost lapto\nthe office"), Notes, at("note.txt") + 10, "a note has a control character"),
        ("NUL", noted("lost lapto\0the office"), Notes, at("note.txt") + 10, "a note has a control character"),
        (
            "a control character above ASCII",
            noted("lost lapto\u{85}he office").replace_end(22),
            Notes,
            at("note.txt") + 10,
            "a note has a control character",
        ),
        ("a blank before", noted(" ost laptopthe office"), Notes, at("note.txt"), "note 1 has blanks around it"),
        ("a tab after", noted("lost laptopthe offic\t"), Notes, at("note.txt") + 11, "note 2 has blanks around it"),
        (
            "fingerprint",
            put(32, &[0]),
            Fingerprint,
            32,
            "the fingerprint is not that of the answers, which is \
             62c0e5b5e3536c73ab73415d186af17f576a2e06b4b39bd67d9fcf8cfd91904f",
        ),
        (
            "an action that was turned",
            with("action", vec![1, 1, 1]),
            Fingerprint,
            32,
            "the fingerprint is not that of the answers, which is \
             a6f77d9138a179ad7842d414fdb672b313b9a2f5b6da8ed5b2e0f8cded1a6f8d",
        ),
    ];
    let mut wrong = Vec::new();
    for (name, image, kind, offset, message) in cases {
        let error = Matcher::load(image).map(|_| ()).expect_err(name);
        let found = (error.kind(), error.offset(), error.message());
        if found != (kind, offset, message) {
            wrong.push(format!("{name}: {found:?}\n"));
        }
        assert_eq!(error.to_string(), format!("at offset {}: {}", error.offset(), error.message()));
    }
    assert!(wrong.is_empty(), "{}", wrong.concat());
    // And what the cases are made of is right.
    Matcher::load(good.image()).unwrap();
    Matcher::load(Forge::verdicts().image()).unwrap();
}

trait ReplaceEnd {
    fn replace_end(self, end: u64) -> Self;
}

/// The last note of the example ends here instead.
impl ReplaceEnd for Vec<u8> {
    fn replace_end(mut self, end: u64) -> Self {
        let at = Forge::example().start("note.end") + 8;
        self[at..at + 8].copy_from_slice(&end.to_le_bytes());
        seal(&mut self);
        self
    }
}

/// A note of more than notes may have.
#[test]
fn a_note_that_is_too_long_is_refused() {
    let forge = |len: usize| {
        let good = Forge::example().with("note", u32s(&[1, 1, 1])).with("note.end", u64s(&[len as u64]));
        Matcher::load(good.with("note.txt", vec![b'n'; len]).image())
    };
    assert!(forge(cidrgate::MAX_NOTE).is_ok());
    let error = forge(cidrgate::MAX_NOTE + 1).unwrap_err();
    assert_eq!(error.message(), "note 1 has 65025 bytes, more than 65024");
}

/// Loads a mutant after its checksum was made right, and its fingerprint if that is all that is wrong with it. Either it
/// is refused, or it is the one image of what it says. Says which.
fn judge(mut mutant: Vec<u8>) -> bool {
    if mutant.len() < 64 {
        return Matcher::load(&mutant).is_ok();
    }
    seal(&mut mutant);
    let loaded = Matcher::load(&mutant).or_else(|error| {
        if error.kind() != ImageErrorKind::Fingerprint {
            return Err(error);
        }
        let hex = error.message().rsplit(' ').next().unwrap();
        for (at, byte) in (32..64).enumerate() {
            mutant[byte] = u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap();
        }
        seal(&mut mutant);
        Matcher::load(&mutant)
    });
    match loaded {
        Ok(matcher) => {
            assert_eq!(matcher.save().unwrap(), mutant);
            true
        }
        Err(_) => false,
    }
}

const SEEDS: [&str; 4] = [
    EXAMPLE,
    "default allow\ndeny 10.0.0.0/8, 11.0.0.0-11.0.0.9 # a\ndeny ::/0 # b\nallow 10.1.0.0/16\nallow 10.2.0.0/16 # b\n",
    "precedence longest-prefix\nallow all # everybody\ndeny ::fffe:0:0/95, 0.0.0.0/1, 255.255.255.255\n",
    "default deny\n",
];

#[test]
fn every_byte_changed_is_refused_or_means_what_it_says() {
    for image in SEEDS.into_iter().flat_map(|text| [save(text), save_verdicts(text)]) {
        let good = Matcher::load(&image).unwrap();
        assert_eq!(good.save().unwrap(), image);
        let mut taken = 0;
        for at in 0..image.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff, image[at] ^ 1, image[at] ^ 0x20, image[at].wrapping_add(1)] {
                if value == image[at] {
                    continue;
                }
                let mut mutant = image.clone();
                mutant[at] = value;
                assert!(Matcher::load(&mutant).is_err(), "byte {at} as {value}");
                taken += usize::from(judge(mutant));
            }
        }
        // Some edges, lines and notes can well be others.
        assert!(taken > 0);
    }
}

/// 5,000 mutants of images: bytes changed, copied, moved, cut out and put in.
#[test]
fn mutants_are_refused_or_mean_what_they_say() {
    let images: Vec<Vec<u8>> = SEEDS.into_iter().flat_map(|text| [save(text), save_verdicts(text)]).collect();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = |limit: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % limit as u64) as usize
    };
    let mut taken = 0;
    for _ in 0..5000 {
        let image = &images[below(images.len())];
        let mut mutant = image.clone();
        for _ in 0..=below(4) {
            if mutant.is_empty() {
                break;
            }
            let (from, to) = (below(mutant.len()), below(mutant.len()));
            let len = 1 + below(16).min(mutant.len() - from.max(to) - 1);
            match below(6) {
                0 => mutant[from] = below(256) as u8,
                1 => mutant[from] ^= 1 << below(8),
                2 => mutant.copy_within(from..from + len, to),
                3 => drop(mutant.drain(from..from + len)),
                4 => drop(mutant.splice(from..from, image[..len.min(image.len())].iter().copied())),
                _ => mutant.truncate(from + 1),
            }
            // As a forger would.
            if mutant.len() >= 64 && below(2) == 0 {
                let len = mutant.len() as u64;
                mutant[16..24].copy_from_slice(&len.to_le_bytes());
            }
        }
        if mutant != *image {
            assert!(Matcher::load(&mutant).is_err());
            taken += usize::from(judge(mutant));
        }
    }
    assert!(taken > 0);
}

/// Owners and edges that nobody paints, but that an image may well say.
#[test]
fn any_owner_may_own_any_segment() {
    let edges = v4s(&["1.0.0.0", "2.0.0.0", "3.0.0.0", "255.255.255.255"]);
    let forge = Forge::example().with("v4.edges", edges).with("v4.owner", u32s(&[1, 2, DEFAULT, 0, 2]));
    let mut forge = forge.with("v6.edges", vec![]).with("v6.owner", u32s(&[0]));
    forge.fingerprint = fingerprint(&v4s(&["0.0.0.0", "2.0.0.0", "255.255.255.255"]), &[]);
    let matcher = Matcher::load(forge.image()).unwrap();
    let ask = |addr: &str| {
        let decision = matcher.decide(addr.parse::<IpAddr>().unwrap());
        (decision.action().is_allow(), decision.rule(), decision.network().to_string())
    };
    assert_eq!(ask("0.0.0.0"), (true, Some(1), "0.0.0.0/8".into()));
    assert_eq!(ask("1.2.3.4"), (true, Some(2), "1.0.0.0/8".into()));
    assert_eq!(ask("2.0.0.0"), (false, None, "2.0.0.0/8".into()));
    assert_eq!(ask("255.255.255.255"), (true, Some(2), "255.255.255.255/32".into()));
    assert_eq!(ask("::"), (false, Some(0), "::/0".into()));
    assert_eq!(matcher.save().unwrap(), forge.image());
}
