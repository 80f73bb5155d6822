//! Turns a text file into UTF-8, whatever encoding it was written in.

use std::fs::File;
use std::io::{self, BufRead, Read, Seek, SeekFrom};

/// Bytes that are read at once.
const CHUNK_BYTES: usize = 1 << 15;

/// How the characters of a file are written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// UTF-8, of which ASCII is a part.
    Utf8,
    /// UTF-16, low byte first: what Windows programs call Unicode.
    Utf16Le,
    /// UTF-16, high byte first.
    Utf16Be,
    /// ISO 8859-1, in which every byte is a character.
    Latin1,
}

impl Encoding {
    /// Finds the encoding of a file and the bytes of its mark; the file is read once and rewound to its begin.
    ///
    /// A mark decides, else the zero bytes of UTF-16 text, else whether all of the file is UTF-8. What an XML
    /// declaration claims is not asked: old exports claim UTF-8 and are Latin-1.
    pub(super) fn of(file: &mut File) -> io::Result<(Self, u64)> {
        let mut chunk = vec![0; CHUNK_BYTES];
        file.seek(SeekFrom::Start(0))?;
        let n = read_up_to(file, &mut chunk)?;
        let found = match &chunk[..n] {
            [0xff, 0xfe, ..] => (Self::Utf16Le, 2),
            [0xfe, 0xff, ..] => (Self::Utf16Be, 2),
            [low, 0, low2, 0, ..] if *low != 0 && *low2 != 0 => (Self::Utf16Le, 0),
            [0, low, 0, low2, ..] if *low != 0 && *low2 != 0 => (Self::Utf16Be, 0),
            head => {
                let mark_bytes = if head.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
                file.seek(SeekFrom::Start(0))?;
                let is_utf8 = is_utf8(file, &mut chunk)?;
                (if is_utf8 { Self::Utf8 } else { Self::Latin1 }, mark_bytes)
            }
        };
        file.seek(SeekFrom::Start(0))?;
        Ok(found)
    }
}

/// Returns whether the rest of an input is UTF-8; a character may lie across two chunks.
fn is_utf8(input: &mut impl Read, chunk: &mut [u8]) -> io::Result<bool> {
    let mut kept = 0;
    loop {
        let n = read_up_to(input, &mut chunk[kept..])?;
        if n == 0 {
            return Ok(kept == 0);
        }
        let filled = kept + n;
        kept = match std::str::from_utf8(&chunk[..filled]) {
            Ok(_) => 0,
            Err(error) if error.error_len().is_some() => return Ok(false),
            Err(error) => {
                chunk.copy_within(error.valid_up_to()..filled, 0);
                filled - error.valid_up_to()
            }
        };
    }
}

/// Fills the buffer as far as the input reaches.
fn read_up_to(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut n = 0;
    while n < buffer.len() {
        match input.read(&mut buffer[n..]) {
            Ok(0) => break,
            Ok(more) => n += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(n)
}

/// Reads an input as UTF-8, chunk by chunk.
pub(super) struct Decoder<R> {
    input: R,
    encoding: Encoding,
    chunk: Vec<u8>,
    text: Vec<u8>,
    position: usize,
    /// The first of two 16-bit units that make one character, where a chunk ends between them.
    high: Option<u16>,
    left: u64,
}

impl<R: Read> Decoder<R> {
    /// Reads an input from after its mark.
    pub(super) fn new(input: R, encoding: Encoding) -> Self {
        let (chunk, text) = (vec![0; CHUNK_BYTES], Vec::new());
        Self { input, encoding, chunk, text, position: 0, high: None, left: u64::MAX }
    }

    /// Lets `bytes` more of text pass; what asks for more meets an error.
    pub(super) fn allow(&mut self, bytes: u64) {
        self.left = bytes;
    }

    fn fill(&mut self) -> io::Result<()> {
        self.text.clear();
        self.position = 0;
        let n = read_up_to(&mut self.input, &mut self.chunk)?;
        let bytes = &self.chunk[..n];
        match self.encoding {
            Encoding::Utf8 => self.text.extend_from_slice(bytes),
            Encoding::Latin1 => {
                let text: String = bytes.iter().copied().map(char::from).collect();
                self.text.extend_from_slice(text.as_bytes());
            }
            Encoding::Utf16Le => self.decode_utf16(n, u16::from_le_bytes),
            Encoding::Utf16Be => self.decode_utf16(n, u16::from_be_bytes),
        }
        Ok(())
    }

    /// Decodes pairs of bytes; half a character becomes the replacement character.
    fn decode_utf16(&mut self, n: usize, unit: fn([u8; 2]) -> u16) {
        let (pairs, odd) = self.chunk[..n].as_chunks::<2>();
        let mut units: Vec<u16> = self.high.take().into_iter().collect();
        units.extend(pairs.iter().map(|pair| unit(*pair)));
        // Chunks are even and full but for the last one, so an odd byte ends the file.
        let is_last = n < CHUNK_BYTES;
        if !is_last && let Some(high @ 0xd800..=0xdbff) = units.last().copied() {
            units.pop();
            self.high = Some(high);
        }
        let rest = (!odd.is_empty()).then_some(char::REPLACEMENT_CHARACTER);
        let text: String = char::decode_utf16(units)
            .map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER))
            .chain(rest)
            .collect();
        self.text.extend_from_slice(text.as_bytes());
    }
}

