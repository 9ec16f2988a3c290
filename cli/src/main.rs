//! `cidrgate`: may this source address in, and why? The command over the library of the same name.
//!
//! Results go to standard output, everything else to standard error; the exit code is 0, 1 or 2 (`exit.rs`).

mod answer;
mod args;
mod bench;
mod check;
mod diagnose;
mod diff;
mod exit;
mod explain;
mod filter;
mod lint;
mod list;
mod manual;
mod merge;
mod pieces;
mod policy;
mod progress;
mod source;

use std::process::ExitCode;

use clap::Parser;

use crate::answer::Answer;
use crate::args::{Args, Verb};

fn main() -> ExitCode {
    let args = Args::parse();
    let mut answer = Answer::new();
    let (verb, done) = match args.verb {
        Verb::Check(args) => ("check", check::run(args, &mut answer)),
        Verb::Explain(args) => ("explain", explain::run(args, &mut answer)),
        Verb::Lint(args) => ("lint", lint::run(args, &mut answer)),
        Verb::Merge(args) => ("merge", merge::run(&args, &mut answer)),
        Verb::Diff(args) => ("diff", diff::run(args, &mut answer)),
        Verb::Filter(args) => ("filter", filter::run(args, &mut answer)),
        Verb::Bench(args) => ("bench", bench::run(args, &mut answer)),
        Verb::Man(args) => ("man", manual::man(&args, &mut answer)),
        Verb::Completions(args) => ("completions", manual::completions(&args, &mut answer)),
    };
    answer.end(done, |message| args::refuse(verb, message)).into()
}
