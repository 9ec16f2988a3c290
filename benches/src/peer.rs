//! What is compared: [`Peer`], a structure that says whether an address is in a list of networks, and the loops in which
//! it is asked.

use std::hint::black_box;

use serde::Serialize;

use crate::word::Word;

/// A structure under measure. An adapter calls what its crate offers to a user who has networks and a `std::net` address,
/// and nothing else.
pub(crate) trait Peer<W: Word>: Sized + 'static {
    /// Whether [`batch`](Self::batch) is more than one call after another.
    const BATCH: bool = false;

    /// From networks in any order, some within others.
    fn build(networks: &[W::Net]) -> Result<Self, String>;

    /// Whether a network holds the address.
    fn allows(&self, addr: W::Addr) -> bool;

    /// The same of many addresses.
    fn batch(&self, _addrs: &[W::Octets], _allowed: &mut [bool]) {}
}

/// Addresses that are asked about, in the forms in which they are.
pub(crate) struct Asked<W: Word> {
    pub(crate) addrs: Vec<W::Addr>,
    pub(crate) octets: Vec<W::Octets>,
}

impl<W: Word> Asked<W> {
    pub(crate) fn new(addrs: Vec<W::Addr>) -> Self {
        let octets = addrs.iter().map(|addr| W::of(*addr).octets()).collect();
        Self { addrs, octets }
    }
}

/// Addresses in one call of a batch.
const BATCH: usize = 256;

/// How a structure is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loop {
    /// Look-ups that do not wait for one another: throughput.
    Tp,
    /// Each address depends on the last answer: latency. Who branches inside lets the processor guess the answer.
    Lat,
    /// As `lat`, and the answer is branched on, as in `if allows(addr)`: nobody can do without the guess.
    Br,
    /// Many addresses a call.
    Batch,
}

impl Loop {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tp => "tp",
            Self::Lat => "lat",
            Self::Br => "br",
            Self::Batch => "batch",
        }
    }
}

/// A structure whose type is forgotten.
pub(crate) trait Subject<W: Word> {
    /// The number of addresses allowed; 0 of a batch, which only fills places.
    fn run(&self, how: Loop, asked: &Asked<W>) -> usize;
    fn allows(&self, addr: W::Addr) -> bool;
    fn batch(&self, asked: &Asked<W>) -> Option<Vec<bool>>;
    /// The bytes that it takes where the heap's counter does not see them.
    fn elsewhere(&self) -> usize {
        0
    }
}

/// A peer with the loops compiled for it.
struct Compiled<P>(P);

impl<W: Word, P: Peer<W>> Subject<W> for Compiled<P> {
    fn run(&self, how: Loop, asked: &Asked<W>) -> usize {
        match how {
            Loop::Tp => tp(&self.0, &asked.addrs),
            Loop::Lat => lat(&self.0, &asked.addrs),
            Loop::Br => br(&self.0, &asked.addrs),
            Loop::Batch => batches(&self.0, &asked.octets),
        }
    }

    #[inline(never)]
    fn allows(&self, addr: W::Addr) -> bool {
        self.0.allows(addr)
    }

    fn batch(&self, asked: &Asked<W>) -> Option<Vec<bool>> {
        let mut allowed = vec![false; asked.octets.len()];
        P::BATCH.then(|| self.0.batch(&asked.octets, &mut allowed))?;
        Some(allowed)
    }
}

#[inline(never)]
fn tp<W: Word, P: Peer<W>>(peer: &P, addrs: &[W::Addr]) -> usize {
    addrs.iter().filter(|addr| peer.allows(**addr)).count()
}

#[inline(never)]
fn lat<W: Word, P: Peer<W>>(peer: &P, addrs: &[W::Addr]) -> usize {
    let zero = black_box(W::ZERO);
    let (mut last, mut count) = (false, 0);
    for addr in addrs {
        // Nothing changes, but the processor must wait to know.
        last = peer.allows((W::of(*addr) ^ W::from(last) & zero).addr());
        count += usize::from(last);
    }
    count
}

#[inline(never)]
fn br<W: Word, P: Peer<W>>(peer: &P, addrs: &[W::Addr]) -> usize {
    let zero = black_box(W::ZERO);
    let (mut last, mut count) = (zero, 0);
    for addr in addrs {
        if peer.allows((W::of(*addr) ^ last).addr()) {
            // What cannot be done without need must be branched around.
            count += black_box(1);
            last = zero;
        } else {
            last = zero & W::of(*addr);
        }
    }
    count
}

#[inline(never)]
fn batches<W: Word, P: Peer<W>>(peer: &P, octets: &[W::Octets]) -> usize {
    let mut allowed = [false; BATCH];
    for octets in octets.chunks(BATCH) {
        peer.batch(octets, &mut allowed[..octets.len()]);
        black_box(&allowed);
    }
    0
}

/// A structure made from networks.
pub(crate) type Built<W> = Result<Box<dyn Subject<W>>, String>;

/// Who is compared with whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Ours,
    Peer,
    /// To set the others in proportion; the best peer is never one of these.
    Reference,
    /// Tables in C, of some tens of megabytes each. Compared on their own.
    Dpdk,
}

/// How to make a peer, and how it is called.
pub(crate) struct Entry<W: Word> {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) batch: bool,
    /// It is left out of longer lists: it would take too long to build or to ask.
    pub(crate) most: usize,
    pub(crate) build: fn(&[W::Net]) -> Built<W>,
}

impl<W: Word> Entry<W> {
    pub(crate) fn new<P: Peer<W>>(name: &'static str) -> Self {
        let build = |networks: &[W::Net]| -> Built<W> { Ok(Box::new(Compiled(P::build(networks)?))) };
        Self { name, kind: Kind::Peer, batch: P::BATCH, most: usize::MAX, build }
    }

    pub(crate) fn ours<P: Peer<W>>(name: &'static str) -> Self {
        Self { kind: Kind::Ours, ..Self::new::<P>(name) }
    }

    pub(crate) fn reference<P: Peer<W>>(name: &'static str) -> Self {
        Self { kind: Kind::Reference, ..Self::new::<P>(name) }
    }

    pub(crate) fn up_to(self, most: usize) -> Self {
        Self { most, ..self }
    }
}
