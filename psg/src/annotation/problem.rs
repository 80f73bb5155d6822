//! Why a file of annotations is refused, before its path is known.

use std::path::Path;

use crate::error::{Error, on_one_line, quoted};

/// What is wrong with a file, and where.
#[derive(Debug)]
pub(super) enum Problem {
    /// The content breaks its format.
    Content {
        /// Where in the file, such as `line 17`.
        place: String,
        /// What is wrong there.
        problem: String,
    },
    /// The operating system refused.
    Io(std::io::Error),
    /// The file is EDF, whose reader said why.
    Edf(nocturne_edf::Error),
}

impl Problem {
    /// Makes a problem with the file as a whole.
    pub(super) fn whole(problem: impl Into<String>) -> Self {
        Self::Content { place: "as a whole".to_owned(), problem: problem.into() }
    }

    /// Returns what places a sentence at a line, counted from 1.
    pub(super) fn at_line(line: usize) -> impl Fn(String) -> Self {
        move |problem| Self::Content { place: format!("line {line}"), problem }
    }

    /// Returns what places a sentence at a byte, counted from 0 in UTF-8.
    pub(super) fn at_byte(byte: u64) -> impl Fn(String) -> Self {
        move |problem| Self::Content { place: format!("byte {byte}"), problem }
    }

    /// Returns the error that names the file.
    pub(super) fn in_file(self, path: &Path) -> Error {
        match self {
            Self::Content { place, problem } => {
                Error::Annotations { path: path.to_owned(), place, problem: on_one_line(&problem) }
            }
            Self::Io(source) => Error::io(path, "read")(source),
            Self::Edf(error) => error.into(),
        }
    }
}

/// Returns a value for a message: quoted where it looks like a number, a time or a code.
///
/// Where a row has slipped, a scorer's note stands in the place of a number, and notes may name people.
pub(super) fn shown(value: &str) -> String {
    let longest_word =
        value.split(|c: char| !c.is_alphabetic()).map(|word| word.chars().count()).max();
    if longest_word.unwrap_or(0) <= 3 {
        quoted(value)
    } else {
        format!("a text of {} characters", value.chars().count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_in_the_place_of_numbers_are_not_repeated() {
        assert_eq!(shown("12:61 PM"), "`12:61 PM`");
        assert_eq!(shown("nan"), "`nan`");
        assert_eq!(shown("spoke to Mr X"), "a text of 13 characters");
    }
}
