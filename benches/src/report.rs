//! The tables of look-ups.

use crate::lookups::{BUILD, BYTES, COLD, COLUMNS, Measured, column};
use crate::peer::Kind;

/// The columns that were measured, in their order.
fn columns(lists: &[Measured]) -> Vec<String> {
    let all = COLUMNS.into_iter().map(column).chain([COLD, BUILD].map(str::to_owned));
    all.filter(|column| lists.iter().any(|list| list.rows.iter().any(|row| row.times.contains_key(column)))).collect()
}

/// The unit of a column is nanoseconds a look-up, that of builds is of its own for each list.
fn time(column: &str, nanoseconds: f64) -> String {
    match nanoseconds {
        _ if column != BUILD => digits(nanoseconds),
        ..1e3 => format!("{} ns", digits(nanoseconds)),
        ..1e6 => format!("{} us", digits(nanoseconds / 1e3)),
        _ => format!("{} ms", digits(nanoseconds / 1e6)),
    }
}

/// Three digits, as many as are worth reading.
pub(crate) fn digits(figure: f64) -> String {
    match figure {
        ..9.995 => format!("{figure:.2}"),
        ..99.95 => format!("{figure:.1}"),
        _ => format!("{figure:.0}"),
    }
}

/// Ours in each cell, and how many times as much the best peer takes.
pub(crate) fn against_best(lists: &[Measured], kind: Kind) {
    let there = |list: &Measured| list.rows.iter().any(|row| row.kind == kind && row.left_out.is_none());
    if kind == Kind::Dpdk {
        println!("### Ours, and the best of DPDK");
        println!();
        if !lists.iter().any(there) {
            let rows = lists.iter().flat_map(|list| &list.rows).filter(|row| row.kind == kind);
            let reason = rows.filter_map(|row| row.left_out.as_deref()).next().unwrap_or("not asked for");
            println!("LEFT OUT: DPDK: {reason}");
            println!();
            return;
        }
    } else {
        println!("### Ours, and the best peer");
        println!();
    }
    let columns = columns(lists);
    println!("| list | networks | {} | bytes a network |", columns.join(" | "));
    println!("| --- | --: |{} --: |", " --: |".repeat(columns.len()));
    for list in lists {
        let Some(ours) = list.ours() else { continue };
        let cells = columns.iter().map(|column| {
            let Some(own) = ours.figure(column) else { return String::new() };
            let best = list.best(kind, column).map(|(row, best)| format!(" ({} {})", digits(best / own), row.name));
            format!("{}{}", time(column, own), best.unwrap_or_default())
        });
        let cells: Vec<_> = cells.collect();
        let bytes = ours.bytes as f64;
        let best = list.best(kind, BYTES).map(|(row, best)| format!(" ({} {})", digits(best / bytes), row.name));
        let bytes = format!("{}{}", digits(bytes / list.networks as f64), best.unwrap_or_default());
        println!("| {} | {} | {} | {bytes} |", list.list, list.networks, cells.join(" | "));
    }
    println!();
}

/// What ours takes on the heap.
pub(crate) fn bytes(lists: &[Measured]) {
    println!("### Bytes a network");
    println!();
    println!("| list | networks | index | with edges | with owners |");
    println!("| --- | --: | --: | --: | --: |");
    for list in lists {
        let cells = list.bytes.map(|bytes| digits(bytes as f64 / list.networks as f64));
        println!("| {} | {} | {} |", list.list, list.networks, cells.join(" | "));
    }
    println!();
}

/// Who was wrong, and how often.
pub(crate) fn wrong(lists: &[Measured]) {
    println!("### Wrong answers");
    println!();
    println!("| structure | wrong | answers checked | lists |");
    println!("| --- | --: | --: | --- |");
    let mut names: Vec<_> = lists.iter().flat_map(|list| &list.rows).map(|row| row.name).collect();
    let mut seen = Vec::new();
    names.retain(|name| !seen.contains(name) && (seen.push(name), true).1);
    for name in names {
        let of = |list| Measured::row(list, name);
        let sum = |what: fn(&crate::lookups::Row) -> usize| lists.iter().filter_map(of).map(what).sum::<usize>();
        let where_wrong = lists.iter().filter(|list| of(list).is_some_and(|row| row.wrong > 0));
        let where_wrong: Vec<_> = where_wrong.map(|list| &*list.list).collect();
        println!("| {name} | {} | {} | {} |", sum(|row| row.wrong), sum(|row| row.checked), where_wrong.join(", "));
    }
    println!();
}

/// Every structure in every cell: median and fastest.
pub(crate) fn all(lists: &[Measured]) {
    let columns = columns(lists);
    for list in lists {
        println!("### {}: {} networks", list.list, list.networks);
        println!();
        println!("| structure | {} | bytes a network | wrong |", columns.join(" | "));
        println!("| --- |{} --: | --: |", " --: |".repeat(columns.len()));
        for row in &list.rows {
            if row.left_out.is_some() {
                continue;
            }
            let cells = columns.iter().map(|column| match row.times.get(column) {
                Some(times) => format!("{} ({})", time(column, times.median), time(column, times.fastest)),
                None => String::new(),
            });
            let cells: Vec<_> = cells.collect();
            let bytes = digits(row.bytes as f64 / list.networks as f64);
            println!("| {} | {} | {bytes} | {} |", row.name, cells.join(" | "), row.wrong);
        }
        println!();
        for row in &list.rows {
            if let Some(reason) = &row.left_out {
                println!("LEFT OUT: {}: {reason}", row.name);
                println!();
            }
        }
    }
}
