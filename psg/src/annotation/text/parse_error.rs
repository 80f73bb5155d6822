//! Why an annotation file is refused, before its path is known.

use std::path::Path;

use crate::error::{AnnotationLocation, Error, on_one_line, quoted};

/// Why a file is refused.
#[derive(Debug)]
pub(in crate::annotation) enum ParseError {
    /// The content does not conform to its format.
    Content {
        /// Where in the file.
        location: AnnotationLocation,
        /// What is wrong there.
        problem: String,
    },
    /// The file could not be read.
    Io(std::io::Error),
    /// The file is EDF and was refused by its reader.
    Edf(nocturne_edf::Error),
}

impl ParseError {
    /// Returns an error about the file as a whole.
    pub(in crate::annotation) fn in_file(problem: impl Into<String>) -> Self {
        Self::Content { location: AnnotationLocation::File, problem: problem.into() }
    }

    /// Returns a function that adds a line number, counted from 1, to a problem.
    pub(in crate::annotation) fn at_line(line: usize) -> impl Fn(String) -> Self {
        move |problem| Self::Content { location: AnnotationLocation::Line(line), problem }
    }

    /// Returns a function that adds an offset in bytes, counted from 0 in UTF-8, to a problem.
    pub(in crate::annotation) fn at_byte(byte: u64) -> impl Fn(String) -> Self {
        move |problem| Self::Content { location: AnnotationLocation::Byte(byte), problem }
    }

    /// Returns the error with the path of the file.
    pub(in crate::annotation) fn with_path(self, path: &Path) -> Error {
        match self {
            Self::Content { location, problem } => Error::Annotations {
                path: path.to_owned(),
                location,
                problem: on_one_line(&problem),
            },
            Self::Io(source) => Error::io(path, "read")(source),
            Self::Edf(error) => error.into(),
        }
    }
}

/// Returns a value for a message: quoted if it looks like a number, a time or a code, and only its length otherwise.
///
/// In a row with a missing field, a scorer's note may be where a number is expected, and notes may name people.
pub(in crate::annotation) fn redacted(value: &str) -> String {
    let words = value.split(|c: char| !c.is_alphabetic());
    let longest_word = words.map(|word| word.chars().count()).max().unwrap_or(0);
    if longest_word <= 3 {
        quoted(value)
    } else {
        format!("a text of {} characters", value.chars().count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_not_repeated_in_messages() {
        assert_eq!(redacted("12:61 PM"), "`12:61 PM`");
        assert_eq!(redacted("nan"), "`nan`");
        assert_eq!(redacted("spoke to Mr X"), "a text of 13 characters");
    }
}
