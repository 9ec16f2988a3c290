//! DPDK's tables, through a shared object of our own (`benches/c/dpdk.c`), where `make bench` could build it.
#![expect(unsafe_code, reason = "calls of C; benches/c/dpdk.c is the other side of each")]

use std::collections::HashSet;
use std::ffi::c_void;
use std::path::Path;
use std::ptr::{self, NonNull};
use std::sync::OnceLock;

use cidrgate::CidrSet;
use libloading::Library;

use crate::peer::{Asked, Built, Entry, Kind, Loop, Subject};
use crate::word::Word;

type New = unsafe extern "C" fn(u32, *const Network, usize, u32) -> *mut c_void;
type Free = unsafe extern "C" fn(*mut c_void);
type Bytes = unsafe extern "C" fn(*const c_void) -> usize;
type Run = unsafe extern "C" fn(*const c_void, u32, *const u8, usize, *mut u8) -> usize;

struct Calls {
    new: New,
    free: Free,
    bytes: Bytes,
    run: Run,
    /// They are valid as long as it is open.
    _library: Library,
}

#[repr(C)]
struct Network {
    octets: [u8; 16],
    len: u8,
}

/// Which table, by its number in C.
const LPM: u32 = 0;
const FIB: u32 = 1;
const FIB_512: u32 = 2;
const LPM6: u32 = 3;
const FIB6: u32 = 4;
const FIB6_512: u32 = 5;

/// `rte_lpm_add` looks through all networks of a length.
const LPM_MOST: usize = 50_000;

pub(super) fn v4() -> [Entry<u32>; 3] {
    [entry::<u32, LPM>("rte_lpm").up_to(LPM_MOST), entry::<u32, FIB>("rte_fib"), entry::<u32, FIB_512>("rte_fib 512")]
}

pub(super) fn v6() -> [Entry<u128>; 3] {
    [entry::<u128, LPM6>("rte_lpm6"), entry::<u128, FIB6>("rte_fib6"), entry::<u128, FIB6_512>("rte_fib6 512")]
}

fn entry<W: Word, const TABLE: u32>(name: &'static str) -> Entry<W> {
    Entry { name, kind: Kind::Dpdk, batch: true, most: usize::MAX, build: build::<W, TABLE> }
}

/// The shared object, opened once, or why there is none.
fn calls() -> Result<&'static Calls, String> {
    static CALLS: OnceLock<Result<Calls, String>> = OnceLock::new();
    let open = || {
        let path = std::env::var_os("CIDRGATE_DPDK").filter(|path| Path::new(path).exists());
        let path = path.ok_or("libdpdk-dev is not here, or this was not started by `make bench`")?;
        let open = || {
            // SAFETY: the object has no initialisers of its own, those of DPDK register its parts only, and the types
            // are those of the definitions in benches/c/dpdk.c.
            unsafe {
                let library = Library::new(path)?;
                let init = library.get::<unsafe extern "C" fn() -> i32>(b"dpdk_init")?;
                let started = init() >= 0;
                let calls = Calls {
                    new: *library.get(b"dpdk_new")?,
                    free: *library.get(b"dpdk_free")?,
                    bytes: *library.get(b"dpdk_bytes")?,
                    run: *library.get(b"dpdk_run")?,
                    _library: library,
                };
                Ok((started, calls))
            }
        };
        let (started, calls) = open().map_err(|error: libloading::Error| error.to_string())?;
        if started { Ok(calls) } else { Err("DPDK does not start here".to_owned()) }
    };
    CALLS.get_or_init(open).as_ref().map_err(Clone::clone)
}

struct Table {
    calls: &'static Calls,
    of: NonNull<c_void>,
}

impl Drop for Table {
    fn drop(&mut self) {
        // SAFETY: `dpdk_new` made it, and nothing uses it any more.
        unsafe { (self.calls.free)(self.of.as_ptr()) }
    }
}

/// From the smallest list of the same addresses, which is what serves these tables best.
fn build<W: Word, const TABLE: u32>(networks: &[W::Net]) -> Built<W> {
    let calls = calls()?;
    let set: CidrSet = networks.iter().copied().collect();
    let networks: Vec<_> = set.networks().filter_map(W::own).map(W::parts).collect();
    // A table of 256 entries for each 24, 32, 40... bits that some network goes beyond.
    let steps = (24..W::BITS as u8).step_by(8);
    let beyond = steps.flat_map(|step| {
        networks.iter().filter(move |(_, len)| *len > step).map(move |(first, _)| (step, *first & !W::host(step)))
    });
    let parts = beyond.collect::<HashSet<_>>().len();
    let parts = u32::try_from(parts).map_err(|error| error.to_string())?;
    let networks: Vec<_> = networks
        .into_iter()
        .map(|(first, len)| {
            let mut octets = [0; 16];
            let own = first.octets();
            octets.iter_mut().zip(W::bytes(&own)).for_each(|(to, from)| *to = *from);
            Network { octets, len }
        })
        .collect();
    // SAFETY: so many networks are there; they are read and not kept.
    let of = unsafe { (calls.new)(TABLE, networks.as_ptr(), networks.len(), parts) };
    let of = NonNull::new(of).ok_or("DPDK cannot make this table here")?;
    Ok(Box::new(Table { calls, of }))
}

impl Table {
    fn ask<W: Word>(&self, how: u32, octets: &[W::Octets], all: *mut u8) -> usize {
        // SAFETY: the table lives, so many addresses of its family are there, and `all` is null or has as many places.
        unsafe { (self.calls.run)(self.of.as_ptr(), how, octets.as_ptr().cast(), octets.len(), all) }
    }
}

const BATCH: u32 = 3;

impl<W: Word> Subject<W> for Table {
    fn run(&self, how: Loop, asked: &Asked<W>) -> usize {
        let how = match how {
            Loop::Tp => 0,
            Loop::Lat => 1,
            Loop::Br => 2,
            Loop::Batch => BATCH,
        };
        self.ask::<W>(how, &asked.octets, ptr::null_mut())
    }

    fn allows(&self, addr: W::Addr) -> bool {
        self.ask::<W>(0, &[W::of(addr).octets()], ptr::null_mut()) == 1
    }

    fn batch(&self, asked: &Asked<W>) -> Option<Vec<bool>> {
        let mut all = vec![0; asked.octets.len()];
        self.ask::<W>(BATCH, &asked.octets, all.as_mut_ptr());
        Some(all.into_iter().map(|allowed| allowed != 0).collect())
    }

    fn elsewhere(&self) -> usize {
        // SAFETY: the table lives.
        unsafe { (self.calls.bytes)(self.of.as_ptr()) }
    }
}
