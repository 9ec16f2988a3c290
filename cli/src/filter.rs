//! `filter`: the lines of a log whose source address is allowed.

use std::ffi::OsString;
use std::io::{IsTerminal, stdout};
use std::net::IpAddr;
use std::num::NonZeroUsize;

use cidrgate::text::{self, Canonical};
use cidrgate::{Action, Matcher};
use serde::Serialize;

use crate::answer::{Answer, Stop};
use crate::args::PolicyArgs;
use crate::diagnose::tell;
use crate::exit::Exit;
use crate::pieces::{Piece, Pieces};
use crate::progress::Progress;
use crate::source::Source;

/// Print the lines of a log whose source address is allowed
///
/// The address is a field between blanks, the first if not said otherwise. Brackets and a port are left out of account
/// (`[2001:db8::1]:443`). Lines without an address are printed neither way and counted on standard error. A line of any
/// length is passed on; one above 256 KiB has its address found in that much of it.
///
/// Exit code: 0 some lines, 1 none, 2 something could not be read (the rest is still filtered).
#[derive(clap::Args)]
#[command(
    override_usage = "cidrgate filter [OPTIONS] POLICY [LOG...]\n       \
                      cidrgate filter [OPTIONS] --allow LIST|--deny LIST... [LOG...]",
    after_long_help = "\
Examples:
  cidrgate filter policy.txt access.log access.log.1.gz
  tail -f access.log | cidrgate filter -v --allow office.txt"
)]
pub(crate) struct Args {
    /// Policy text or JSON, or an image
    policy: Option<OsString>,
    /// Logs; standard input if there is none
    #[arg(value_name = "LOG")]
    logs: Vec<OsString>,
    #[command(flatten)]
    from: PolicyArgs,
    /// Print the lines whose source address is denied instead
    #[arg(short = 'v', long)]
    invert: bool,
    /// Print how many lines there are instead of the lines
    #[arg(short, long)]
    count: bool,
    /// Which field is the address, counted from 1
    #[arg(long, value_name = "N", default_value = "1")]
    field: NonZeroUsize,
    /// Print JSON, one object a line, that tells the place of the log's line
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: Args, answer: &mut Answer) -> Result<(), Stop> {
    let mut arguments = args.policy.into_iter().chain(args.logs);
    let subject = args.from.subject(&mut arguments)?;
    let mut logs: Vec<Source> = arguments.map(Source::from).collect();
    if logs.is_empty() {
        logs.push(Source::Stdin);
    }
    let matcher = args.from.parts([&subject], &logs)?.verdicts(&subject)?;

    let wanted = if args.invert { Action::Deny } else { Action::Allow };
    let form = match (args.count, args.json) {
        (true, _) => Form::Count,
        (_, true) => Form::Json,
        _ => Form::Lines,
    };
    let field = args.field.get();
    let judge = Judge { matcher: &matcher, field, wanted, before: None };
    let mut filter = Filter { judge, form, answer, kept: 0, without: 0 };
    for log in &logs {
        match filter.log(log) {
            Err(Stop::Told) => filter.answer.worsen(Exit::Undecided),
            done => done?,
        }
    }
    let Filter { kept, without, .. } = filter;
    if without > 0 {
        let lines = if without == 1 { "line" } else { "lines" };
        tell(format_args!("{without} {lines} without an address left out"));
    }
    if kept == 0 {
        answer.worsen(Exit::No);
    }
    match (args.count, args.json) {
        (true, true) => answer.json(&Counted { count: kept }),
        (true, false) => answer.line(format_args!("{kept}")),
        _ => Ok(()),
    }
}

enum Form {
    Lines,
    Json,
    Count,
}

struct Filter<'a> {
    judge: Judge<'a>,
    form: Form,
    answer: &'a mut Answer,
    /// How many lines were printed, or would be.
    kept: u64,
    /// How many lines have no address.
    without: u64,
}

