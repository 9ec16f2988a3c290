//! The policy as people write it: one statement a line.

use core::fmt;

use super::Policy;
use super::draft::{About, Draft};
use crate::fault::{FaultKind, Line, Place, Quoted, lines};
use crate::name::Nearest;
use crate::text::{self, Canonical};

/// Sets are written in lines of this many networks.
const A_LINE: usize = 8;

pub(super) fn write(policy: &Policy, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(f, "default {}\nprecedence {}", policy.default, policy.precedence)?;
    for (name, named) in &policy.sets {
        write!(f, "\nset {name} =")?;
        for (at, net) in named.set.networks().enumerate() {
            match (at, at % A_LINE) {
                (0, _) => f.write_str(" ")?,
                (_, 0) => write!(f, "\nset {name} += ")?,
                _ => f.write_str(", ")?,
            }
            f.write_str(Canonical::from(net).as_str())?;
        }
        f.write_str("\n")?;
    }
    for (at, rule) in policy.rules.iter().enumerate() {
        write!(f, "{}{rule}", if at == 0 { "\n" } else { "" })?;
        rule.note().map_or(Ok(()), |note| write!(f, " # {note}"))?;
        f.write_str("\n")?;
    }
    for (at, expected) in policy.expectations.iter().enumerate() {
        writeln!(f, "{}expect {} {}", if at == 0 { "\n" } else { "" }, expected.action, expected.target)?;
    }
    Ok(())
}

pub(super) fn read(text: &[u8], draft: &mut Draft) {
    let lines = lines(text, &mut draft.faults);
    for line in lines {
        if !line.fits(&mut draft.faults) {
            continue;
        }
        if let Some(text) = utf8(line, draft) {
            statement(text, line.place, draft);
        }
        if draft.faults.exhausted() {
            return;
        }
    }
}

/// The line as text, if it is UTF-8 without control characters.
fn utf8<'a>(line: Line<'a>, draft: &mut Draft) -> Option<&'a str> {
    let text = match core::str::from_utf8(line.text) {
        Ok(text) => text,
        Err(error) => {
            let at = error.valid_up_to();
            let found = line.text.get(at).copied().unwrap_or_default();
            let message = format_args!("byte 0x{found:02x} is not UTF-8");
            draft.fault(line.place.right(at), FaultKind::Encoding, message);
            return None;
        }
    };
    // Most lines have only characters that are right.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t')) {
        return Some(text);
    }
    let (at, char) = text.char_indices().find(|(_, char)| char.is_control() && *char != '\t').unzip();
    if let (Some(at), Some(char)) = (at, char) {
        let message = format_args!("control character U+{:04X}; a policy is plain text in UTF-8", u32::from(char));
        draft.fault(line.place.right(at), FaultKind::Encoding, message);
        return None;
    }
    Some(text)
}

/// The words of a statement, from left to right.
#[derive(Clone)]
struct Words<'a> {
    text: &'a str,
    /// How far they are read.
    at: usize,
    start: Place,
}

impl<'a> Words<'a> {
    fn skip_blanks(&mut self) {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    }

    /// The place of what comes next.
    fn place(&mut self) -> Place {
        self.skip_blanks();
        self.start.right(self.at)
    }

    /// The next word, up to a blank or a comma; empty at the end.
    fn next(&mut self) -> (&'a str, Place) {
        let place = self.place();
        let rest = &self.text[self.at..];
        let end = rest.bytes().position(|byte| matches!(byte, b' ' | b'\t' | b','));
        let word = &rest[..end.unwrap_or(rest.len())];
        self.at += word.len();
        (word, place)
    }

    /// Takes a comma, if one comes next.
    fn comma(&mut self) -> bool {
        self.skip_blanks();
        let comma = self.text[self.at..].starts_with(',');
        self.at += usize::from(comma);
        comma
    }

    fn at_end(&mut self) -> bool {
        self.skip_blanks();
        self.at == self.text.len()
    }

    /// Sees that nothing more comes.
    fn end(&mut self, draft: &mut Draft) {
        let place = self.place();
        if !self.at_end() {
            let found = Quoted(&self.text.as_bytes()[self.at..]);
            draft.fault(place, FaultKind::Syntax, format_args!("{found}: expected the end of the statement"));
        }
    }

