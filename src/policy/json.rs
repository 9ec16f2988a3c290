//! The policy as JSON. serde_json reads it piece by piece, so that every string still knows its place in the text.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString};
use core::fmt::{self, Write};

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::draft::{About, Draft};
use super::{Action, Policy, Rule, Target};
use crate::fault::{FaultKind, MAX_INPUT, Place, Quoted, TooLarge};
use crate::name::Nearest;
use crate::text::Canonical;

pub(super) fn write(policy: &Policy) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write_to(policy, &mut out);
    out
}

fn write_to(policy: &Policy, out: &mut String) -> fmt::Result {
    write!(out, "{{\n  \"default\": \"{}\",\n  \"precedence\": \"{}\",", policy.default, policy.precedence)?;
    if !policy.sets.is_empty() {
        out.push_str("\n  \"sets\": {");
        for (at, (name, named)) in policy.sets.iter().enumerate() {
            write!(out, "{}\n    \"{name}\": [", comma(at))?;
            for (at, net) in named.set.networks().enumerate() {
                write!(out, "{}\n      \"{}\"", comma(at), Canonical::from(net))?;
            }
            out.push_str("\n    ]");
        }
        out.push_str("\n  },");
    }
    out.push_str("\n  \"rules\": [");
    for (at, rule) in policy.rules.iter().enumerate() {
        write!(out, "{}\n    ", comma(at))?;
        write_said(rule.action, &rule.target, Some(rule), out)?;
    }
    out.push_str("\n  ]");
    if !policy.expectations.is_empty() {
        out.push_str(",\n  \"expect\": [");
        for (at, expected) in policy.expectations.iter().enumerate() {
            write!(out, "{}\n    ", comma(at))?;
            write_said(expected.action, &expected.target, None, out)?;
        }
        out.push_str("\n  ]");
    }
    out.push_str("\n}\n");
    Ok(())
}

fn comma(at: usize) -> &'static str {
    if at == 0 { "" } else { "," }
}

fn write_said(action: Action, target: &Target, rule: Option<&Rule>, out: &mut String) -> fmt::Result {
    write!(out, "{{\"action\": \"{action}\", \"source\": \"{target}\"")?;
    if let Some(priority) = rule.and_then(Rule::priority) {
        write!(out, ", \"priority\": {priority}")?;
    }
    if let Some(note) = rule.and_then(Rule::note) {
        // A string is always a JSON value.
        write!(out, ", \"note\": {}", serde_json::to_string(note).unwrap_or_default())?;
    }
    out.push('}');
    Ok(())
}

pub(super) fn read(text: &[u8], draft: &mut Draft) {
    let start = if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let mut places = Places::new(text, start);
    if text.len() > MAX_INPUT {
        draft.fault(places.of(start), FaultKind::Limit, TooLarge(text.len()));
        return;
    }
    let json = match core::str::from_utf8(&text[start..]) {
        Ok(json) => json,
        Err(error) => {
            let at = start + error.valid_up_to();
            let message = format!("byte 0x{:02x} is not UTF-8", text[at]);
            draft.fault(places.of(at), FaultKind::Encoding, message);
            return;
        }
    };
    let control = |char: &char| char.is_control() && !matches!(char, '\t' | '\r' | '\n');
    if let Some((at, char)) = json.char_indices().find(|(_, char)| control(char)) {
        let message = format!("control character U+{:04X}; a policy is plain text in UTF-8", u32::from(char));
        draft.fault(places.of(start + at), FaultKind::Encoding, message);
        return;
    }
    // The syntax of the whole first, so that what is said of the rest is said of JSON.
    let policy = match serde_json::from_str::<&RawValue>(json) {
        Ok(policy) => policy.get(),
        Err(error) => {
            let message = error.to_string();
            let message = message.split(" at line ").next().unwrap_or_default();
            let place = places.of_line(error.line(), error.column());
            draft.fault(place, FaultKind::Json, format_args!("this is no JSON: {message}"));
            return;
        }
    };
    let mut reader = Reader { places, draft };
    if let Err(Shape { at, message }) = reader.policy(policy) {
        let place = reader.places.of(at);
        reader.draft.fault(place, FaultKind::Json, message);
    }
}

/// The first thing that has another shape than a policy; there is no point in reading on.
struct Shape {
    at: usize,
    message: String,
}

struct Reader<'a, 'd> {
    places: Places<'a>,
    draft: &'d mut Draft,
}

/// A value of the text, by its own bytes.
type Raw<'a> = &'a str;