impl Filter<'_> {
    /// One log. What has come is printed before more is waited for.
    fn log(&mut self, log: &Source) -> Result<(), Stop> {
        let mut pieces = Pieces::new(log.open().map_err(|error| log.unreadable(error))?);
        // Lines on a terminal are sign of life enough.
        let progress = (!stdout().is_terminal()).then(|| Progress::of(log));
        let (mut line, mut keep) = (0, false);
        loop {
            let read = match pieces.fill() {
                Ok(Some(read)) => read,
                Ok(None) => return Ok(()),
                Err(error) => {
                    drop(progress);
                    return Err(log.unreadable(error));
                }
            };
            if let Some(progress) = &progress {
                progress.read(read);
            }
            while let Some(piece) = pieces.next() {
                if piece.starts {
                    line += 1;
                    keep = self.judge(&piece, log, line)?;
                }
                if keep {
                    self.answer.bytes(piece.bytes)?;
                    if piece.ends {
                        self.answer.bytes(b"\n")?;
                    }
                }
            }
            self.answer.flush()?;
        }
    }

    /// Whether to print the line that starts with this piece.
    fn judge(&mut self, piece: &Piece<'_>, log: &Source, line: u64) -> Result<bool, Stop> {
        match self.judge.is_wanted(piece) {
            None => self.without += 1,
            Some(false) => {}
            Some(true) => {
                self.kept += 1;
                match self.form {
                    Form::Count => {}
                    Form::Lines => return Ok(true),
                    Form::Json => self.json(piece, log, line)?,
                }
            }
        }
        Ok(false)
    }

    fn json(&mut self, piece: &Piece<'_>, log: &Source, line: u64) -> Result<(), Stop> {
        let Some(address) = address_in(piece, self.judge.field) else { return Ok(()) };
        let address = Canonical::from(address);
        let (file, address) = (log.to_string(), address.as_str());
        self.answer.json(&Kept { file, line, address, action: self.judge.wanted.as_str() })
    }
}

/// An IPv4 address at the start of a line, and the blank after it, are no longer.
const START: usize = 16;

/// Which lines are wanted.
struct Judge<'a> {
    matcher: &'a Matcher,
    field: usize,
    wanted: Action,
    /// How the last line began that told all in so many bytes, and whether it is wanted.
    before: Option<([u8; START], bool)>,
}

impl Judge<'_> {
    /// Whether the address in the line is one to look for; `None` if there is no address.
    fn is_wanted(&mut self, piece: &Piece<'_>) -> Option<bool> {
        let judged = |address| self.matcher.allows(address) == self.wanted.is_allow();
        let start = match piece.bytes.first_chunk() {
            Some(start) if self.field == 1 => start,
            _ => return address_in(piece, self.field).map(judged),
        };
        // Who asks, asks often more than once.
        match &self.before {
            Some((before, wanted)) if before == start => return Some(*wanted),
            _ => {}
        }
        match text::leading_v4(start) {
            Some((address, end)) if start.get(end).is_some_and(u8::is_ascii_whitespace) => {
                let wanted = judged(address.into());
                self.before = Some((*start, wanted));
                Some(wanted)
            }
            _ => address_in(piece, self.field).map(judged),
        }
    }
}

/// The address in a field of a line; none if the field may go on in the next piece.
fn address_in(piece: &Piece<'_>, field: usize) -> Option<IpAddr> {
    let mut rest = piece.bytes;
    for _ in 1..field {
        rest = rest.trim_ascii_start();
        rest = &rest[rest.iter().position(u8::is_ascii_whitespace)?..];
    }
    rest = rest.trim_ascii_start();
    let end = rest.iter().position(u8::is_ascii_whitespace);
    if end.is_none() && !piece.ends {
        return None;
    }
    text::addr(without_port(&rest[..end.unwrap_or(rest.len())])).ok()
}

