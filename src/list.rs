//! Plain lists: one address, network or range a line, read as a set.

use alloc::vec::Vec;
use core::str::FromStr;

use ipnet::IpNet;

use crate::error::OutOfMemory;
use crate::fault::{FaultKind, Faults, Line, Place, ReadError, lines};
use crate::finding::{Finding, What};
use crate::range::Span;
use crate::set::{CidrSet, Collector};
use crate::text::{self, Entry, ErrorKind};

/// Reads plain lists.
///
/// A line holds one address, network or range, blanks around it and around a range's dash, and a comment after `#` or
/// `;`; or it is `range , 0 , text`, as in ipfilter.dat. Lines without an entry are skipped. Lines end with LF or
/// CR LF; a UTF-8 mark at the start is skipped. Comments are not judged, but a NUL byte is a fault anywhere.
///
/// A list with any fault gives no set.
///
/// ```
/// use cidrgate::ListReader;
/// let list = ListReader::new().lenient(true).read("# office\n192.0.2.7/24\n198.51.100.1 - 198.51.100.9 ; guests\n")?;
/// assert_eq!(list.entries(), 2);
/// assert_eq!(list.warnings()[0].to_string(), "host bits were cleared: 192.0.2.7/24 is read as 192.0.2.0/24");
/// # Ok::<(), cidrgate::ReadError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ListReader {
    lenient: bool,
}

/// A list that was read.
#[derive(Clone, Debug, Default)]
pub struct List {
    set: CidrSet,
    entries: usize,
    warnings: Vec<Finding>,
}

impl List {
    /// What was a list elsewhere.
    #[cfg(feature = "json")]
    pub(crate) fn new(ranges: &[crate::range::IpRange]) -> Result<Self, OutOfMemory> {
        let set = CidrSet::try_from_ranges(ranges.iter().copied())?;
        Ok(Self { set, entries: ranges.len(), warnings: Vec::new() })
    }

    /// The addresses of all entries.
    #[must_use]
    pub fn set(&self) -> &CidrSet {
        &self.set
    }

    /// The addresses of all entries, the rest let go.
    #[must_use]
    pub fn into_set(self) -> CidrSet {
        self.set
    }

    /// How many entries there were, repetitions counted. A list may well have none.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.entries
    }

    /// Host bits that were cleared, and mapped networks that mean more or less than they seem to.
    #[must_use]
    pub fn warnings(&self) -> &[Finding] {
        &self.warnings
    }
}

impl ListReader {
    /// A strict reader.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether host bits (`172.0.0.10/16`) are cleared with a warning instead of being a fault.
    #[must_use]
    pub fn lenient(mut self, lenient: bool) -> Self {
        self.lenient = lenient;
        self
    }

    /// Reads a list: n log n in its entries, memory after what it covers.
    ///
    /// # Errors
    /// If any line is at fault: an entry that is none, a NUL byte, a line above [`MAX_LINE`](crate::MAX_LINE), a text
    /// above [`MAX_INPUT`](crate::MAX_INPUT); or if memory cannot be had.
    pub fn read(&self, text: impl AsRef<[u8]>) -> Result<List, ReadError> {
        let mut faults = Faults::default();
        let mut collector = Collector::default();
        let mut list = List::default();
        let mut lines = lines(text.as_ref(), &mut faults);
        loop {
            let start = lines.place();
            let read = match lines.next_if(text::usual) {
                Some(range) => {
                    list.entries += 1;
                    collector.push(range)
                }
                None => match lines.next() {
                    Some(line) => self.line(line, &mut list, &mut collector, &mut faults),
                    None => break,
                },
            };
            if let Err(OutOfMemory) = read {
                faults.out_of_memory(start);
                break;
            }
        }
        if faults.is_empty() {
            list.set = collector.finish().unwrap_or_else(|OutOfMemory| {
                faults.out_of_memory(Place::default());
                CidrSet::new()
            });
        }
        faults.or(list)
    }

    /// Takes what a line holds, if it is an entry, or notes why it is none.
    fn line(
        &self,
        line: Line<'_>,
        list: &mut List,
        collector: &mut Collector,
        faults: &mut Faults,
    ) -> Result<(), OutOfMemory> {
        if !line.fits(faults) {
            return Ok(());
        }
        if let Some(at) = line.text.iter().position(|byte| *byte == 0) {
            faults.push(line.place.right(at), FaultKind::Encoding, "a NUL byte; a list is text in UTF-8");
            return Ok(());
        }
        let end = line.text.iter().position(|byte| matches!(byte, b'#' | b';')).unwrap_or(line.text.len());
        let (entry, start) = trimmed(&line.text[..end], 0);
        if entry.is_empty() {
            return Ok(());
        }
        let place = line.place.right(start);
        let Ok(read) = self.entry(entry, place, faults) else { return Ok(()) };
        list.entries += 1;
        for what in warnings(read, entry).into_iter().flatten() {
            list.warnings.try_reserve(1)?;
            list.warnings.push(Finding { place, rule: None, what });
        }
        collector.push(read.range)
    }

