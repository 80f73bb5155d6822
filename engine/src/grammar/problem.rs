//! Why a question was refused: where, what was expected there, and what may have been meant.

use std::fmt;

use nocturne_concepts::{Registry, Suggestion};

/// Maximum number of characters of the question in a message.
const MAX_SHOWN: usize = 40;

/// A question that was refused; nothing of it was ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Why.
    pub reason: Reason,
    /// Position in bytes, from 0.
    pub byte: usize,
    /// Position in characters, from 1.
    pub character: usize,
    /// The words that were not understood; empty at the end of the question.
    pub text: String,
    /// What was expected there.
    pub expected: String,
    /// Concepts with similar names, the most similar first.
    pub nearest: Vec<Suggestion>,
    /// Whether they are words of a search, not a question about nights.
    pub is_search: bool,
}

/// Why a question was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// A word has no place in the grammar; the asker's mistake.
    NotUnderstood,
    /// The words can mean two things, or are negated twice; the asker's mistake.
    Ambiguous,
    /// It is not in English; the asker's mistake.
    NotEnglish,
    /// No word of it names anything known; the asker's mistake.
    UnknownWords,
    /// It describes sleep but measures nothing; a search by similarity can answer it.
    FreeWords,
    /// A search names a number, which only whole nights have.
    NotOfEpochs,
    /// It is longer than a question may be, or has too many conditions; the asker's mistake.
    TooLong,
    /// It is understood, and nothing in a recording shows it.
    NotMeasurable,
    /// The recordings have no such column of metadata.
    NoColumn {
        /// The column.
        column: String,
    },
}

impl Unreadable {
    /// Describes a refusal at a range of bytes of a question.
    pub(crate) fn new(
        question: &str,
        range: std::ops::Range<usize>,
        reason: Reason,
        expected: impl Into<String>,
    ) -> Self {
        let start = question.floor_char_boundary(range.start);
        let end = question.ceil_char_boundary(range.end.max(start));
        let words = &question[start..end];
        let is_cut = words.chars().nth(MAX_SHOWN).is_some();
        let text = words.chars().take(MAX_SHOWN).chain(is_cut.then_some('…')).collect();
        let character = question[..start].chars().count() + 1;
        Self {
            reason,
            byte: start,
            character,
            text,
            expected: expected.into(),
            nearest: Vec::new(),
            is_search: false,
        }
    }

    /// Adds the concepts that the words may have meant.
    pub(crate) fn with_nearest(mut self, registry: &Registry) -> Self {
        self.nearest = registry.nearest(&self.text);
        self
    }

    /// Marks it as a problem of a search.
    pub(crate) fn in_search(mut self) -> Self {
        self.is_search = true;
        self
    }

    /// Returns whether the question itself is right, and the collection or its recordings cannot answer it.
    pub fn is_precondition(&self) -> bool {
        match self.reason {
            Reason::NotMeasurable | Reason::NoColumn { .. } => true,
            Reason::NotUnderstood
            | Reason::Ambiguous
            | Reason::NotEnglish
            | Reason::UnknownWords
            | Reason::FreeWords
            | Reason::NotOfEpochs
            | Reason::TooLong => false,
        }
    }

    /// Returns the next step for the user.
    pub fn hint(&self) -> String {
        let names: Vec<String> =
            self.nearest.iter().map(|suggestion| format!("`{}`", suggestion.name)).collect();
        match (&self.reason, names.as_slice()) {
            (Reason::NoColumn { .. }, _) => "add a table of metadata to the collection".to_owned(),
            (Reason::FreeWords, _) => {
                "search for nights that resemble these words instead".to_owned()
            }
            (Reason::TooLong, _) => "ask several questions".to_owned(),
            (Reason::NotOfEpochs, _) => "ask a question about nights".to_owned(),
            (_, []) if self.is_search => {
                "search for known concepts, such as `N2 sleep without arousals` or `apnea & supine`".to_owned()
            }
            (
                Reason::NotMeasurable
                | Reason::NotEnglish
                | Reason::UnknownWords
                | Reason::NotUnderstood,
                [],
            )
            | (Reason::Ambiguous, _) => "ask for a known concept, such as `AHI above 15`, `frequent arousals in REM sleep` or `sleep efficiency below 80`".to_owned(),
            (_, [name]) => format!("a known concept with a similar name is {name}"),
            (_, names) => format!("known concepts with similar names are {}", names.join(", ")),
        }
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reason, character, text, expected, .. } = self;
        let what = if self.is_search { "search" } else { "question" };
        write!(f, "{what}, character {character}, ")?;
        match text.as_str() {
            "" => write!(f, "at its end: ")?,
            text => write!(f, "at `{text}`: ")?,
        }
        match reason {
            Reason::NotUnderstood | Reason::NotOfEpochs => {
                write!(f, "not understood; expected {expected}")
            }
            Reason::Ambiguous => write!(f, "it can be read in two ways; expected {expected}"),
            Reason::NotEnglish => write!(f, "questions are asked in English"),
            Reason::UnknownWords => {
                write!(f, "no word of it names a known concept; expected {expected}")
            }
            Reason::FreeWords => {
                write!(f, "these words describe sleep and measure nothing; expected {expected}")
            }
            Reason::TooLong => write!(f, "too long; expected {expected}"),
            Reason::NotMeasurable => write!(f, "nothing in a recording shows it"),
            Reason::NoColumn { column } => {
                write!(f, "no recording has the metadata `{column}`; expected {expected}")
            }
        }
    }
}

impl std::error::Error for Unreadable {}
