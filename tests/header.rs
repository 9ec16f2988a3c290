//! The header that is kept is the one that the source makes.
#![cfg(feature = "header")]

use std::fs;

#[test]
fn the_header_is_fresh() {
    let fresh = fs::read_to_string(env!("CIDRGATE_FRESH_HEADER")).unwrap();
    let kept = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/include/cidrgate.h")).unwrap();
    assert!(fresh == kept, "include/cidrgate.h is not what src/ffi and cbindgen.toml make: run `make header`");
}
