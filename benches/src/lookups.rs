//! One list after another: every structure built from it, checked, and asked in every way.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::lists::{List, Queries};
use crate::measure::{Evict, Task, Times, in_turn, making, task};
use crate::options::Options;
use crate::peer::{Asked, Entry, Kind, Loop, Subject};
use crate::word::Word;
use crate::{HEAP, oracle, peers};

/// What is measured of look-ups, in the order of the columns.
pub(crate) const COLUMNS: [(Loop, Queries); 13] = [
    (Loop::Tp, Queries::Uniform),
    (Loop::Tp, Queries::Hits),
    (Loop::Tp, Queries::Mix),
    (Loop::Tp, Queries::Mix20),
    (Loop::Lat, Queries::Hits),
    (Loop::Lat, Queries::Mix),
    (Loop::Lat, Queries::Mix20),
    (Loop::Br, Queries::Hits),
    (Loop::Br, Queries::Mix),
    (Loop::Br, Queries::Mix20),
    (Loop::Batch, Queries::Hits),
    (Loop::Batch, Queries::Mix),
    (Loop::Batch, Queries::Mix20),
];

pub(crate) fn column((how, queries): (Loop, Queries)) -> String {
    format!("{} {}", how.name(), queries.name())
}

pub(crate) const COLD: &str = "cold";
pub(crate) const BUILD: &str = "build";
pub(crate) const BYTES: &str = "bytes";

/// One list.
#[derive(Serialize)]
pub(crate) struct Measured {
    pub(crate) list: String,
    pub(crate) networks: usize,
    pub(crate) rows: Vec<Row>,
    /// Of ours: the index that `allows` reads, with the edges, and with the owners as well; on the heap.
    pub(crate) bytes: [usize; 3],
}

/// One structure on it.
#[derive(Serialize)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// Why there is no more to say about it.
    pub(crate) left_out: Option<String>,
    pub(crate) wrong: usize,
    pub(crate) checked: usize,
    /// On the heap.
    pub(crate) bytes: usize,
    /// Nanoseconds, by column.
    pub(crate) times: BTreeMap<String, Times>,
    /// Whether it is judged by its fastest runs.
    #[serde(skip)]
    fastest: bool,
}

impl Row {
    /// What it takes, in nanoseconds; in `bytes`, in bytes.
    pub(crate) fn figure(&self, column: &str) -> Option<f64> {
        if self.left_out.is_some() {
            return None;
        }
        if column == BYTES {
            return Some(self.bytes as f64);
        }
        let times = self.times.get(column).or_else(|| {
            // Who has no call for many addresses is called once for each.
            self.times.get(&column.replace("batch", "tp")).filter(|_| column.starts_with("batch"))
        });
        times.map(|times| if self.fastest { times.fastest } else { times.median })
    }
}

impl Measured {
    pub(crate) fn ours(&self) -> Option<&Row> {
        self.rows.iter().find(|row| row.kind == Kind::Ours && row.left_out.is_none())
    }

    pub(crate) fn row(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.name == name)
    }

    /// The best peer of a kind that is never wrong, and its figure.
    pub(crate) fn best(&self, kind: Kind, column: &str) -> Option<(&Row, f64)> {
        let peers = self.rows.iter().filter(|row| row.kind == kind && row.wrong == 0);
        let figures = peers.filter_map(|row| Some((row, row.figure(column)?)));
        figures.min_by(|a, b| a.1.total_cmp(&b.1))
    }
}

/// A structure, its entry, and its place among the rows.
type Made<'a, W> = (usize, &'a Entry<W>, Box<dyn Subject<W>>);

