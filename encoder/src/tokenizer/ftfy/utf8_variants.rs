//! Decodes UTF-8 and two variants of it that programs write by mistake.
//!
//! CESU-8 encodes characters above U+FFFF as two surrogates of three bytes each; Java encodes U+0000 in two bytes.

/// Decodes bytes; `None` if they are neither UTF-8 nor one of its variants.
pub(super) fn decode(bytes: &[u8]) -> Option<String> {
    let mut text = String::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(chunk) = rest.utf8_chunks().next() {
        text.push_str(chunk.valid());
        rest = &rest[chunk.valid().len()..];
        if !rest.is_empty() {
            let (c, length) = variant(rest)?;
            text.push(c);
            rest = &rest[length..];
        }
    }
    Some(text)
}

/// Returns the character of a variant at the start of the bytes, and its length.
///
/// As in ftfy, a line break at the very end counts as the last byte: the `$` of its expressions also matches before it.
fn variant(bytes: &[u8]) -> Option<(char, usize)> {
    match *bytes {
        [0xc0, 0x80, ..] | [0xc0, b'\n'] => Some(('\0', 2)),
        [0xed, a @ 0xa0..=0xaf, b @ 0x80..=0xbf, 0xed, c @ 0xb0..=0xbf, d @ 0x80..=0xbf, ..]
        | [0xed, a @ 0xa0..=0xaf, b @ 0x80..=0xbf, 0xed, c @ 0xb0..=0xbf, d @ b'\n'] => {
            let bits = |byte: u8, mask, shift: u32| u32::from(byte & mask) << shift;
            let code = bits(a, 0x0f, 16) | bits(b, 0x3f, 10) | bits(c, 0x0f, 6) | bits(d, 0x3f, 0);
            char::from_u32(code + 0x10000).map(|c| (c, 6))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf8_and_its_variants_are_decoded() {
        let check = |bytes, text: &str| assert_eq!(decode(bytes).unwrap(), text, "{bytes:x?}");
        check(b"", "");
        check("naïve 💤".as_bytes(), "naïve 💤");
        check(b"\xed\xa0\xbd\xed\xb8\x8d!", "😍!");
        check(b"here comes a null! \xc0\x80", "here comes a null! \0");
        check(b"\xed\x95\x9c", "한");
    }

    #[test]
    fn line_break_at_the_end_counts_as_the_last_byte() {
        assert_eq!(decode(b"a\xc0\n").unwrap(), "a\0");
        assert_eq!(decode(b"a\xc0\n\n"), None);
        assert_eq!(decode(b"\xed\xa0\xbd\xed\xb8\n").unwrap(), "\u{1f60a}");
    }

    #[test]
    fn invalid_bytes_are_rejected() {
        let check = |bytes: &[u8]| assert_eq!(decode(bytes), None, "{bytes:x?}");
        check(b"\xc3");
        check(b"\x80");
        check(b"\xc0\x81");
        check(b"\xed\xa0\xbd");
        check(b"\xed\xa0\xbd\xed\xa0\xbd");
        check(b"\xe3\x81\xc0\x80");
        check(b"\xf5\x80\x80\x80");
    }
}
