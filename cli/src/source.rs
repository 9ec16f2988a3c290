//! Where bytes come from: a file, a pipe or standard input, gzipped or not.

use std::collections::TryReserveError;
use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Cursor, IsTerminal, Read};
use std::path::PathBuf;

use cidrgate::{IMAGE_MAGIC, ImageError, MAX_INPUT, MAX_LINE, ReadError};
use flate2::bufread::MultiGzDecoder;

use crate::answer::Stop;
use crate::diagnose::{Text, printable, tell};
use crate::progress::Progress;

/// A place to read from, as named on the command line: `-` is standard input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Stdin,
    File(PathBuf),
}

/// What a text is to be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    List,
    /// May be JSON or an image, whose lines have no limit.
    Policy,
}

impl From<OsString> for Source {
    fn from(name: OsString) -> Self {
        if name == "-" { Self::Stdin } else { Self::File(name.into()) }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdin => f.write_str("<stdin>"),
            Self::File(path) => f.write_str(&printable(path.as_os_str().as_encoded_bytes())),
        }
    }
}

/// Refuses a call that would read standard input twice.
pub(crate) fn stdin_once<'a>(sources: impl IntoIterator<Item = &'a Source>) -> Result<(), Stop> {
    if sources.into_iter().filter(|source| **source == Source::Stdin).count() > 1 {
        return Err(Stop::Usage("standard input can be read only once".into()));
    }
    Ok(())
}

impl Source {
    /// The bytes, decompressed if they start as gzip does.
    pub(crate) fn open(&self) -> io::Result<Box<dyn Read>> {
        let mut raw: Box<dyn Read> = match self {
            Self::Stdin => Box::new(io::stdin().lock()),
            Self::File(path) => Box::new(File::open(path)?),
        };
        // A pipe may hand over the two bytes one by one.
        let mut magic = Vec::with_capacity(2);
        raw.by_ref().take(2).read_to_end(&mut magic)?;
        let gzip = magic == [0x1f, 0x8b];
        let whole = Cursor::new(magic).chain(raw);
        Ok(if gzip { Box::new(Gunzip(MultiGzDecoder::new(BufReader::new(whole)))) } else { Box::new(whole) })
    }

    /// The whole text; but of a text with an endless line no more than shows it, which is enough for the library to
    /// refuse it at its place.
    fn text(&self, form: Form, progress: &Progress) -> io::Result<Vec<u8>> {
        const CHUNK: usize = MAX_LINE + 2;
        let mut from = self.open()?;
        let mut text = Vec::new();
        let mut line_start = 0;
        loop {
            text.try_reserve(CHUNK).map_err(|_: TryReserveError| io::ErrorKind::OutOfMemory)?;
            let before = text.len();
            let read = from.by_ref().take(CHUNK as u64).read_to_end(&mut text)?;
            if read == 0 {
                return Ok(text);
            }
            progress.read(read);
            if text.len() > MAX_INPUT {
                return Err(io::Error::other(format!("more than {MAX_INPUT} bytes, decompressed")));
            }
            if let Some(end) = memchr::memrchr(b'\n', &text[before..]) {
                line_start = before + end + 1;
            }
            // The carriage return before a line's end does not count, and is not seen yet.
            let endless = text.len() - line_start > MAX_LINE + 1;
            if endless && !(form == Form::Policy && (is_image(&text) || is_json(&text))) {
                return Ok(text);
            }
        }
    }

    /// What `read` makes of the whole text, and the text; where that fails, says why.
    pub(crate) fn read<T>(
        &self,
        form: Form,
        read: impl FnOnce(&[u8]) -> Result<T, Refused>,
    ) -> Result<(T, Vec<u8>), Stop> {
        let progress = Progress::of(self);
        let done = self.text(form, &progress).map(|bytes| (read(&bytes), bytes));
        drop(progress);
        match done.map_err(|error| self.unreadable(error))? {
            (Ok(value), bytes) => Ok((value, bytes)),
            (Err(Refused::Text(error)), bytes) => {
                Text { name: self, bytes: &bytes }.faults(&error);
                Err(Stop::Told)
            }
            (Err(Refused::Image(error)), _) => {
                tell(format_args!("{self}: {error}"));
                Err(Stop::Told)
            }
            (Err(Refused::NoList), _) => {
                tell(format_args!("{self}: this is an image; what is needed here is a list"));
                Err(Stop::Told)
            }
        }
    }

    /// Says why it cannot be read.
    pub(crate) fn unreadable(&self, error: io::Error) -> Stop {
        tell(format_args!("{self}: {error}"));
        Stop::Told
    }

    /// Whether a person is typing, who needs no sign of life.
    pub(crate) fn is_typed(&self) -> bool {
        *self == Self::Stdin && io::stdin().is_terminal()
    }
}

/// Why what was read is not what it should be.
pub(crate) enum Refused {
    Text(ReadError),
    Image(ImageError),
    /// It is an image where a list is needed.
    NoList,
}

impl From<ReadError> for Refused {
    fn from(error: ReadError) -> Self {
        Self::Text(error)
    }
}

impl From<ImageError> for Refused {
    fn from(error: ImageError) -> Self {
        Self::Image(error)
    }
}

/// Whether this is an image in the place of a policy.
pub(crate) fn is_image(bytes: &[u8]) -> bool {
    bytes.starts_with(&IMAGE_MAGIC)
}

/// Whether a policy with this text is JSON.
fn is_json(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    text.trim_ascii_start().first() == Some(&b'{')
}

/// Says that it is the gzip stream that is at fault.
struct Gunzip<R>(MultiGzDecoder<R>);

impl<R: io::BufRead> Read for Gunzip<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
        self.0.read(to).map_err(|error| match error.kind() {
            kind @ UnexpectedEof => io::Error::new(kind, "the gzip stream is cut short"),
            kind @ (InvalidData | InvalidInput) => io::Error::new(kind, format!("the gzip stream is damaged: {error}")),
            _ => error,
        })
    }
}