impl<R: Read> Read for Decoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let text = self.fill_buf()?;
        let n = text.len().min(buffer.len());
        buffer[..n].copy_from_slice(&text[..n]);
        self.consume(n);
        Ok(n)
    }
}

impl<R: Read> BufRead for Decoder<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.position == self.text.len() {
            self.fill()?;
        }
        if self.left == 0 && self.position < self.text.len() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is longer than 1 MiB"));
        }
        let end = self.text.len().min(self.position.saturating_add(self.left as usize));
        Ok(&self.text[self.position..end])
    }

    fn consume(&mut self, n: usize) {
        self.position += n;
        self.left -= n as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(bytes: &[u8]) -> (Encoding, String) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        std::fs::write(&path, bytes).unwrap();
        let mut file = File::open(&path).unwrap();
        let (encoding, mark_bytes) = Encoding::of(&mut file).unwrap();
        file.seek(SeekFrom::Start(mark_bytes)).unwrap();
        let mut text = String::new();
        Decoder::new(file, encoding).read_to_string(&mut text).unwrap();
        (encoding, text)
    }

    #[test]
    fn one_text_is_read_from_every_encoding() {
        let text = "Éveil, Désat\n🛌".repeat(9000);
        let check = |bytes: Vec<u8>, encoding| {
            assert_eq!(decoded(&bytes), (encoding, text.clone()));
        };
        let units = || text.encode_utf16();
        check(text.clone().into_bytes(), Encoding::Utf8);
        check([b"\xef\xbb\xbf", text.as_bytes()].concat(), Encoding::Utf8);
        let little: Vec<u8> = units().flat_map(u16::to_le_bytes).collect();
        check([b"\xff\xfe".to_vec(), little].concat(), Encoding::Utf16Le);
        let big: Vec<u8> = units().flat_map(u16::to_be_bytes).collect();
        check([b"\xfe\xff".to_vec(), big].concat(), Encoding::Utf16Be);
    }

    #[test]
    fn utf_16_without_a_mark_and_latin_1_are_known_by_their_bytes() {
        assert_eq!(decoded(b"W\0\n\0"), (Encoding::Utf16Le, "W\n".to_owned()));
        assert_eq!(decoded(b"\0W\0\n"), (Encoding::Utf16Be, "W\n".to_owned()));
        assert_eq!(decoded(b"D\xe9sat"), (Encoding::Latin1, "Désat".to_owned()));
    }

    #[test]
    fn half_a_character_is_replaced() {
        assert_eq!(decoded(b"\xff\xfeW\0\0\xd8").1, "W\u{fffd}");
        assert_eq!(decoded(b"\xff\xfeW\0x").1, "W\u{fffd}");
    }

    #[test]
    fn no_more_is_read_than_was_allowed() {
        let mut decoder = Decoder::new(&b"abcdef"[..], Encoding::Utf8);
        decoder.allow(4);
        let mut text = Vec::new();
        assert!(decoder.read_to_end(&mut text).is_err());
        assert_eq!(text, b"abcd");
    }
}
