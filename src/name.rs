//! Names of sets, and the nearest known word to an unknown one.

use alloc::sync::Arc;
use core::borrow::Borrow;
use core::fmt;

/// The name of a set: a letter or digit, then up to 127 letters, digits, `.`, `_` or `-` (all ASCII).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SetName(Arc<str>);

/// Why a text is no name of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a set name is a letter or digit and up to 127 letters, digits, '.', '_' or '-'")]
pub struct NameError;

impl SetName {
    /// The name, if it is one.
    ///
    /// # Errors
    /// If it is empty, too long, or holds another character.
    pub fn new(name: &str) -> Result<Self, NameError> {
        let tail = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        match name.as_bytes() {
            [first, rest @ ..] if first.is_ascii_alphanumeric() && rest.len() < 128 && rest.iter().all(tail) => {
                Ok(Self(name.into()))
            }
            _ => Err(NameError),
        }
    }

    /// The name, without the `@`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for SetName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Shown: `; did you mean WORD?` with the known word nearest to `found`, or nothing where none is near. The search is
/// made when it is shown, since there may be many known words and most faults are only counted.
pub(crate) struct Nearest<'f, K> {
    pub(crate) found: &'f str,
    pub(crate) known: K,
}

impl<'a, K: IntoIterator<Item = &'a str> + Clone> fmt::Display for Nearest<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.known.clone().into_iter();
        let near = known.map(|word| (distance(self.found.as_bytes(), word.as_bytes()), word)).min();
        let near = near.filter(|(far, word)| *far <= 1 + word.len() / 4);
        near.map_or(Ok(()), |(_, word)| write!(f, "; did you mean `{word}`?"))
    }
}

/// Edits from one word to the other: insert, delete, replace, swap of neighbours. Words too long to be a slip of the
/// keyboard are far from all others, which also bounds the work.
pub(crate) fn distance(a: &[u8], b: &[u8]) -> usize {
    const LONGEST: usize = 40;
    if a.len() > LONGEST || b.len() > LONGEST {
        return usize::MAX;
    }
    // The last three rows of the table of Damerau and Levenshtein.
    let mut rows = [[0usize; LONGEST + 1]; 3];
    for (at, cell) in rows[0].iter_mut().enumerate() {
        *cell = at;
    }
    for i in 1..=a.len() {
        let (row, above, two) = (i % 3, (i + 2) % 3, (i + 1) % 3);
        rows[row][0] = i;
        for j in 1..=b.len() {
            let differs = usize::from(!a[i - 1].eq_ignore_ascii_case(&b[j - 1]));
            let mut least = (rows[above][j] + 1).min(rows[row][j - 1] + 1).min(rows[above][j - 1] + differs);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[two][j - 2] + 1);
            }
            rows[row][j] = least;
        }
    }
    rows[a.len() % 3][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn slips_of_the_keyboard_find_their_word() {
        let known = ["allow", "deny", "default", "precedence", "set", "expect"];
        let said = |found: &str| Nearest { found, known }.to_string();
        for (found, near) in [("alow", "allow"), ("dney", "deny"), ("defualt", "default"), ("Allow", "allow")] {
            assert_eq!(said(found), alloc::format!("; did you mean `{near}`?"));
        }
        assert_eq!(said("permit"), "");
        assert_eq!(said(&"x".repeat(70_000)), "");
    }

    #[test]
    fn names() {
        for good in ["a", "AzureCloud.westeurope", "0-9_", &"x".repeat(128)] {
            assert!(SetName::new(good).is_ok(), "{good}");
        }
        for bad in ["", ".a", "-a", "a b", "ä", "a@b", &"x".repeat(129)] {
            assert!(SetName::new(bad).is_err(), "{bad}");
        }
    }
}