/// Measures everything that `options` ask for on this list.
pub(crate) fn measure<W: Word>(list: &List<W>, entries: &[Entry<W>], options: &Options) -> Measured {
    eprintln!("{}: {} networks", list.name, list.networks.len());
    let mut rows = Vec::new();
    let mut subjects: Vec<Made<'_, W>> = Vec::new();
    for entry in entries.iter().filter(|entry| options.peer(entry.name)) {
        let before = HEAP.allocated();
        let built = if list.networks.len() > entry.most {
            Err(format!("left out of lists of more than {} networks", entry.most))
        } else {
            (entry.build)(&list.networks)
        };
        let mut bytes = HEAP.allocated().saturating_sub(before);
        let left_out = match built {
            Ok(subject) => {
                bytes += subject.elsewhere();
                subjects.push((rows.len(), entry, subject));
                None
            }
            Err(reason) => Some(reason),
        };
        rows.push(Row {
            name: entry.name,
            kind: entry.kind,
            left_out,
            wrong: 0,
            checked: 0,
            bytes,
            times: BTreeMap::new(),
            fastest: options.fastest,
        });
    }
    let bytes = sizes(list);
    if let Some(row) = rows.iter_mut().find(|row| row.kind == Kind::Ours) {
        row.bytes = bytes[0];
    }

    check(list, &subjects, &mut rows, options);
    for queries in Queries::ALL {
        let columns: Vec<_> =
            COLUMNS.into_iter().filter(|of| of.1 == queries && options.column(&column(*of))).collect();
        if columns.is_empty() {
            continue;
        }
        let asked = Asked::new(list.queries(queries, options.queries(queries)));
        for of in columns {
            let able: Vec<_> = subjects.iter().filter(|(_, entry, _)| of.0 != Loop::Batch || entry.batch).collect();
            let mut tasks: Vec<Task<'_>> =
                able.iter().map(|(_, _, subject)| task(|| subject.run(of.0, &asked))).collect();
            let times = in_turn(options.runs, &mut tasks);
            for ((row, ..), times) in able.iter().zip(times) {
                rows[*row].times.insert(column(of), times.scaled(1.0 / asked.addrs.len() as f64));
            }
        }
    }
    if options.column(COLD) {
        let addrs = list.queries(Queries::Mix, options.cold);
        let calls: Vec<_> = subjects.iter().map(|(_, _, subject)| |at: usize| subject.allows(addrs[at])).collect();
        let calls: Vec<&dyn Fn(usize) -> bool> = calls.iter().map(|call| call as _).collect();
        let times = Evict::new().cold(options.cold, &calls);
        for ((row, ..), times) in subjects.iter().zip(times) {
            rows[*row].times.insert(COLD.to_owned(), times);
        }
    }
    if options.column(BUILD) {
        let able: Vec<_> = subjects
            .iter()
            .filter(|(_, entry, _)| entry.kind != Kind::Dpdk)
            .map(|(row, entry, _)| (*row, entry.build))
            .collect();
        // Room for the next.
        drop(subjects);
        let mut tasks: Vec<Task<'_>> =
            able.iter().map(|(_, build)| making(move || build(&list.networks).map_err(drop))).collect();
        for ((row, _), times) in able.iter().zip(in_turn(options.runs, &mut tasks)) {
            rows[*row].times.insert(BUILD.to_owned(), times);
        }
    }
    Measured { list: list.name.clone(), networks: list.networks.len(), rows, bytes }
}

/// Counts what each answers otherwise than the oracle.
fn check<W: Word>(list: &List<W>, subjects: &[Made<'_, W>], rows: &mut [Row], options: &Options) {
    let sets = Queries::ALL.map(|queries| list.queries(queries, options.queries(queries)));
    for addrs in sets.into_iter().chain([list.edges(1 << 20)]) {
        let right = oracle::answers::<W>(&list.networks, &addrs);
        let asked = Asked::new(addrs);
        for (row, _, subject) in subjects {
            let wrong = asked.addrs.iter().zip(&right).filter(|(addr, right)| subject.allows(**addr) != **right);
            rows[*row].wrong += wrong.count();
            let batch = subject.batch(&asked).unwrap_or_default();
            rows[*row].wrong += batch.iter().zip(&right).filter(|(batch, right)| batch != right).count();
            rows[*row].checked += asked.addrs.len();
        }
    }
}

fn sizes<W: Word>(list: &List<W>) -> [usize; 3] {
    let policy = peers::policy(&list.networks).expect("a policy");
    let mut sizes = [0; 3];
    for owners in [false, true] {
        let before = HEAP.allocated();
        let matcher = if owners { policy.compile() } else { policy.compile_verdicts_only() }.expect("a matcher");
        sizes[0] = matcher.index_bytes();
        sizes[1 + usize::from(owners)] = HEAP.allocated().saturating_sub(before);
    }
    sizes
}
