//! Reads a policy and says of each address whether it may come in, and why.
//!
//! `cargo run --example decide -- examples/office.policy 203.0.113.10 203.0.113.77`

use std::error::Error;
use std::{env, fs};

use cidrgate::{Policy, text};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let file = args.next().ok_or("usage: decide POLICY ADDRESS...")?;
    let policy = Policy::read(fs::read(&file)?).map_err(|error| format!("{file}:\n{error}"))?;
    let matcher = policy.compile()?;
    println!("fingerprint {}", matcher.fingerprint());
    for arg in args {
        let addr = text::addr(&arg).map_err(|error| format!("{arg}: {error}"))?;
        let decision = matcher.decide(addr);
        match decision.rule() {
            Some(rule) => println!("{addr}: {} (all of {})", policy.rules()[rule], decision.network()),
            None => println!("{addr}: {} by default", decision.action()),
        }
    }
    Ok(())
}