impl<'a> Reader<'a, '_> {
    fn place(&mut self, raw: Raw<'a>) -> Place {
        let at = self.places.offset(raw);
        self.places.of(at)
    }

    fn policy(&mut self, json: Raw<'a>) -> Result<(), Shape> {
        let names = ["default", "precedence", "sets", "rules", "expect"];
        let [default, precedence, sets, rules, expect] = self.members(json, "the policy", names)?;
        if let Some(raw) = default {
            let (word, place) = self.word(raw)?;
            if let Some(action) = self.draft.action_named(&word, place) {
                self.draft.default_action(action, place);
            }
        }
        if let Some(raw) = precedence {
            let (word, place) = self.word(raw)?;
            if let Some(precedence) = self.draft.precedence_named(&word, place) {
                self.draft.precedence(precedence, place);
            }
        }
        if let Some(raw) = sets {
            self.expect_kind(raw, b'{', "an object of sets")?;
            self.each(raw, |reader, name, entries| reader.set(name, entries))?;
        }
        if let Some(raw) = rules {
            self.expect_kind(raw, b'[', "an array of rules")?;
            self.each(raw, |reader, _, rule| reader.rule(rule))?;
        }
        if let Some(raw) = expect {
            self.expect_kind(raw, b'[', "an array of expectations")?;
            self.each(raw, |reader, _, expectation| reader.expectation(expectation))?;
        }
        Ok(())
    }

    fn set(&mut self, name: Raw<'a>, entries: Raw<'a>) -> Result<(), Shape> {
        self.expect_kind(entries, b'[', "an array of addresses, networks and ranges")?;
        let (text, place) = self.word(name)?;
        let name = self.draft.set_name(&text, place);
        if let Some(name) = &name {
            self.draft.set_statement(name, false, place);
        }
        self.each(entries, |reader, _, entry| {
            let (text, place) = reader.word(entry)?;
            if let Some(name) = &name {
                reader.draft.set_entry(name, &text, place);
            }
            Ok(())
        })
    }

    fn rule(&mut self, rule: Raw<'a>) -> Result<(), Shape> {
        let [action, source, note, priority] =
            self.members(rule, "a rule", ["action", "source", "note", "priority"])?;
        let (action, source) = self.action_and_source(rule, action, source)?;
        let note = match note {
            Some(raw) => {
                let (text, place) = self.word(raw)?;
                self.draft.note(&text, place)
            }
            None => None,
        };
        let priority = match priority {
            Some(raw) if raw.starts_with(|char: char| char == '-' || char.is_ascii_digit()) => {
                let place = self.place(raw);
                // One that is at fault is not missing too.
                Some((self.draft.priority(raw, place).unwrap_or(0), place))
            }
            Some(raw) => return Err(self.shape(raw, "expected a number")),
            None => None,
        };
        let at = self.place(rule);
        let Some(action) = action else { return Ok(()) };
        let about = About { action, note, priority, place: Some(at) };
        self.sources(source, |draft, target, place| draft.rule(target, place, &about))
    }

    fn expectation(&mut self, expectation: Raw<'a>) -> Result<(), Shape> {
        let [action, source] = self.members(expectation, "an expectation", ["action", "source"])?;
        let (action, source) = self.action_and_source(expectation, action, source)?;
        let Some(action) = action else { return Ok(()) };
        self.sources(source, |draft, target, place| draft.expectation(action, target, place))
    }

    fn action_and_source(
        &mut self,
        object: Raw<'a>,
        action: Option<Raw<'a>>,
        source: Option<Raw<'a>>,
    ) -> Result<(Option<Action>, Raw<'a>), Shape> {
        let Some(action) = action else { return Err(self.shape(object, "`action` is missing")) };
        let Some(source) = source else { return Err(self.shape(object, "`source` is missing")) };
        let (word, place) = self.word(action)?;
        Ok((self.draft.action_named(&word, place), source))
    }

    /// A string, or an array of one string or more.
    fn sources(&mut self, source: Raw<'a>, mut take: impl FnMut(&mut Draft, &str, Place)) -> Result<(), Shape> {
        if source.starts_with('"') {
            let (text, place) = self.word(source)?;
            take(self.draft, &text, place);
            return Ok(());
        }
        self.expect_kind(source, b'[', "a string or an array of strings")?;
        let mut some = false;
        self.each(source, |reader, _, raw| {
            some = true;
            let (text, place) = reader.word(raw)?;
            take(reader.draft, &text, place);
            Ok(())
        })?;
        if some { Ok(()) } else { Err(self.shape(source, "a source is missing here")) }
    }

    /// The members of an object, each in its place of `names`.
    fn members<const N: usize>(
        &mut self,
        object: Raw<'a>,
        what: &str,
        names: [&str; N],
    ) -> Result<[Option<Raw<'a>>; N], Shape> {
        self.expect_kind(object, b'{', what)?;
        let mut found = [None; N];
        self.each(object, |reader, key, value| {
            let name = reader.word(key)?.0;
            match names.iter().position(|known| *known == name) {
                Some(at) if found[at].replace(value).is_some() => Err(reader.shape(key, "this member stands twice")),
                Some(_) => Ok(()),
                None => {
                    let near = Nearest { found: &name, known: names };
                    let name = Quoted(name.as_bytes());
                    Err(reader.shape(key, format_args!("{name} is no member of {what}{near}")))
                }
            }
        })?;
        Ok(found)
    }

    fn expect_kind(&self, raw: Raw<'a>, first: u8, expected: &str) -> Result<(), Shape> {
        if raw.as_bytes().first() == Some(&first) {
            return Ok(());
        }
        let form = match first {
            b'{' => "an object",
            b'[' => "an array",
            _ => "a string",
        };
        Err(self.shape(raw, format_args!("expected {form}: {expected}")))
    }

    fn shape(&self, raw: Raw<'a>, message: impl fmt::Display) -> Shape {
        Shape { at: self.places.offset(raw), message: format!("{}: {message}", Quoted(raw.as_bytes())) }
    }

    /// A string, decoded, and its place.
    fn word(&mut self, raw: Raw<'a>) -> Result<(Cow<'a, str>, Place), Shape> {
        let place = self.place(raw);
        let plain = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"'));
        match plain {
            None => Err(self.shape(raw, "expected a string")),
            Some(plain) if !plain.contains('\\') => Ok((plain.into(), place)),
            Some(_) => match serde_json::from_str::<String>(raw) {
                Ok(text) => Ok((text.into(), place)),
                Err(_) => Err(self.shape(raw, "an escape that is no character")),
            },
        }
    }

    /// Calls `visit(reader, key, value)` for each member of an object, or for each value of an array (the key is then
    /// empty).
    fn each(
        &mut self,
        raw: Raw<'a>,
        visit: impl FnMut(&mut Self, Raw<'a>, Raw<'a>) -> Result<(), Shape>,
    ) -> Result<(), Shape> {
        let mut json = serde_json::Deserializer::from_str(raw);
        let seed = Each { reader: self, visit };
        match seed.deserialize(&mut json) {
            Ok(result) => result,
            // The syntax has been judged before; what is left is JSON that serde_json itself does not take.
            Err(error) => Err(Shape { at: self.places.offset(raw), message: error.to_string() }),
        }
    }
}

