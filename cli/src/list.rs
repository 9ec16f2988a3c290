//! Plain lists.

use cidrgate::{CidrSet, List, ListReader, SetName};

use crate::answer::Stop;
use crate::args::NamedList;
use crate::diagnose::{Text, tell};
use crate::source::{Form, Source};

/// Reads a list and says what is worth a warning; where it is none, says why.
pub(crate) fn read(source: &Source, lenient: bool) -> Result<List, Stop> {
    let (list, bytes) = source.read(Form::List, |bytes| ListReader::new().lenient(lenient).read(bytes))?;
    Text { name: source, bytes: &bytes }.warnings(list.warnings());
    Ok(list)
}

/// Reads all the lists, so that the faults of each are told; fails if one did.
pub(crate) fn read_all<'a>(sources: impl IntoIterator<Item = &'a Source>, lenient: bool) -> Result<Vec<List>, Stop> {
    let lists: Vec<_> = sources.into_iter().map(|source| read(source, lenient)).collect();
    lists.into_iter().collect()
}

/// Reads a list that is to decide something, which one without entries hardly means to.
pub(crate) fn read_set(source: &Source, lenient: bool, allow_empty: bool) -> Result<CidrSet, Stop> {
    let list = read(source, lenient)?;
    if list.entries() == 0 && !allow_empty {
        tell(format_args!("{source}: the list has no entries; if that is right, say --allow-empty"));
        return Err(Stop::Told);
    }
    Ok(list.into_set())
}

/// Reads the lists of `--set`, all of them before any fault ends it.
pub(crate) fn read_sets(sets: &[NamedList], lenient: bool, allow_empty: bool) -> Result<Vec<(SetName, CidrSet)>, Stop> {
    let sets: Vec<_> = sets.iter().map(|set| (&set.name, read_set(&set.list, lenient, allow_empty))).collect();
    sets.into_iter().map(|(name, set)| Ok((name.clone(), set?))).collect()
}
