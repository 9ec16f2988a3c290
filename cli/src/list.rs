//! Plain lists, and the ranges that clouds publish.

use std::fmt::Display;

use cidrgate::cloud::{PublishedRanges, PublishedRangesError};
use cidrgate::{CidrSet, List, ListReader, ReadError, SetName};

use crate::answer::Stop;
use crate::args::NamedSet;
use crate::diagnose::{Text, printable, tell};
use crate::source::{Form, Source, is_image, is_json};

/// Reads a list and says what is worth a warning; where it is none, says why.
pub(crate) fn read(source: &Source, lenient: bool) -> Result<List, Stop> {
    let (list, bytes) = source.make(Form::List, |bytes| ListReader::new().lenient(lenient).read(bytes))?;
    if list.is_err() && is_json(&bytes) {
        return Err(told(format_args!("{source}: this is JSON; published ranges are taken with --set NAME=FILE")));
    }
    judged(source, list, &bytes)
}

/// Reads all the lists, so that the faults of each are told; fails if one did.
pub(crate) fn read_all<'a>(sources: impl IntoIterator<Item = &'a Source>, lenient: bool) -> Result<Vec<List>, Stop> {
    let lists: Vec<_> = sources.into_iter().map(|source| read(source, lenient)).collect();
    lists.into_iter().collect()
}

/// Reads a list that is to decide something, which one without entries hardly means to.
pub(crate) fn read_set(source: &Source, lenient: bool, allow_empty: bool) -> Result<CidrSet, Stop> {
    not_empty(source, read(source, lenient)?, allow_empty)
}

/// Reads the sets of `--set`, all of them before any fault ends it.
pub(crate) fn read_sets(sets: &[NamedSet], lenient: bool, allow_empty: bool) -> Result<Vec<(SetName, CidrSet)>, Stop> {
    let sets: Vec<_> = sets.iter().map(|set| (&set.name, read_named(set, lenient, allow_empty))).collect();
    sets.into_iter().map(|(name, set)| Ok((name.clone(), set?))).collect()
}

/// The tag that is all of a file.
const ALL: &str = "*";

/// What a file that may be either was read as.
enum Read {
    List(Result<List, ReadError>),
    Published(Result<PublishedRanges, PublishedRangesError>),
}

fn read_named(set: &NamedSet, lenient: bool, allow_empty: bool) -> Result<CidrSet, Stop> {
    let source = &set.file;
    let (read, bytes) = source.make(Form::Set, |bytes| match is_json(bytes) {
        true => Read::Published(PublishedRanges::read(bytes)),
        false => Read::List(ListReader::new().lenient(lenient).read(bytes)),
    })?;
    let list = match (read, set.tag.as_deref()) {
        (Read::Published(ranges), _) => tagged(set, &ranges.map_err(|error| told(format_args!("{source}: {error}")))?)?,
        (Read::List(list), None | Some(ALL)) => judged(source, list, &bytes)?,
        (Read::List(_), Some(tag)) => {
            let tag = printable(tag.as_bytes());
            return Err(told(format_args!("{source}: not JSON, so it has no tag `{tag}`")));
        }
    };
    not_empty(source, list, allow_empty)
}

/// The ranges of the tag that is asked for, by the set's name if not otherwise; a document without tags is taken whole.
fn tagged(set: &NamedSet, ranges: &PublishedRanges) -> Result<List, Stop> {
    let source = &set.file;
    let (list, hint) = match set.tag.as_deref() {
        Some(ALL) => (ranges.all().map_err(Into::into), false),
        Some(tag) => (ranges.get(tag), false),
        None if ranges.tags().len() == 0 => (ranges.all().map_err(Into::into), false),
        None => (ranges.get(set.name.as_str()), true),
    };
    list.map_err(|error| match hint {
        true => told(format_args!("{source}: {error} (--set {}:TAG=FILE takes a tag of another name)", set.name)),
        false => told(format_args!("{source}: {error}")),
    })
}

fn not_empty(source: &Source, list: List, allow_empty: bool) -> Result<CidrSet, Stop> {
    if list.entries() == 0 && !allow_empty {
        return Err(told(format_args!("{source}: the list has no entries; if that is right, say --allow-empty")));
    }
    Ok(list.into_set())
}

/// Says what of a list is worth a warning, or why it is none.
fn judged(source: &Source, list: Result<List, ReadError>, bytes: &[u8]) -> Result<List, Stop> {
    if is_image(bytes) {
        return Err(told(format_args!("{source}: this is an image; what is needed here is a list")));
    }
    let text = Text { name: source, bytes };
    let list = list.map_err(|error| {
        text.faults(&error);
        Stop::Told
    })?;
    text.warnings(list.warnings());
    Ok(list)
}

fn told(message: impl Display) -> Stop {
    tell(message);
    Stop::Told
}
