//! What is asked for.

use std::path::PathBuf;

use clap::Parser;

use crate::lists::Queries;

/// Measures cidrgate and its peers on lists of networks
///
/// A filter is a list of names, separated by commas; what has all the words of one of them is taken: `--lists v6,firehol`,
/// `--columns "tp,br mix,build"`.
#[derive(Parser)]
pub(crate) struct Options {
    /// What to measure
    #[arg(long, value_enum, value_delimiter = ',', default_value = "lookups,owners,algebra")]
    pub(crate) parts: Vec<Part>,
    /// Only these lists
    #[arg(long, value_delimiter = ',')]
    lists: Vec<String>,
    /// Only these structures; ours is always among them
    #[arg(long, value_delimiter = ',')]
    peers: Vec<String>,
    /// Only these columns
    #[arg(long, value_delimiter = ',')]
    columns: Vec<String>,
    /// Runs of everything
    #[arg(long, default_value_t = 7)]
    pub(crate) runs: usize,
    /// Compare the fastest runs, not the medians: for machines with other work to do
    #[arg(long)]
    pub(crate) fastest: bool,
    /// Write all figures to this file
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
    /// Run everything once, on small lists, to see that it works
    #[arg(long)]
    pub(crate) smoke: bool,
    /// Compare calls through C with those in Rust: a program and a folder to write to
    #[arg(long, num_args = 2, value_names = ["PROGRAM", "FOLDER"])]
    pub(crate) c: Vec<PathBuf>,
    /// Do one piece of work for callgrind to count, or `list` them
    #[arg(long, value_name = "CASE")]
    pub(crate) instructions: Option<String>,
    #[arg(skip)]
    pub(crate) cold: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Part {
    Lookups,
    Owners,
    Algebra,
}

impl Options {
    pub(crate) fn read() -> Self {
        let options = Self::parse();
        let runs = if options.smoke { 1 } else { options.runs.max(1) };
        Self { runs, cold: if options.smoke { 3 } else { 101 }, ..options }
    }

    pub(crate) fn list(&self, name: &str) -> bool {
        wanted(&self.lists, name)
    }

    pub(crate) fn peer(&self, name: &str) -> bool {
        name == "cidrgate" || wanted(&self.peers, name)
    }

    pub(crate) fn column(&self, name: &str) -> bool {
        wanted(&self.columns, name)
    }

    pub(crate) fn queries(&self, queries: Queries) -> usize {
        let power = match (self.smoke, queries) {
            (true, _) => 8,
            (_, Queries::Mix20) => 20,
            _ => 16,
        };
        1 << power
    }
}

fn wanted(filters: &[String], name: &str) -> bool {
    let words = |text: &str| text.split([' ', '-', '_']).map(str::to_owned).collect::<Vec<_>>();
    let name = words(name);
    filters.is_empty() || filters.iter().any(|filter| words(filter).iter().all(|word| name.contains(word)))
}
