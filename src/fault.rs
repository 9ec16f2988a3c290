//! What is wrong with a text, all of it, each fault with its place.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Display, Write};

use crate::error::room;
use crate::text::ErrorKind;

/// The longest line of a policy text or a list, in bytes without its end.
pub const MAX_LINE: usize = 64 * 1024;

/// The largest text, in bytes, after decompression.
pub const MAX_INPUT: usize = 1 << 30;

/// How many faults are kept; the rest are counted.
const KEPT: usize = 100;

/// A place in a text. Lines and columns count from 1, in bytes; 0 means that there is no place. Offsets count from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) offset: usize,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

impl Place {
    /// The place `bytes` further on in the same line.
    pub(crate) fn right(self, bytes: usize) -> Self {
        let columns = u32::try_from(bytes).unwrap_or(u32::MAX);
        Self { offset: self.offset + bytes, line: self.line, column: self.column.saturating_add(columns) }
    }
}

/// One fault of a text: where, what was found, what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    place: Place,
    kind: FaultKind,
    message: Cow<'static, str>,
}

impl Fault {
    /// The line, from 1; 0 if the fault has no place.
    #[must_use]
    pub fn line(&self) -> u32 {
        self.place.line
    }

    /// The column, from 1, in bytes; 0 if the fault has no place.
    #[must_use]
    pub fn column(&self) -> u32 {
        self.place.column
    }

    /// The offset from the start of the text, in bytes.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.place.offset
    }

    /// What kind of fault it is.
    #[must_use]
    pub fn kind(&self) -> FaultKind {
        self.kind
    }

    /// One line of printable text: what was found and what was expected.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

/// `line 3, column 7: message`
impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place.line > 0 {
            write!(f, "line {}, column {}: ", self.place.line, self.place.column)?;
        }
        f.write_str(&self.message)
    }
}

/// The kinds of fault a policy or a list can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultKind {
    /// An address, network or range that is none.
    Text(ErrorKind),
    /// Bytes that are not UTF-8, or a control character.
    Encoding,
    /// A line, or the whole text, beyond its limit.
    Limit,
    /// A statement that is none: an unknown word, one missing, one too many.
    Syntax,
    /// Something given twice that may stand once.
    Repeated,
    /// The name of a set that is none, or a set inside a set.
    SetName,
    /// A set that is used or added to, but never defined.
    UnknownSet,
    /// A priority missing, out of range, or where the precedence has none.
    Priority,
    /// A note that is not one trimmed line without control characters.
    Note,
    /// JSON that is none, or of another shape.
    Json,
    /// Neither a rule nor a default.
    NoRules,
    /// An `expect` that the policy does not meet.
    Expectation,
    /// Memory for the result could not be had.
    OutOfMemory,
}

/// Why a policy or a list could not be read: every fault, in the order of the text, the first hundred with their
/// messages. Nothing of the text was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError(Faults);

impl ReadError {
    /// The faults in the order of the text, at most 100 and at least one.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.0.kept
    }

    /// How many faults there are, those not kept included.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.count
    }
}

/// One fault a line, then how many more there are.
impl Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl core::error::Error for ReadError {}

/// Why a builder made no policy: every fault, as of a text, but without places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildError(pub(crate) Faults);

impl BuildError {
    /// The faults in the order of the calls, at most 100 and at least one.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.0.kept
    }

    /// How many faults there are, those not kept included.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.count
    }
}

impl Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl core::error::Error for BuildError {}

/// Faults as they are found: in order, bounded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Faults {
    kept: Vec<Fault>,
    count: usize,
    /// Memory was wanting: nothing after that says anything about the text.
    exhausted: bool,
}

impl Faults {
    /// Notes a fault. The message is made only if it is kept.
    pub(crate) fn push(&mut self, place: Place, kind: FaultKind, message: impl Display) {
        if self.exhausted {
            return;
        }
        self.count += 1;
        // A reader goes through the text more than once (sets before their uses), so order is made here.
        let at = self.kept.partition_point(|fault| fault.place <= place);
        if at == KEPT {
            return;
        }
        // A message is bounded, and so is their number.
        if room(1024).is_err() {
            return self.out_of_memory(place);
        }
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = write!(text, "{message}");
        self.keep(at, Fault { place, kind, message: text.into() });
    }

    fn keep(&mut self, at: usize, fault: Fault) {
        self.kept.truncate(KEPT - 1);
        if self.kept.try_reserve(1).is_ok() {
            self.kept.insert(at, fault);
        }
    }

    /// Notes text that is no address, network or range.
    pub(crate) fn text(&mut self, place: Place, text: &[u8], kind: ErrorKind) {
        match kind {
            ErrorKind::Empty => self.push(place, FaultKind::Text(kind), kind),
            kind => self.push(place, FaultKind::Text(kind), format_args!("{}: {kind}", Quoted(text))),
        }
    }

