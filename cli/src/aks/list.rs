//! The LIST of the verbs about clusters: entries with commas between, or `@FILE`.

use std::ffi::OsString;
use std::fmt::{self, Display};

use cidrgate::azure::{AuthorizedRanges, RangesReader};
use cidrgate::{CidrSet, IpRange};
use clap::builder::{OsStringValueParser, TypedValueParser};
use clap_lex::OsStrExt;

use crate::answer::Stop;
use crate::diagnose::{printable, tell};
use crate::source::Source;

/// How many warnings or faults of one list are shown; the rest are counted.
const SHOWN: usize = 100;

/// A LIST as it is given.
#[derive(Clone)]
pub(super) enum ListArg {
    Text(String),
    File(Source),
}

impl ListArg {
    pub(super) fn parser() -> impl TypedValueParser<Value = Self> {
        OsStringValueParser::new().try_map(Self::new)
    }

    fn new(list: OsString) -> Result<Self, &'static str> {
        if let Some(file) = list.strip_prefix("@") {
            return Ok(Self::File(file.to_owned().into()));
        }
        list.into_string().map(Self::Text).map_err(|_| "the list is no UTF-8")
    }

    pub(super) fn source(&self) -> Option<&Source> {
        match self {
            Self::Text(_) => None,
            Self::File(source) => Some(source),
        }
    }

    /// The text, one line. An empty file is refused: `""` opens the cluster to everyone, and a file that was cut off
    /// must not.
    pub(super) fn text(&self) -> Result<String, Stop> {
        let source = match self {
            Self::Text(text) => return Ok(text.clone()),
            Self::File(source) => source,
        };
        source.read_document(|bytes| {
            let text = std::str::from_utf8(bytes).map_err(|_| "the list is no UTF-8")?;
            let text = text.strip_prefix('\u{feff}').unwrap_or(text);
            let line = text.strip_suffix('\n').unwrap_or(text);
            let line = line.strip_suffix('\r').unwrap_or(line);
            match line {
                line if line.trim().is_empty() => {
                    Err("the file is empty; where no list is meant, write \"\" in place of @FILE")
                }
                line if line.contains('\n') => Err("the list is one line, entries with commas between"),
                line => Ok(line.to_owned()),
            }
        })
    }

    /// The authorized ranges that it is for `reader`; what is worth a warning is said. `option` is where it was given.
    pub(super) fn ranges(&self, option: &str, reader: &RangesReader) -> Result<AuthorizedRanges, Stop> {
        let ranges = self.quiet_ranges(option, reader)?;
        let warnings = ranges.warnings();
        let place = Place { option, list: self };
        place.say(warnings.iter().map(|warning| format!("warning: {warning}")), warnings.len());
        Ok(ranges)
    }

    /// The same without the warnings, which the caller tells.
    pub(super) fn quiet_ranges(&self, option: &str, reader: &RangesReader) -> Result<AuthorizedRanges, Stop> {
        reader.read(&self.text()?).map_err(|error| {
            Place { option, list: self }.say(error.faults(), error.count());
            Stop::Told
        })
    }

    /// Addresses, networks and ranges of both families, at least one, strictly.
    pub(super) fn addresses(&self, option: &str) -> Result<CidrSet, Stop> {
        let place = Place { option, list: self };
        let text = self.text()?;
        if text.trim().is_empty() {
            tell(format_args!("{place}: there are no addresses; if that is right, leave out {option}"));
            return Err(Stop::Told);
        }
        let mut faults = Vec::new();
        let mut ranges = Vec::new();
        for (index, entry) in text.split(',').enumerate() {
            let entry = entry.trim_matches([' ', '\t']);
            match entry.parse::<IpRange>() {
                Ok(range) => ranges.push(range),
                Err(error) => faults.push(format!("entry {index}: `{}`: {error}", printable(entry.as_bytes()))),
            }
        }
        if !faults.is_empty() {
            place.say(&faults, faults.len());
            return Err(Stop::Told);
        }
        CidrSet::try_from_ranges(ranges).map_err(|error| {
            tell(error);
            Stop::Told
        })
    }
}

/// Where a list was given: `--ranges`, or the file.
struct Place<'a> {
    option: &'a str,
    list: &'a ListArg,
}

impl Place<'_> {
    /// Says the first of `count` messages.
    fn say(&self, messages: impl IntoIterator<Item = impl Display>, count: usize) {
        let mut said = 0;
        for message in messages.into_iter().take(SHOWN) {
            tell(format_args!("{self}: {message}"));
            said += 1;
        }
        if count > said {
            tell(format_args!("{self}: and {} more", count - said));
        }
    }
}

impl Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.list {
            ListArg::Text(_) => f.write_str(self.option),
            ListArg::File(source) => source.fmt(f),
        }
    }
}
