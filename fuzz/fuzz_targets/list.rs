//! Any bytes as a list: refused, or its smallest list is read as the same set.
#![no_main]

use cidrgate::{CidrSet, ListReader};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for lenient in [false, true] {
        let Ok(list) = ListReader::new().lenient(lenient).read(bytes) else { continue };
        let set = list.into_set();
        let written: String = set.networks().map(|network| format!("{network}\n")).collect();
        let again: CidrSet = ListReader::new().read(&written).unwrap().into_set();
        assert_eq!(again, set);
    }
});
