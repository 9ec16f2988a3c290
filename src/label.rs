//! [`Label`]: what a matcher knows of a rule. Kept in columns, as they stand in an image.

use alloc::string::String;
use alloc::vec::Vec;

use crate::error::OutOfMemory;
use crate::policy::Action;

/// What a matcher still knows of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Label<'a> {
    action: Action,
    line: u32,
    note: Option<&'a str>,
}

impl<'a> Label<'a> {
    pub(crate) fn new(action: Action, line: u32, note: Option<&'a str>) -> Self {
        Self { action, line, note }
    }

    /// What the rule says.
    #[must_use]
    pub fn action(&self) -> Action {
        self.action
    }

    /// The line of the text it came from, from 1; 0 if it came from a builder.
    #[must_use]
    pub fn line(&self) -> u32 {
        self.line
    }

    /// What people say about it.
    #[must_use]
    pub fn note(&self) -> Option<&'a str> {
        self.note
    }
}

/// The labels of all rules. Neighbours with the same note share it: a statement with many targets is many rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Labels {
    pub(crate) actions: Vec<Action>,
    pub(crate) lines: Vec<u32>,
    /// Which note each rule has, counted from 1; 0 if none.
    pub(crate) notes: Vec<u32>,
    /// Where each note ends in the text; it starts where the one before ends.
    pub(crate) ends: Vec<usize>,
    pub(crate) text: String,
}

impl Labels {
    pub(crate) fn collect<'a>(labels: impl ExactSizeIterator<Item = Label<'a>>) -> Result<Self, OutOfMemory> {
        let mut kept = Self::default();
        kept.actions.try_reserve_exact(labels.len())?;
        kept.lines.try_reserve_exact(labels.len())?;
        kept.notes.try_reserve_exact(labels.len())?;
        let mut before = None;
        for label in labels {
            kept.actions.push(label.action);
            kept.lines.push(label.line);
            if let Some(note) = label.note.filter(|_| label.note != before) {
                kept.ends.try_reserve(1)?;
                kept.text.try_reserve(note.len())?;
                kept.text.push_str(note);
                kept.ends.push(kept.text.len());
            }
            // There are no more notes than rules, and of those at most 2^31.
            kept.notes.push(label.note.map_or(0, |_| u32::try_from(kept.ends.len()).unwrap_or(0)));
            before = label.note;
        }
        kept.ends.shrink_to_fit();
        kept.text.shrink_to_fit();
        Ok(kept)
    }

    pub(crate) fn len(&self) -> usize {
        self.actions.len()
    }

    pub(crate) fn action(&self, rule: usize) -> Option<Action> {
        self.actions.get(rule).copied()
    }

    pub(crate) fn get(&self, rule: usize) -> Option<Label<'_>> {
        let (action, line, note) = (self.action(rule)?, *self.lines.get(rule)?, *self.notes.get(rule)?);
        Some(Label { action, line, note: (note as usize).checked_sub(1).and_then(|note| self.note(note)) })
    }

    /// Whether a note, by its number from 0, is the one before.
    pub(crate) fn is_note_twice(&self, number: usize) -> bool {
        // As bytes, since nothing is to be made of them.
        let end = |number: usize| number.checked_sub(1).map_or(Some(0), |number| self.ends.get(number).copied());
        let note = |number: usize| self.text.as_bytes().get(end(number)?..end(number + 1)?);
        number.checked_sub(1).is_some_and(|before| note(number) == note(before))
    }

    /// A note by its number, from 0.
    fn note(&self, number: usize) -> Option<&str> {
        let start = number.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied())?;
        self.text.get(start..*self.ends.get(number)?)
    }
}
