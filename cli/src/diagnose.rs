//! What is said on standard error, in one form: `cidrgate: FILE:LINE:COL: message`, then the line and a caret.

use std::fmt::{self, Display, Write as _};
use std::io::Write as _;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use cidrgate::{Fault, Finding, ReadError};

/// How wide a quoted line is shown, in columns.
const WIDTH: usize = 160;

/// More bytes than are ever shown on one side of a caret.
const AROUND: usize = 4 * WIDTH;

/// How many warnings of one text are shown; the rest are counted, as faults are.
const SHOWN: usize = 100;

/// Says one thing. That nobody listens is no reason to fail.
pub(crate) fn tell(message: impl Display) {
    let _ = writeln!(anstream::stderr().lock(), "cidrgate: {message}");
}

/// Bytes of any origin as printable text: what a terminal could take for a command is escaped.
pub(crate) fn printable(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        for char in chunk.valid().chars() {
            match char {
                '\'' | '"' | '\\' => text.push(char),
                _ => text.extend(char.escape_debug()),
            }
        }
        for byte in chunk.invalid() {
            // Writing to a string cannot fail.
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

/// A text that was read, by name and content.
pub(crate) struct Text<'a> {
    pub(crate) name: &'a dyn Display,
    pub(crate) bytes: &'a [u8],
}

/// A place in a text; line and column 0 mean the text as a whole.
#[derive(Clone, Copy)]
struct Place {
    line: u32,
    column: u32,
    offset: usize,
}

impl Text<'_> {
    /// Says why the text was refused.
    pub(crate) fn faults(&self, error: &ReadError) {
        for fault in error.faults() {
            self.fault(fault);
        }
        self.more(error.count() - error.faults().len());
    }

    fn fault(&self, fault: &Fault) {
        let place = Place { line: fault.line(), column: fault.column(), offset: fault.offset() };
        self.say(place, &fault.message());
    }

    /// Says what was taken with a warning.
    pub(crate) fn warnings<'a>(&self, findings: impl IntoIterator<Item = &'a Finding>) {
        let mut findings = findings.into_iter();
        // They come in the order of the text, so that one walk over it finds all their lines.
        let (mut line, mut start) = (1, 0);
        for finding in findings.by_ref().take(SHOWN) {
            if finding.line() < line {
                (line, start) = (1, 0);
            }
            let ahead = memchr::memchr_iter(b'\n', &self.bytes[start..]).take((finding.line().max(1) - line) as usize);
            start += ahead.last().map_or(0, |end| end + 1);
            line = finding.line().max(1);
            let offset = start + finding.column().saturating_sub(1) as usize;
            let place = Place { line: finding.line(), column: finding.column(), offset };
            self.say(place, &format_args!("{}[{}]: {finding}", finding.level(), finding.code()));
        }
        self.more(findings.count());
    }

    /// Says what is wrong at an offset of the text, which is line `line` of something larger.
    pub(crate) fn in_line(&self, line: u32, offset: usize, message: &dyn Display) {
        let column = u32::try_from(offset + 1).unwrap_or(u32::MAX);
        self.say(Place { line, column, offset }, message);
    }

    fn more(&self, count: usize) {
        if count > 0 {
            tell(format_args!("{}: and {count} more", self.name));
        }
    }

    fn say(&self, place: Place, message: &dyn Display) {
        let mut stderr = anstream::stderr().lock();
        let _ = match place.line {
            0 => writeln!(stderr, "cidrgate: {}: {message}", self.name),
            line => {
                writeln!(stderr, "cidrgate: {}:{line}:{}: {message}\n{}", self.name, place.column, self.quote(place))
            }
        };
    }

    /// The line round the place, with a caret under it.
    fn quote(&self, place: Place) -> impl Display + use<> {
        let (before, after) = self.bytes.split_at(place.offset.min(self.bytes.len()));
        let before = &before[before.len().saturating_sub(AROUND)..];
        let before = &before[memchr::memrchr(b'\n', before).map_or(0, |end| end + 1)..];
        let after = &after[..after.len().min(AROUND)];
        let after = &after[..memchr::memchr(b'\n', after).unwrap_or(after.len())];
        let after = after.strip_suffix(b"\r").unwrap_or(after);

        // Tabs are left to the renderer, which knows their width.
        let shown = |part: &[u8]| part.split(|byte| *byte == b'\t').map(printable).collect::<Vec<_>>().join("\t");
        let mut line = shown(before);
        let caret = line.len();
        line += &shown(after);
        let caret = AnnotationKind::Primary.span(caret..caret);
        let snippet = Snippet::source(line).line_start(place.line as usize).annotation(caret);
        let group = Group::with_level(Level::ERROR).element(snippet);
        Quote(Renderer::styled().term_width(WIDTH).render(&[group]))
    }
}

/// A rendered line, ready to print.
struct Quote(String);

impl Display for Quote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.trim_end())
    }
}
