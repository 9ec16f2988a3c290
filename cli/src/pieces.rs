//! The lines of a stream, in bounded memory however long they are.

use std::io::{self, Read};

/// The longest line that comes in one piece.
const LONGEST: usize = 256 * 1024;

/// Reads lines. A line longer than the buffer comes in several pieces.
///
/// What has been read is handed out before more is waited for, so that a caller can flush its answers between the two:
///
/// ```text
/// while pieces.fill()?.is_some() {
///     while let Some(piece) = pieces.next() { … }
///     flush
/// }
/// ```
pub(crate) struct Pieces {
    from: Box<dyn Read>,
    buffer: Box<[u8]>,
    /// What is not handed out yet.
    start: usize,
    end: usize,
    /// Up to where there is known to be no line's end.
    searched: usize,
    /// Whether the piece before was not the last of its line.
    inside: bool,
    /// Whether the stream has ended.
    over: bool,
}

/// A line without its end, or a part of one.
pub(crate) struct Piece<'a> {
    pub(crate) bytes: &'a [u8],
    /// Whether the line starts here.
    pub(crate) starts: bool,
    /// Whether the line ends here.
    pub(crate) ends: bool,
}

impl Pieces {
    pub(crate) fn new(from: Box<dyn Read>) -> Self {
        let buffer = vec![0; LONGEST].into_boxed_slice();
        Self { from, buffer, start: 0, end: 0, searched: 0, inside: false, over: false }
    }

    /// Reads on, once what was read before is handed out: how many bytes; nothing once the stream's end was seen.
    pub(crate) fn fill(&mut self) -> io::Result<Option<usize>> {
        if self.over {
            return Ok(None);
        }
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end, self.searched) = (0, self.end - self.start, self.searched - self.start);
        let read = loop {
            match self.from.read(&mut self.buffer[self.end..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        self.end += read;
        self.over = read == 0;
        Ok(Some(read))
    }

    /// The next piece of what has been read.
    pub(crate) fn next(&mut self) -> Option<Piece<'_>> {
        let newline = memchr::memchr(b'\n', &self.buffer[self.searched..self.end]);
        let (end, next, ends) = match newline {
            Some(at) => (self.searched + at, self.searched + at + 1, true),
            // The end of the stream ends a line that has begun, be it empty by now.
            None if self.over && (self.start < self.end || self.inside) => (self.end, self.end, true),
            None if self.start == 0 && self.end == self.buffer.len() => (self.end, self.end, false),
            None => {
                self.searched = self.end;
                return None;
            }
        };
        let piece = Piece { bytes: &self.buffer[self.start..end], starts: !self.inside, ends };
        (self.start, self.searched, self.inside) = (next, next, !ends);
        Some(piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out at most `self.1` bytes at a time.
    struct Slow(io::Cursor<Vec<u8>>, usize);

    impl Read for Slow {
        fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
            let len = to.len().min(self.1);
            self.0.read(&mut to[..len])
        }
    }

    fn lines(text: &[u8], step: usize) -> Vec<Vec<u8>> {
        let mut pieces = Pieces::new(Box::new(Slow(io::Cursor::new(text.to_vec()), step)));
        let (mut lines, mut open) = (Vec::new(), false);
        while pieces.fill().unwrap().is_some() {
            while let Some(piece) = pieces.next() {
                assert_eq!(piece.starts, !open);
                if piece.starts {
                    lines.push(Vec::new());
                }
                lines.last_mut().unwrap().extend_from_slice(piece.bytes);
                open = !piece.ends;
            }
        }
        assert!(!open);
        lines
    }

    #[test]
    fn lines_come_whole_however_they_are_read() {
        let long = [b'x'; 3 * LONGEST + 7];
        for text in
            [&b""[..], b"\n", b"a", b"a\n", b"a\nb", b"\n\na\r\n\nb\n", &long, &long[..LONGEST], &long[..2 * LONGEST]]
        {
            for end in [&b""[..], b"\n", b"\nz"] {
                let text = [text, end].concat();
                let mut wanted: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
                if wanted.last() == Some(&&b""[..]) {
                    wanted.pop();
                }
                for step in [1000, 4096, usize::MAX] {
                    assert_eq!(lines(&text, step), wanted);
                }
            }
        }
        assert_eq!(lines(b"ab\ncd", 1), [b"ab", b"cd"]);
    }
}