    /// Reads `target, target, ...`; one that is missing is an empty word.
    fn targets(&mut self, mut take: impl FnMut(&'a str, Place)) {
        loop {
            let (word, place) = self.next();
            take(word, place);
            if !self.comma() {
                return;
            }
        }
    }
}

fn statement(line: &str, start: Place, draft: &mut Draft) {
    let comment = line.find('#');
    let mut words = Words { text: &line[..comment.unwrap_or(line.len())], at: 0, start };
    let (keyword, place) = words.next();
    match keyword {
        "" if words.at_end() => {}
        "default" => {
            let (word, at) = words.next();
            if let Some(action) = draft.action_named(word, at) {
                draft.default_action(action, place);
            }
            words.end(draft);
        }
        "precedence" => {
            let (word, at) = words.next();
            if let Some(precedence) = draft.precedence_named(word, at) {
                draft.precedence(precedence, place);
            }
            words.end(draft);
        }
        "set" => set(words, draft),
        "allow" | "deny" => rules(keyword, words, comment.map(|at| (&line[at + 1..], at + 1)), draft),
        "expect" => {
            let (word, at) = words.next();
            if let Some(action) = draft.action_named(word, at) {
                words.targets(|target, at| draft.expectation(action, target, at));
                words.end(draft);
            }
        }
        _ => {
            let found = Quoted(keyword.as_bytes());
            if text::entry(keyword.as_bytes()).is_ok() {
                let message =
                    "a policy says `allow` or `deny` first; a plain list has no verdict, hand it over as a set";
                draft.fault(place, FaultKind::Syntax, format_args!("{found}: {message}"));
            } else {
                let known = ["allow", "deny", "set", "expect", "default", "precedence"];
                let near = Nearest { found: keyword, known };
                let message =
                    format_args!("{found}: expected `allow`, `deny`, `set`, `expect`, `default` or `precedence`{near}");
                draft.fault(place, FaultKind::Syntax, message);
            }
        }
    }
}

/// `set NAME = ...` or `set NAME += ...`
fn set(mut words: Words<'_>, draft: &mut Draft) {
    let (name, at) = words.next();
    let name = draft.set_name(name, at);
    let (sign, sign_at) = words.next();
    if !matches!(sign, "=" | "+=") {
        let found = Quoted(sign.as_bytes());
        let message = format_args!("{found}: expected `=` or `+=` with blanks round it, after `set NAME`");
        draft.fault(sign_at, FaultKind::Syntax, message);
        return;
    }
    let Some(name) = name else { return };
    draft.set_statement(&name, sign == "+=", at);
    if !words.at_end() {
        words.targets(|entry, at| draft.set_entry(&name, entry, at));
        words.end(draft);
    }
}

/// `allow TARGET, TARGET priority=N # note`, what comes after `#` and where given apart.
fn rules(action: &str, mut words: Words<'_>, comment: Option<(&str, usize)>, draft: &mut Draft) {
    let Some(action) = draft.action_named(action, words.start) else { return };
    let note = comment.and_then(|(text, at)| {
        let rest = text.trim_start_matches([' ', '\t']);
        let place = words.start.right(at + text.len() - rest.len());
        draft.note(rest.trim_end_matches([' ', '\t']), place)
    });
    let mut about = About { action, note, priority: None, place: None };
    // What follows the targets is said of each of them, so it is read first.
    let mut targets = words.clone();
    words.targets(|_, _| {});
    while !words.at_end() {
        let (word, place) = words.next();
        match word.split_once('=') {
            Some(("priority", number)) => {
                let priority = draft.priority(number, place.right("priority=".len()));
                if about.priority.is_some() {
                    draft.fault(place, FaultKind::Repeated, "the priority is given twice");
                }
                // One that is at fault is not missing too.
                about.priority = Some((priority.unwrap_or(0), place));
            }
            _ => {
                let found = Quoted(word.as_bytes());
                let near = Nearest { found: word.split('=').next().unwrap_or(word), known: ["priority"] };
                let message = format_args!("{found}: expected a comma before a further target, or `priority=N`{near}");
                draft.fault(place, FaultKind::Syntax, message);
                break;
            }
        }
    }
    targets.targets(|target, at| draft.rule(target, at, &about));
}
