//! How far ahead of the best peer cidrgate means to be: peer / ours, and bytes a network.

use crate::lookups::{BUILD, BYTES, Measured};
use crate::peer::Kind;

const COLUMNS: [&str; 8] = ["tp uniform", "tp hits", "tp mix", "tp mix20", "br mix", "batch mix", BUILD, BYTES];

const LISTS: [(&str, [f64; 8]); 12] = [
    ("v4 20", [3.0, 4.0, 4.5, 4.5, 2.0, 4.5, 1.0, 60.0]),
    ("v4 200", [4.5, 5.0, 5.5, 5.5, 2.0, 5.5, 1.0, 60.0]),
    ("v4 10000", [4.5, 7.5, 10.0, 10.0, 2.3, 10.0, 1.0, 55.0]),
    ("v4 full table", [4.5, 5.5, 6.5, 6.5, 4.0, 8.0, 1.0, 1.1]),
    ("v4 1000000 hosts", [1.0, 1.2, 2.3, 2.3, 1.0, 2.8, 1.0, 8.0]),
    ("firehol 1", [2.0, 5.0, 4.5, 4.5, 2.2, 5.5, 1.0, 72.0]),
    ("firehol 2", [2.0, 1.0, 4.3, 4.3, 2.5, 4.5, 0.7, 40.0]),
    ("stopforumspam", [1.0, 1.0, 1.4, 1.4, 1.0, 1.9, 0.7, 12.0]),
    ("v6 20", [2.5, 5.5, 6.0, 6.0, 2.8, 6.5, 0.7, 200.0]),
    ("v6 200", [1.0, 5.0, 6.5, 6.5, 3.0, 7.0, 0.5, 330.0]),
    ("v6 10000", [2.0, 2.8, 3.0, 3.0, 1.8, 3.0, 0.5, 40.0]),
    ("v6 full table", [1.0, 2.8, 4.0, 4.0, 2.2, 3.7, 0.7, 11.0]),
];

/// Prints the cells that are measured and not where they are meant to be.
pub(crate) fn print(lists: &[Measured]) {
    println!("### Below what is meant");
    println!();
    println!("| list | column | reached | meant | best peer |");
    println!("| --- | --- | --: | --: | --- |");
    for list in lists {
        let Some(ours) = list.ours() else { continue };
        let reach = LISTS.iter().filter(|(name, _)| *name == list.list);
        for (column, meant) in reach.flat_map(|(_, reach)| COLUMNS.iter().zip(reach)) {
            let Some(own) = ours.figure(column) else { continue };
            let best = list.best(Kind::Peer, column);
            let (reached, below) = if *column == BYTES {
                let bytes = own / list.networks as f64;
                (bytes, bytes > *meant)
            } else {
                let Some((_, best)) = best else { continue };
                (best / own, best / own < *meant)
            };
            if below {
                let best = best.map_or("", |(row, _)| row.name);
                println!("| {} | {column} | {reached:.2} | {meant} | {best} |", list.list);
            }
        }
    }
    println!();
}
