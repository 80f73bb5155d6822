//! Reads a text line by line, with a limit on the length of a line.

use std::io::{BufRead, Read};

use super::parse_error::ParseError;

/// Maximum length of a line in bytes.
const MAX_LINE_BYTES: u64 = 1 << 16;

/// The end-of-file mark of DOS programs, control-Z.
const END_OF_FILE: char = '\x1a';

/// Reads lines from UTF-8.
pub(in crate::annotation) struct LineReader<R> {
    input: R,
    number: usize,
    bytes: Vec<u8>,
}

/// One line, without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::annotation) struct Line {
    /// The number, counted from 1.
    pub(in crate::annotation) number: usize,
    /// The text.
    pub(in crate::annotation) text: String,
}

impl<R: BufRead> LineReader<R> {
    /// Reads an input that is UTF-8.
    pub(in crate::annotation) fn new(input: R) -> Self {
        Self { input, number: 0, bytes: Vec::new() }
    }

    /// Returns the next line; `None` at the end of the file or at an end-of-file mark.
    pub(in crate::annotation) fn next(&mut self) -> Result<Option<Line>, ParseError> {
        self.bytes.clear();
        let mut limited = self.input.by_ref().take(MAX_LINE_BYTES);
        let n = limited.read_until(b'\n', &mut self.bytes).map_err(ParseError::Io)?;
        if n == 0 || self.bytes.starts_with(&[END_OF_FILE as u8]) {
            return Ok(None);
        }
        self.number += 1;
        let at_line = ParseError::at_line(self.number);
        if n as u64 == MAX_LINE_BYTES && !self.bytes.ends_with(b"\n") {
            return Err(at_line(format!("the line has more than {MAX_LINE_BYTES} bytes")));
        }
        let text = String::from_utf8_lossy(&self.bytes);
        let text = text.trim_end_matches(['\n', '\r', END_OF_FILE]);
        if text.contains('\0') {
            return Err(at_line("the line contains a zero byte; expected text".to_owned()));
        }
        Ok(Some(Line { number: self.number, text: text.to_owned() }))
    }

    /// Returns the next line that is not blank.
    pub(in crate::annotation) fn next_filled(&mut self) -> Result<Option<Line>, ParseError> {
        while let Some(line) = self.next()? {
            if !line.text.trim().is_empty() {
                return Ok(Some(line));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_with_or_without_a_carriage_return_and_text_at_control_z() {
        let mut lines = LineReader::new(&b"a\r\n\nb\n\x1a"[..]);
        let mut next = || lines.next_filled().unwrap().map(|line| (line.number, line.text));
        assert_eq!(next(), Some((1, "a".to_owned())));
        assert_eq!(next(), Some((3, "b".to_owned())));
        assert_eq!(next(), None);
    }

    #[test]
    fn long_and_binary_lines_are_refused() {
        let check = |text: &[u8], expected: &str| {
            let error = LineReader::new(text).next().unwrap_err();
            assert_eq!(error.with_path("a".as_ref()).to_string(), expected);
        };
        check(&vec![b'x'; 1 << 17], "`a`, line 1: the line has more than 65536 bytes");
        check(b"a\0b\n", "`a`, line 1: the line contains a zero byte; expected text");
    }
}
