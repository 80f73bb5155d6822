//! Reads a text line by line, none longer than a scorer writes.

use std::io::{BufRead, Read};

use super::problem::Problem;

/// Bytes of the longest line that is read.
const LONGEST_LINE_BYTES: u64 = 1 << 16;

/// The lines of a text.
pub(super) struct Lines<R> {
    input: R,
    number: usize,
    bytes: Vec<u8>,
}

/// One line, without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Counted from 1.
    pub(super) number: usize,
    /// The text.
    pub(super) text: String,
}

impl<R: BufRead> Lines<R> {
    /// Reads an input that is UTF-8.
    pub(super) fn new(input: R) -> Self {
        Self { input, number: 0, bytes: Vec::new() }
    }

    /// Returns the next line, or nothing at the end, which old programs mark with a control-Z.
    pub(super) fn next(&mut self) -> Result<Option<Line>, Problem> {
        self.bytes.clear();
        let mut limited = self.input.by_ref().take(LONGEST_LINE_BYTES);
        let n = limited.read_until(b'\n', &mut self.bytes).map_err(Problem::Io)?;
        if n == 0 || self.bytes.starts_with(b"\x1a") {
            return Ok(None);
        }
        self.number += 1;
        let at_line = Problem::at_line(self.number);
        if n as u64 == LONGEST_LINE_BYTES && !self.bytes.ends_with(b"\n") {
            let problem = format!("the line has more than {LONGEST_LINE_BYTES} bytes");
            return Err(at_line(problem));
        }
        let text = String::from_utf8_lossy(&self.bytes);
        let text = text.trim_end_matches(['\n', '\r', '\x1a']);
        if text.contains('\0') {
            return Err(at_line("it holds a zero byte; expected text".to_owned()));
        }
        Ok(Some(Line { number: self.number, text: text.to_owned() }))
    }

    /// Returns the next line that is not blank.
    pub(super) fn next_filled(&mut self) -> Result<Option<Line>, Problem> {
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
    fn lines_end_in_either_way_and_at_control_z() {
        let mut lines = Lines::new(&b"a\r\n\nb\n\x1a"[..]);
        let mut next = || lines.next_filled().unwrap().map(|line| (line.number, line.text));
        assert_eq!(next(), Some((1, "a".to_owned())));
        assert_eq!(next(), Some((3, "b".to_owned())));
        assert_eq!(next(), None);
    }

    #[test]
    fn overlong_and_binary_lines_are_refused() {
        let check = |text: &[u8], expected: &str| {
            let problem = Lines::new(text).next().unwrap_err();
            assert_eq!(problem.in_file("a".as_ref()).to_string(), expected);
        };
        check(&vec![b'x'; 1 << 17], "`a`, line 1: the line has more than 65536 bytes");
        check(b"a\0b\n", "`a`, line 1: it holds a zero byte; expected text");
    }
}
