//! Decodes a text file to UTF-8, whatever its encoding.

use std::fs::File;
use std::io::{self, BufRead, Read, Seek, SeekFrom};

/// Bytes per read. It is even, so that chunks do not split UTF-16 units.
const CHUNK_BYTES: usize = 1 << 15;

/// The encoding of a text file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::annotation) enum Encoding {
    /// UTF-8, which includes ASCII.
    Utf8,
    /// UTF-16, little-endian: what Windows programs call Unicode.
    Utf16Le,
    /// UTF-16, big-endian.
    Utf16Be,
    /// ISO 8859-1, in which every byte is a character.
    Latin1,
}

impl Encoding {
    /// Detects the encoding of a file and the length of its byte order mark; rewinds the file.
    ///
    /// The mark decides, or else the zero bytes of UTF-16, or else whether the whole file is UTF-8. The XML declaration
    /// is ignored: old exports declare UTF-8 and are Latin-1.
    pub(in crate::annotation) fn detect(file: &mut File) -> io::Result<(Self, u64)> {
        let mut chunk = vec![0; CHUNK_BYTES];
        file.seek(SeekFrom::Start(0))?;
        let n = read_up_to(file, &mut chunk)?;
        let detected = match &chunk[..n] {
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
        Ok(detected)
    }
}

/// Returns whether the rest of an input is UTF-8; a character may be split between two chunks.
fn is_utf8(input: &mut impl Read, chunk: &mut [u8]) -> io::Result<bool> {
    let mut incomplete = 0;
    loop {
        let n = read_up_to(input, &mut chunk[incomplete..])?;
        if n == 0 {
            return Ok(incomplete == 0);
        }
        let filled = incomplete + n;
        incomplete = match std::str::from_utf8(&chunk[..filled]) {
            Ok(_) => 0,
            Err(error) if error.error_len().is_some() => return Ok(false),
            Err(error) => {
                // The last character is incomplete: move it to the front and read on.
                chunk.copy_within(error.valid_up_to()..filled, 0);
                filled - error.valid_up_to()
            }
        };
    }
}

/// Fills the buffer, or as much of it as the input provides.
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

/// Reads an input and decodes it to UTF-8, chunk by chunk.
pub(in crate::annotation) struct Utf8Reader<R> {
    input: R,
    encoding: Encoding,
    chunk: Vec<u8>,
    text: Vec<u8>,
    position: usize,
    /// The first half of a surrogate pair that is split between two chunks.
    high_surrogate: Option<u16>,
    /// Bytes of text that may be read, since [`allow`](Self::allow) was called.
    limit: u64,
    /// Bytes of `limit` that are left.
    allowance: u64,
}

impl<R: Read> Utf8Reader<R> {
    /// Reads an input after its byte order mark.
    pub(in crate::annotation) fn new(input: R, encoding: Encoding) -> Self {
        Self {
            input,
            encoding,
            chunk: vec![0; CHUNK_BYTES],
            text: Vec::new(),
            position: 0,
            high_surrogate: None,
            limit: u64::MAX,
            allowance: u64::MAX,
        }
    }

    /// Allows `bytes` more of text to be read; reading more is an error of kind `InvalidData`.
    pub(in crate::annotation) fn allow(&mut self, bytes: u64) {
        self.limit = bytes;
        self.allowance = bytes;
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

    /// Decodes UTF-16; half a character becomes the replacement character.
    fn decode_utf16(&mut self, n: usize, unit: fn([u8; 2]) -> u16) {
        let (pairs, odd) = self.chunk[..n].as_chunks::<2>();
        let mut units: Vec<u16> = self.high_surrogate.take().into_iter().collect();
        units.extend(pairs.iter().map(|pair| unit(*pair)));
        // All chunks but the last are full and even, so an odd byte ends the file.
        let is_last = n < CHUNK_BYTES;
        if !is_last && let Some(high @ 0xd800..=0xdbff) = units.last().copied() {
            units.pop();
            self.high_surrogate = Some(high);
        }
        let rest = (!odd.is_empty()).then_some(char::REPLACEMENT_CHARACTER);
        let text: String = char::decode_utf16(units)
            .map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER))
            .chain(rest)
            .collect();
        self.text.extend_from_slice(text.as_bytes());
    }
}

impl<R: Read> Read for Utf8Reader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let text = self.fill_buf()?;
        let n = text.len().min(buffer.len());
        buffer[..n].copy_from_slice(&text[..n]);
        self.consume(n);
        Ok(n)
    }
}

impl<R: Read> BufRead for Utf8Reader<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.position == self.text.len() {
            self.fill()?;
        }
        if self.allowance == 0 && self.position < self.text.len() {
            let problem = format!("longer than {} bytes", self.limit);
            return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
        }
        let end = self.text.len().min(self.position.saturating_add(self.allowance as usize));
        Ok(&self.text[self.position..end])
    }

    fn consume(&mut self, n: usize) {
        self.position += n;
        self.allowance -= n as u64;
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
        let (encoding, mark_bytes) = Encoding::detect(&mut file).unwrap();
        file.seek(SeekFrom::Start(mark_bytes)).unwrap();
        let mut text = String::new();
        Utf8Reader::new(file, encoding).read_to_string(&mut text).unwrap();
        (encoding, text)
    }

    #[test]
    fn text_is_the_same_from_every_encoding() {
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
    fn utf_16_without_a_mark_and_latin_1_are_detected() {
        assert_eq!(decoded(b"W\0\n\0"), (Encoding::Utf16Le, "W\n".to_owned()));
        assert_eq!(decoded(b"\0W\0\n"), (Encoding::Utf16Be, "W\n".to_owned()));
        assert_eq!(decoded(b"D\xe9sat"), (Encoding::Latin1, "Désat".to_owned()));
    }

    #[test]
    fn incomplete_characters_are_replaced() {
        assert_eq!(decoded(b"\xff\xfeW\0\0\xd8").1, "W\u{fffd}");
        assert_eq!(decoded(b"\xff\xfeW\0x").1, "W\u{fffd}");
    }

    #[test]
    fn reading_more_than_allowed_is_an_error() {
        let mut reader = Utf8Reader::new(&b"abcdef"[..], Encoding::Utf8);
        reader.allow(4);
        let mut text = Vec::new();
        assert!(reader.read_to_end(&mut text).is_err());
        assert_eq!(text, b"abcd");
    }
}
