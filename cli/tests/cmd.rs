//! Every verb, option and exit code, as snapshots. `TRYCMD=overwrite cargo test -p cidrgate-cli --test cmd` writes them.

#[test]
fn cmd() {
    // File names stay short in what is printed.
    std::env::set_current_dir("tests/data").unwrap();
    trycmd::TestCases::new().env("NO_COLOR", "1").case("../cmd/*.trycmd").case("../cmd/*.toml").run();
    // The walk through the documents, as somebody types it in a checkout.
    std::env::set_current_dir("../../..").unwrap();
    trycmd::TestCases::new().env("NO_COLOR", "1").case("docs/aks.md");
}