    /// Reads `entry` or `range , 0 , text`.
    fn entry(&self, whole: &[u8], place: Place, faults: &mut Faults) -> Result<Entry, Refused> {
        let (text, rest) = match whole.iter().position(|byte| *byte == b',') {
            Some(comma) => (trimmed(&whole[..comma], 0).0, Some(comma + 1)),
            None => (whole, None),
        };
        let entry = match dash(text) {
            Some((left, right)) => text::ends(text, left, right).map(|range| Entry { range, cleared: None }),
            None => text::entry(text),
        };
        let entry = match entry {
            Ok(Entry { cleared: Some(kind), .. }) if !self.lenient => {
                faults.text(place, text, kind);
                return Err(Refused);
            }
            Ok(entry) => entry,
            Err(error) => {
                faults.text(place.right(error.offset()), text, error.kind());
                return Err(Refused);
            }
        };
        if let Some(at) = rest {
            let level = whole[at..].split(|byte| *byte == b',').next().unwrap_or_default();
            let (level, blanks) = trimmed(level, 0);
            if level != b"0" || dash(text).is_none() {
                faults.push(
                    place.right(at + blanks),
                    FaultKind::Syntax,
                    "one entry a line; after a comma only the form `range , 0 , text` is read",
                );
                return Err(Refused);
            }
        }
        Ok(entry)
    }
}

/// The fault was noted.
struct Refused;

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// The text without blanks around it, and where it starts, counted from `start`.
fn trimmed(text: &[u8], start: usize) -> (&[u8], usize) {
    let before = text.iter().take_while(|byte| is_blank(**byte)).count();
    let after = text[before..].iter().rev().take_while(|byte| is_blank(**byte)).count();
    (&text[before..text.len() - after], start + before)
}

/// The two ends of a range, blanks round the dash left out; `None` where nothing looks like a range.
fn dash(text: &[u8]) -> Option<((usize, usize), (usize, usize))> {
    let dash = text.iter().position(|byte| *byte == b'-')?;
    let (left, _) = trimmed(&text[..dash], 0);
    let (right, start) = trimmed(&text[dash + 1..], dash + 1);
    text::is_numeric(left).then_some(((0, left.len()), (start, start + right.len())))
}

/// What to say of an entry that was taken.
pub(crate) fn warnings(entry: Entry, text: &[u8]) -> [Option<What>; 2] {
    let host_bits = entry.cleared.map(What::HostBits);
    let mapped = match entry.range.0 {
        Span::V4(0, u32::MAX) if text.contains(&b':') => Some(What::AllOfV4),
        _ => mapped_prefix(entry).map(What::MappedPrefix),
    };
    [host_bits, mapped]
}

/// The network, if it looks mapped and is not.
fn mapped_prefix(entry: Entry) -> Option<IpNet> {
    let net = entry.range.network()?;
    let written_mapped = matches!(entry.cleared, Some(ErrorKind::HostBits { host, .. }) if host.addr().is_ipv4());
    is_mapped_looking(net, written_mapped).then_some(net)
}

/// Whether an IPv6 network of less than 96 bits holds the mapped block and reads as if it were meant: it begins inside
/// the last 80 to 95 bits of it, or was written with a mapped address.
pub(crate) fn is_mapped_looking(net: IpNet, written_mapped: bool) -> bool {
    let IpNet::V6(net) = net else { return false };
    let block = core::net::Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0);
    net.prefix_len() < 96 && net.contains(&block) && (written_mapped || net.prefix_len() > 80)
}

impl CidrSet {
    /// Reads a plain list strictly, as [`ListReader`] does.
    ///
    /// # Errors
    /// As [`ListReader::read`].
    pub fn read(text: impl AsRef<[u8]>) -> Result<Self, ReadError> {
        ListReader::new().read(text).map(List::into_set)
    }
}

/// A plain list, read strictly.
impl FromStr for CidrSet {
    type Err = ReadError;

    fn from_str(text: &str) -> Result<Self, ReadError> {
        Self::read(text)
    }
}