    /// Notes that memory was wanting, before everything else, in no more memory than that.
    pub(crate) fn out_of_memory(&mut self, place: Place) {
        if !self.exhausted {
            self.exhausted = true;
            self.count += 1;
            self.keep(0, Fault { place, kind: FaultKind::OutOfMemory, message: "out of memory".into() });
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether there is no point in reading on.
    pub(crate) fn exhausted(&self) -> bool {
        self.exhausted
    }

    /// The value, if there was no fault.
    pub(crate) fn or<T>(self, value: T) -> Result<T, ReadError> {
        if self.is_empty() { Ok(value) } else { Err(ReadError(self)) }
    }
}

impl Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, fault) in self.kept.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{fault}")?;
        }
        match self.count - self.kept.len() {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

/// Text of hostile origin between quotes, printable and cut to a length that fits a message; `nothing` if it is empty.
pub(crate) struct Quoted<'a>(pub(crate) &'a [u8]);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 64;
        if self.0.is_empty() {
            return f.write_str("nothing");
        }
        let mut left = SHOWN;
        f.write_str("`")?;
        // No character has more than four bytes, and one more than is shown tells that there is more.
        for chunk in self.0.get(..4 * (SHOWN + 1)).unwrap_or(self.0).utf8_chunks() {
            for char in chunk.valid().chars() {
                if left == 0 {
                    return f.write_str("…`");
                }
                left -= 1;
                match char {
                    '\'' | '"' => f.write_char(char)?,
                    _ => write!(f, "{}", char.escape_debug())?,
                }
            }
            for byte in chunk.invalid() {
                if left == 0 {
                    return f.write_str("…`");
                }
                left -= 1;
                write!(f, "\\x{byte:02x}")?;
            }
        }
        f.write_str("`")
    }
}

/// One line of a text, without its end.
#[derive(Clone, Copy)]
pub(crate) struct Line<'a> {
    pub(crate) text: &'a [u8],
    /// Where it starts.
    pub(crate) place: Place,
}

/// The lines of a text, CR LF or LF at their ends, a UTF-8 mark at the start skipped.
pub(crate) struct Lines<'a> {
    rest: &'a [u8],
    /// Where the rest starts.
    next: Place,
}

/// The lines of a text that is short enough; a text beyond its limit is a fault and has none.
pub(crate) fn lines<'a>(text: &'a [u8], faults: &mut Faults) -> Lines<'a> {
    let start = if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let mut lines = Lines { rest: &text[start..], next: Place { offset: start, line: 1, column: 1 } };
    if text.len() > MAX_INPUT {
        faults.push(lines.next, FaultKind::Limit, TooLarge(text.len()));
        lines.rest = &[];
    }
    lines
}

impl<'a> Lines<'a> {
    /// What `read` makes of the next line, if that is all of the line and the line has an end; otherwise the line is
    /// still to come. `read` is given more than the line, and gives the length of what it has read.
    #[inline]
    pub(crate) fn next_if<T>(&mut self, read: impl FnOnce(&'a [u8]) -> Option<(T, usize)>) -> Option<T> {
        let (value, len) = read(self.rest)?;
        let end = match self.rest.get(len..)? {
            [b'\n', ..] => 1,
            [b'\r', b'\n', ..] => 2,
            _ => return None,
        };
        self.pass(len + end);
        Some(value)
    }

    /// Where the next line starts.
    pub(crate) fn place(&self) -> Place {
        self.next
    }

    #[inline]
    fn pass(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes..];
        self.next = Place { offset: self.next.offset + bytes, line: self.next.line.saturating_add(1), column: 1 };
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let place = self.next;
        let end = self.rest.iter().position(|byte| *byte == b'\n');
        let line = &self.rest[..end.unwrap_or(self.rest.len())];
        self.pass(end.map_or(self.rest.len(), |end| end + 1));
        Some(Line { text: line.strip_suffix(b"\r").unwrap_or(line), place })
    }
}

impl Line<'_> {
    /// Whether the line keeps to its limit; if not, that is noted.
    pub(crate) fn fits(&self, faults: &mut Faults) -> bool {
        let fits = self.text.len() <= MAX_LINE;
        if !fits {
            faults.push(
                self.place.right(MAX_LINE),
                FaultKind::Limit,
                format_args!("a line has at most {MAX_LINE} bytes"),
            );
        }
        fits
    }
}

/// Says how large a text is and may be.
pub(crate) struct TooLarge(pub(crate) usize);

impl Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the text has {} bytes, the most is {MAX_INPUT}", self.0)
    }
}
