//! Any bytes as an image: refused, or the one image of what they say. Once as they are, and once with length, checksum
//! and fingerprint made right, as a forger would.
#![no_main]

use cidrgate::{ImageErrorKind, Matcher};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    judge(bytes);
    if bytes.len() < 64 {
        return;
    }
    let mut forged = bytes.to_vec();
    forged[16..24].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
    seal(&mut forged);
    if let Err(error) = Matcher::load(&forged) {
        if error.kind() != ImageErrorKind::Fingerprint {
            return;
        }
        let hex = error.message().rsplit(' ').next().unwrap();
        for (at, byte) in (32..64).enumerate() {
            forged[byte] = u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap();
        }
        seal(&mut forged);
        // Nothing else was wrong.
        assert!(Matcher::load(&forged).is_ok());
    }
    judge(&forged);
});

fn seal(image: &mut [u8]) {
    let checksum = crc32fast::hash(&image[16..]);
    image[12..16].copy_from_slice(&checksum.to_le_bytes());
}

fn judge(image: &[u8]) {
    let Ok(matcher) = Matcher::load(image) else { return };
    assert_eq!(matcher.save().unwrap(), image);
    let allowed = matcher.allowed();
    let ends = allowed.ranges().flat_map(|range| [range.first(), range.last()]).take(100);
    for addr in ends {
        let decision = matcher.decide(addr);
        assert!(matcher.allows(addr) && decision.action().is_allow());
        assert!(decision.network().contains(&addr));
        if let Some(rule) = decision.rule() {
            assert!(matcher.label(rule).unwrap().action().is_allow());
        }
    }
}
