//! Plain lists.

use cidrgate::{List, ListReader};

use crate::answer::Stop;
use crate::diagnose::Text;
use crate::source::{Form, Refused, Source, is_image};

/// Reads a list and says what is worth a warning; where it is none, says why.
pub(crate) fn read(source: &Source, lenient: bool) -> Result<List, Stop> {
    let (list, bytes) = source.read(Form::List, |bytes| match is_image(bytes) {
        true => Err(Refused::NoList),
        false => Ok(ListReader::new().lenient(lenient).read(bytes)?),
    })?;
    Text { name: source, bytes: &bytes }.warnings(list.warnings());
    Ok(list)
}

/// Reads all the lists, so that the faults of each are told; fails if one did.
pub(crate) fn read_all<'a>(sources: impl IntoIterator<Item = &'a Source>, lenient: bool) -> Result<Vec<List>, Stop> {
    let lists: Vec<_> = sources.into_iter().map(|source| read(source, lenient)).collect();
    lists.into_iter().collect()
}
