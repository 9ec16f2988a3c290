//! The addresses that a verb answers for: arguments, and where one is `-` the lines of standard input.

use std::ffi::OsString;
use std::net::IpAddr;

use cidrgate::text;
use serde::Serialize;

use crate::answer::{Answer, Stop};
use crate::diagnose::{Text, tell};
use crate::exit::Exit;
use crate::pieces::Pieces;
use crate::source::Source;

/// Standard input for each `-` among the addresses, to see that it is read once only.
pub(crate) fn stdin(addresses: &[OsString]) -> impl Iterator<Item = &Source> {
    addresses.iter().filter(|address| *address == "-").map(|_| &Source::Stdin)
}

/// Calls `each` with every address and its text. Those that are none are told, in JSON too if that is what is printed;
/// the others are still answered.
pub(crate) fn each(
    addresses: &[OsString],
    json: bool,
    answer: &mut Answer,
    each: &mut dyn FnMut(IpAddr, &str, &mut Answer) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let mut walk = Walk { json, answer, each, any: false };
    for (number, address) in (1..).zip(addresses) {
        if address == "-" {
            walk.stdin()?;
        } else {
            walk.line("<arguments>", number, address.as_encoded_bytes())?;
        }
    }
    if !walk.any {
        tell("no address to check");
        return Err(Stop::Told);
    }
    Ok(())
}

struct Walk<'a> {
    json: bool,
    answer: &'a mut Answer,
    each: &'a mut dyn FnMut(IpAddr, &str, &mut Answer) -> Result<(), Stop>,
    /// Whether there was any address.
    any: bool,
}

impl Walk<'_> {
    /// The addresses on standard input, blank lines left out. What has come is answered before more is waited for.
    fn stdin(&mut self) -> Result<(), Stop> {
        let stdin = Source::Stdin;
        let mut pieces = Pieces::new(stdin.open().map_err(|error| stdin.unreadable(error))?);
        let mut number = 0;
        while pieces.fill().map_err(|error| stdin.unreadable(error))?.is_some() {
            while let Some(piece) = pieces.next() {
                // The rest of a line that is too long to be an address, which was said at its start.
                if !piece.starts {
                    continue;
                }
                number = u32::saturating_add(number, 1);
                if !piece.bytes.trim_ascii().is_empty() || !piece.ends {
                    self.line("<stdin>", number, piece.bytes)?;
                }
            }
            self.answer.flush()?;
        }
        Ok(())
    }

    /// Answers for the address on a line.
    fn line(&mut self, name: &str, number: u32, line: &[u8]) -> Result<(), Stop> {
        self.any = true;
        let indent = line.len() - line.trim_ascii_start().len();
        let input = line.trim_ascii();
        let error = match text::addr(input) {
            Ok(address) => return (self.each)(address, &String::from_utf8_lossy(input), self.answer),
            Err(error) => error,
        };
        self.answer.worsen(Exit::Undecided);
        Text { name: &name, bytes: line }.in_line(number, indent + error.offset(), &error);
        match self.json {
            true => self.answer.json(&Fault { input: &String::from_utf8_lossy(input), error: &error.to_string() }),
            false => Ok(()),
        }
    }
}

/// An address that is none.
#[derive(Serialize)]
struct Fault<'a> {
    input: &'a str,
    error: &'a str,
}
