//! Makes the C header in OUT_DIR; with `CIDRGATE_UPDATE_HEADER=1` (`make header`) also in include/.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(feature = "header")]
    header();
}

#[cfg(feature = "header")]
fn header() {
    use std::{env, fs, path::Path};

    for path in ["src/ffi", "cbindgen.toml"] {
        println!("cargo::rerun-if-changed={path}");
    }
    println!("cargo::rerun-if-env-changed=CIDRGATE_UPDATE_HEADER");
    let fresh = Path::new(&env::var("OUT_DIR").expect("cargo sets it")).join("cidrgate.h");
    let mut config = cbindgen::Config::from_file("cbindgen.toml").expect("cbindgen.toml");
    let version = ["MAJOR", "MINOR", "PATCH"].map(|part| {
        let value = env::var(format!("CARGO_PKG_VERSION_{part}")).expect("cargo sets it");
        format!("#define CIDRGATE_VERSION_{part} {value}\n")
    });
    config.after_includes = Some(format!("\n{}{}", version.concat(), config.after_includes.unwrap_or_default()));
    let bindings = cbindgen::Builder::new().with_config(config).with_src("src/ffi/mod.rs").generate();
    let mut text = Vec::new();
    bindings.expect("the C interface").write(&mut text);
    // So that the one struct that is not opaque can be named without its definition.
    let text = String::from_utf8(text).expect("UTF-8");
    let text = text.replace("typedef struct {\n", "typedef struct cidrgate_decision {\n");
    fs::write(&fresh, text).expect("OUT_DIR can be written to");
    println!("cargo::rustc-env=CIDRGATE_FRESH_HEADER={}", fresh.display());
    if env::var_os("CIDRGATE_UPDATE_HEADER").is_some() {
        fs::copy(&fresh, "include/cidrgate.h").expect("include/cidrgate.h");
    }
}
