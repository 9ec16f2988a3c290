//! Measures cidrgate and its peers on lists from fixed seeds and, where they are, on real ones.
//!
//! `make bench` builds and runs it with every peer; without the feature `peers` only those are there that need no crate.
//! `--smoke` runs everything once, on small lists, to see that it works. `make bench-c` compares calls through C with
//! those in Rust (`--c PROGRAM FOLDER`), `make bench-gate` a gate with the matcher that it holds. `--help` tells how to measure less.

mod algebra;
mod c;
mod gate;
mod image;
mod instructions;
mod lists;
mod lookups;
mod measure;
mod options;
mod oracle;
mod owners;
mod peer;
mod peers;
mod random;
mod reach;
mod report;
mod word;

use std::alloc::System;
use std::error::Error;
use std::fs;

use cap::Cap;
use serde_json::json;

use crate::lists::List;
use crate::lookups::{Measured, measure};
use crate::options::{Options, Part};
use crate::peer::Kind;
use crate::word::Word;

/// Counts what is on the heap.
#[global_allocator]
static HEAP: Cap<System> = Cap::new(System, usize::MAX);

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::read();
    if let [program, folder] = &options.c[..] {
        return c::compare(program, folder);
    }
    if options.gate || options.smoke {
        gate::compare(options.runs, if options.smoke { &[20] } else { &[20, 10_000] })?;
        println!();
    }
    if options.gate {
        return Ok(());
    }
    if let Some(file) = &options.image {
        return image::measure(file, options.runs);
    }
    if let Some(case) = &options.instructions {
        return Ok(instructions::run(case)?);
    }
    println!("cidrgate {}; {} runs of everything", env!("CARGO_PKG_VERSION"), options.runs);
    println!();
    if !cfg!(feature = "peers") {
        println!("LEFT OUT: the peers that are crates: built without the feature `peers`");
        println!();
    }
    if lists::data().is_none() {
        println!("LEFT OUT: real lists");
        println!();
    }
    let mut json = serde_json::Map::new();
    for part in &options.parts {
        let (name, figures) = match part {
            Part::Lookups => ("lookups", serde_json::to_value(lookups(&options))?),
            Part::Owners => ("owners", owners::measure(&options)?),
            Part::Algebra => ("algebra", algebra::measure(&options)?),
        };
        json.insert(name.to_owned(), figures);
    }
    if let Some(file) = &options.json {
        let all = json!({ "version": env!("CARGO_PKG_VERSION"), "runs": options.runs, "figures": json });
        fs::write(file, serde_json::to_string_pretty(&all)?)?;
    }
    Ok(())
}

/// The lists of networks, one after another.
fn lookups(options: &Options) -> Vec<Measured> {
    let mut measured = Vec::new();
    let sizes: &[usize] = if options.smoke { &[20, 200] } else { &[20, 200, 10_000] };
    let named = |name: &str| (!options.smoke && options.list(name)).then_some(name.to_owned());

    let entries = peers::v4();
    let mut add = |list: List<u32>| measured.push(measure(&list, &entries, options));
    sized(sizes, options).for_each(&mut add);
    clusters(sizes, options).for_each(&mut add);
    let full = "bgp/full-table-v4-v6.prefixes.txt.gz";
    named("v4 full table").and_then(|name| List::real(&name, full)).map(&mut add);
    named("v4 1000000 hosts").map(|_| List::hosts(1_000_000)).map(&mut add);
    for (name, file) in [
        ("firehol 1", "blocklists/firehol_level1.netset"),
        ("firehol 2", "blocklists/firehol_level2.netset.gz"),
        ("stopforumspam", "blocklists/stopforumspam_180d.ipset.gz"),
    ] {
        named(name).and_then(|name| List::real(&name, file)).map(&mut add);
    }

    let entries = peers::v6();
    let mut add = |list: List<u128>| measured.push(measure(&list, &entries, options));
    sized(sizes, options).for_each(&mut add);
    clusters(sizes, options).for_each(&mut add);
    named("v6 full table").and_then(|name| List::real(&name, full)).map(&mut add);

    report::against_best(&measured, Kind::Peer);
    report::against_best(&measured, Kind::Dpdk);
    report::bytes(&measured);
    reach::print(&measured);
    report::wrong(&measured);
    report::all(&measured);
    for row in measured.iter().flat_map(|list| &list.rows).filter(|row| row.kind == Kind::Ours) {
        assert_eq!(row.wrong, 0, "{} is wrong", row.name);
    }
    measured
}

/// Lists from seeds.
fn sized<W: Word>(sizes: &[usize], options: &Options) -> impl Iterator<Item = List<W>> {
    let wanted = |size: &&usize| options.list(&format!("{} {size}", W::NAME));
    sizes.iter().filter(wanted).map(|size| List::networks(*size))
}

/// All but the longest, for which a table is always there.
fn clusters<W: Word>(sizes: &[usize], options: &Options) -> impl Iterator<Item = List<W>> {
    let wanted = |size: &&usize| **size < 10_000 && options.list(&format!("{} {size} in clusters", W::NAME));
    sizes.iter().filter(wanted).map(|size| List::clusters(*size))
}