/// The address in `[ADDRESS]:PORT`, `[ADDRESS]`, `IPV4:PORT` or `ADDRESS`; what is none of them stays and is no address.
fn without_port(field: &[u8]) -> &[u8] {
    let (address, port) = match field {
        [b'[', inside @ ..] => match memchr::memchr(b']', inside) {
            Some(end) => (&inside[..end], &inside[end + 1..]),
            None => return field,
        },
        // More than one colon is an IPv6 address.
        _ => match memchr::memchr(b':', field) {
            Some(colon) if !field[colon + 1..].contains(&b':') => field.split_at(colon),
            _ => (field, &b""[..]),
        },
    };
    match port {
        [] => address,
        [b':', digits @ ..] if matches!(digits.len(), 1..=5) && digits.iter().all(u8::is_ascii_digit) => address,
        _ => field,
    }
}

#[derive(Serialize)]
struct Kept<'a> {
    file: String,
    line: u64,
    address: &'a str,
    action: &'a str,
}

#[derive(Serialize)]
struct Counted {
    count: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_the_address_is() {
        for (line, field, address) in [
            ("192.0.2.1 - - x", 1, Some("192.0.2.1")),
            ("  192.0.2.1\r", 1, Some("192.0.2.1")),
            ("192.0.2.1:80 x", 1, Some("192.0.2.1")),
            ("[192.0.2.1]:80", 1, Some("192.0.2.1")),
            ("[2001:db8::1]:443", 1, Some("2001:db8::1")),
            ("[2001:db8::1]", 1, Some("2001:db8::1")),
            ("2001:db8::1:80", 1, Some("2001:db8::1:80")),
            ("::ffff:192.0.2.1", 1, Some("192.0.2.1")),
            ("a\t 192.0.2.1", 2, Some("192.0.2.1")),
            ("a 192.0.2.1", 3, None),
            ("", 1, None),
            ("", 2, None),
            ("192.0.2.1:", 1, None),
            ("192.0.2.1:http", 1, None),
            ("192.0.2.1:123456", 1, None),
            ("[192.0.2.1", 1, None),
            ("[192.0.2.1]x", 1, None),
            ("fe80::1%eth0", 1, None),
            ("192.0.2.1,", 1, None),
        ] {
            let piece = Piece { bytes: line.as_bytes(), starts: true, ends: true };
            assert_eq!(address_in(&piece, field), address.map(|text| text.parse().unwrap()), "{line}");
        }
        let cut = Piece { bytes: b"a 192.0.2.1", starts: true, ends: false };
        assert_eq!(address_in(&cut, 2), None);
    }

    #[test]
    fn every_line_is_judged_by_its_own_address() {
        let policy: cidrgate::Policy = "allow 10.1.0.0/16, 2001:db8::/32, 255.255.255.255".parse().unwrap();
        let matcher = policy.compile().unwrap();
        let addresses = [
            "10.1.0.0",
            "10.1.0.1",
            "10.1.0.10",
            "10.2.0.1",
            "10.1.0.256",
            "10.1.0.01",
            "255.255.255.255",
            "255.255.255.254",
            "2001:db8::1",
            "2001:db9::1",
            "::ffff:10.1.0.1",
            "[10.1.0.1]",
            "x",
            "",
            "10.1.0",
        ];
        let afters = [" ", "\t", "\r", "", ":80 ", ":80", ",", "0 ", "x ", " 1", " - - [17/May/2015:10:05:03]", "\0"];
        let mut lines = Vec::new();
        for before in ["", " ", "10.1.0.1 "] {
            for address in addresses {
                lines.extend(afters.map(|after| format!("{before}{address}{after}")));
            }
        }
        // Each line behind each other.
        for (wanted, field) in [(Action::Allow, 1), (Action::Deny, 1), (Action::Allow, 2)] {
            let mut judge = Judge { matcher: &matcher, field, wanted, before: None };
            for first in &lines {
                for second in &lines {
                    for (line, ends) in [(first, true), (second, true), (second, false)] {
                        let piece = Piece { bytes: line.as_bytes(), starts: true, ends };
                        let address = address_in(&piece, field);
                        let right = address.map(|address| matcher.decide(address).action() == wanted);
                        assert_eq!(judge.is_wanted(&piece), right, "{line:?} after {first:?}");
                    }
                }
            }
        }
    }
}
