//! Many rules, each of an owner of its own: what reading, painting and reasons cost.

use std::error::Error;
use std::fmt::Write as _;
use std::net::Ipv4Addr;

use cidrgate::{Matcher, Policy};
use ipnet::Ipv4Net;
use serde_json::{Value, json};

use crate::HEAP;
use crate::lists::{List, Queries};
use crate::measure::{Times, in_turn, making, task};
use crate::options::Options;
use crate::report::digits;

/// A policy and where its rules come from.
struct Case {
    name: String,
    text: String,
    queries: Vec<Ipv4Addr>,
}

/// Measures reading, compiling and asking, prints the table, and gives the figures.
pub(crate) fn measure(options: &Options) -> Result<Value, Box<dyn Error>> {
    println!("### Owners");
    println!();
    println!(
        "| policy | rules | MB | read, ms | compile, ms | paint, ms | heap, MB | allows, ns | decide, ns | decide / \
         allows | without network, ns | / allows |"
    );
    println!("| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |");
    let mut figures = Vec::new();
    let full = "bgp/full-table-v4-v6.prefixes.txt.gz";
    let real = (!options.smoke).then(|| List::<u32>::real("v4 full table", full)).flatten();
    let seeded = List::<u32>::networks(if options.smoke { 1_000 } else { 1_000_000 });
    let allow = |_: usize| "allow";
    let mixed = |at: usize| if at.wrapping_mul(0x9e37_79b9) >> 7 & 1 == 0 { "allow" } else { "deny" };
    let real = real.iter().map(|list| case(list, "longest-prefix", allow, options));
    let precedences = ["first-match", "longest-prefix", "deny-overrides", "priority"];
    let seeded = precedences.iter().map(|precedence| case(&seeded, precedence, mixed, options));
    for case in real.chain(seeded) {
        let case = case?;
        let policy = Policy::read(&case.text)?;
        let matcher = policy.compile()?;
        let runs = options.runs.min(5);
        // What has a deny must be painted even for the answers alone. The rest is their set and index, which is little.
        let priority = if case.text.starts_with("precedence priority") { " priority=1" } else { "" };
        let painted = Policy::read(format!("{}deny 240.0.0.0/4{priority}\n", case.text))?;
        let [read, compile, paint] = in_turn(
            runs,
            &mut [
                making(|| Policy::read(&case.text)),
                making(|| policy.compile()),
                making(|| painted.compile_verdicts_only()),
            ],
        )[..] else {
            unreachable!("three tasks")
        };
        drop(painted);
        let heap = heap_bytes(&policy)?;
        let [allows, decide, rule] = look_ups(&matcher, &case.queries, options.runs);
        let of = |times: Times| if options.fastest { times.fastest } else { times.median };
        let [of_allows, of_decide, of_rule] = [allows, decide, rule].map(of);
        println!(
            "| {} | {} | {:.0} | {} | {} | {} | {:.1} | {} | {} | {:.1} | {} | {:.1} |",
            case.name,
            policy.rules().len(),
            case.text.len() as f64 / 1e6,
            digits(of(read) / 1e6),
            digits(of(compile) / 1e6),
            digits(of(paint) / 1e6),
            heap as f64 / 1e6,
            digits(of_allows),
            digits(of_decide),
            of_decide / of_allows,
            digits(of_rule),
            of_rule / of_allows,
        );
        figures.push(json!({
            "policy": case.name,
            "rules": policy.rules().len(),
            "text_bytes": case.text.len(),
            "read": read,
            "compile": compile,
            "paint": paint,
            "heap_bytes": heap,
            "allows": allows,
            "decide": decide,
            "decide_without_network": rule,
        }));
    }
    println!();
    Ok(figures.into())
}

/// Each network a rule with a note of its own.
fn case(
    list: &List<u32>,
    precedence: &str,
    action: fn(usize) -> &'static str,
    options: &Options,
) -> Result<Case, std::fmt::Error> {
    let mut networks: Vec<Ipv4Net> = list.networks.clone();
    networks.sort_unstable();
    let mut text = format!("precedence {precedence}\n");
    for (at, net) in networks.iter().enumerate() {
        let priority = if precedence == "priority" { format!(" priority={}", at % 1000) } else { String::new() };
        writeln!(text, "{} {net}{priority} # owner {at}", action(at))?;
    }
    let queries = list.queries(Queries::Mix, options.queries(Queries::Mix));
    Ok(Case { name: format!("{}, {precedence}", list.name), text, queries })
}

/// What a matcher takes more with owners than with answers alone, its labels among it.
fn heap_bytes(policy: &Policy) -> Result<usize, Box<dyn Error>> {
    let before = HEAP.allocated();
    let matcher = policy.compile()?;
    let with_owners = HEAP.allocated() - before;
    drop(matcher);
    let _answers = policy.compile_verdicts_only()?;
    Ok(with_owners - (HEAP.allocated() - before))
}

fn look_ups(matcher: &Matcher, queries: &[Ipv4Addr], runs: usize) -> [Times; 3] {
    let times = in_turn(
        runs,
        &mut [
            task(|| queries.iter().filter(|addr| matcher.allows_v4(**addr)).count()),
            // The network and the rule are used too, so that their cost is in it.
            task(|| {
                queries.iter().fold(0, |sum, addr| {
                    let decision = matcher.decide(*addr);
                    sum ^ decision.rule().unwrap_or(0) ^ usize::from(decision.network().prefix_len())
                })
            }),
            task(|| {
                queries.iter().fold(0, |sum, addr| {
                    let decision = matcher.decide(*addr);
                    sum ^ decision.rule().unwrap_or(0) ^ usize::from(decision.action().is_allow())
                })
            }),
        ],
    );
    [times[0], times[1], times[2]].map(|times| times.scaled(1.0 / queries.len() as f64))
}
