//! Any bytes as a policy: refused, or written again they are an equal policy, whose image is that of the first but for the
//! lines.
#![no_main]

use cidrgate::{Matcher, Policy};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(policy) = Policy::read(bytes) else { return };
    for written in [policy.to_string(), policy.to_json()] {
        let again = Policy::read(&written).expect(&written);
        assert_eq!(again, policy);
    }
    let matcher = policy.compile().unwrap();
    let image = matcher.save().unwrap();
    assert_eq!(Matcher::load(&image).unwrap().save().unwrap(), image);
    let verdicts = policy.compile_verdicts_only().unwrap();
    assert_eq!(matcher.fingerprint(), verdicts.fingerprint());
    assert!(matcher.diff(&Matcher::load(verdicts.save().unwrap()).unwrap()).is_empty());
    policy.lint().unwrap();
});