struct Each<'r, R, V> {
    reader: &'r mut R,
    visit: V,
}

impl<'a, R, V: FnMut(&mut R, Raw<'a>, Raw<'a>) -> Result<(), Shape>> DeserializeSeed<'a> for Each<'_, R, V> {
    type Value = Result<(), Shape>;

    fn deserialize<D: Deserializer<'a>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'a, R, V: FnMut(&mut R, Raw<'a>, Raw<'a>) -> Result<(), Shape>> Visitor<'a> for Each<'_, R, V> {
    type Value = Result<(), Shape>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array")
    }

    fn visit_map<A: MapAccess<'a>>(mut self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut result = Ok(());
        while let Some((key, value)) = map.next_entry::<&RawValue, &RawValue>()? {
            if result.is_ok() {
                result = (self.visit)(self.reader, key.get(), value.get());
            }
        }
        Ok(result)
    }

    fn visit_seq<A: SeqAccess<'a>>(mut self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut result = Ok(());
        while let Some(value) = seq.next_element::<&RawValue>()? {
            if result.is_ok() {
                result = (self.visit)(self.reader, "", value.get());
            }
        }
        Ok(result)
    }
}

/// From offsets to lines, forth and back from the place that was last asked for: what lies between is read again, and on
/// the way back the line that is gone back to.
struct Places<'a> {
    text: &'a [u8],
    start: Place,
    at: Place,
}

impl<'a> Places<'a> {
    /// Columns of the first line count from behind a mark, `start` bytes long.
    fn new(text: &'a [u8], start: usize) -> Self {
        let start = Place { offset: start, line: 1, column: 1 };
        Self { text, start, at: start }
    }

    /// Where a part of the text starts.
    fn offset(&self, part: Raw<'a>) -> usize {
        (part.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize)
    }

    fn of(&mut self, offset: usize) -> Place {
        let offset = offset.clamp(self.start.offset, self.text.len());
        let newlines = |from: usize, to: usize| {
            let passed = self.text.get(from..to).unwrap_or_default();
            let last = passed.iter().rposition(|byte| *byte == b'\n').map(|at| from + at + 1);
            (u32::try_from(passed.iter().filter(|byte| **byte == b'\n').count()).unwrap_or(u32::MAX), last)
        };
        let column = |start: usize| u32::try_from(offset - start + 1).unwrap_or(u32::MAX);
        let line_start = self.at.offset + 1 - self.at.column as usize;
        self.at = if offset >= self.at.offset {
            let (passed, last) = newlines(self.at.offset, offset);
            let line = self.at.line.saturating_add(passed);
            Place { offset, line, column: column(last.unwrap_or(line_start)) }
        } else if offset >= line_start {
            Place { offset, line: self.at.line, column: column(line_start) }
        } else {
            let (passed, _) = newlines(offset, self.at.offset);
            let before = self.text.get(self.start.offset..offset).unwrap_or_default();
            let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            Place { offset, line: self.at.line.saturating_sub(passed), column: column(self.start.offset + start) }
        };
        self.at
    }

    /// The place of a line and column that both count from 1.
    fn of_line(&mut self, line: usize, column: usize) -> Place {
        let starts = self.text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
        let start =
            core::iter::once(self.start.offset).chain(starts).nth(line.saturating_sub(1)).unwrap_or(self.text.len());
        self.of((start + column.saturating_sub(1)).min(self.text.len()))
    }
}
