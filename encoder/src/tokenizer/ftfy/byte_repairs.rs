//! Repairs UTF-8 bytes that another program has altered.

use super::single_byte_codec::SUBSTITUTE;

/// Restores byte 0xa0 where a space is inside a sequence that would be UTF-8 with it: a no-break space became a space.
///
/// After a lone 0xc3 the space is kept as well, since `Ã la` was `à la`, except before the rest of Portuguese words that
/// start with `à`. The sequences are those of ftfy's `ALTERED_UTF8_RE`, which omits those that are rarely mojibake.
pub(super) fn restore_byte_a0(bytes: &[u8]) -> Vec<u8> {
    let is_a_grave = |rest: &[u8]| match rest {
        [0xc3, b' ', word @ ..] => {
            let continuations = [&b" "[..], b"quele", b"quela", b"quilo", b"s "];
            (!continuations.iter().any(|part| word.starts_with(part))).then_some(2)
        }
        _ => None,
    };
    let bytes = rewrite(bytes, is_a_grave, |_, out| out.extend(b"\xc3\xa0 "));
    rewrite(&bytes, altered_length, |sequence, out| {
        out.extend(sequence.iter().map(|&byte| if byte == b' ' { 0xa0 } else { byte }));
    })
}

/// Replaces each sequence with lost bytes, marked by [`SUBSTITUTE`] or a question mark, by U+FFFD.
pub(super) fn replace_lossy_sequences(bytes: &[u8]) -> Vec<u8> {
    rewrite(bytes, lossy_length, |_, out| out.extend("\u{fffd}".as_bytes()))
}

/// Passes each match to `write` and copies all other bytes; `length` returns the length of a match at the start of its
/// argument.
fn rewrite(
    bytes: &[u8],
    length: impl Fn(&[u8]) -> Option<usize>,
    write: impl Fn(&[u8], &mut Vec<u8>),
) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&byte, tail)) = rest.split_first() {
        if let Some(length) = length(rest) {
            let (sequence, after) = rest.split_at(length);
            write(sequence, &mut out);
            rest = after;
        } else {
            out.push(byte);
            rest = tail;
        }
    }
    out
}

/// Returns the length of a sequence with a space in place of 0xa0 at the start of the bytes.
fn altered_length(bytes: &[u8]) -> Option<usize> {
    // Without 0x85, the ellipsis of Windows-1252.
    let is_inner = |byte| matches!(byte, 0x80..=0x84 | 0x86..=0x9f | 0xa1..=0xbf);
    match *bytes {
        [0xc2 | 0xc3 | 0xc5 | 0xce | 0xd0 | 0xd9, b' ', ..] => Some(2),
        [0xe2 | 0xe3, b' ', inner, ..] | [0xe0..=0xe3, inner, b' ', ..] if is_inner(inner) => {
            Some(3)
        }
        [0xf0, b' ', 0x80..=0xbf, 0x80..=0xbf, ..]
        | [0xf0, 0x80..=0xbf, b' ', 0x80..=0xbf, ..]
        | [0xf0, 0x80..=0xbf, 0x80..=0xbf, b' ', ..] => Some(4),
        _ => None,
    }
}

/// Returns the length of a sequence with lost bytes at the start of the bytes; ftfy's `LOSSY_UTF8_RE`.
fn lossy_length(bytes: &[u8]) -> Option<usize> {
    const LOST: u8 = SUBSTITUTE;
    match *bytes {
        [0xc2..=0xdf, LOST, ..] | [0xc2 | 0xc3, b'?', ..] => Some(2),
        [0xed, 0xa0..=0xaf, LOST | b'?', 0xed, 0xb0..=0xbf, LOST | b'?' | 0x80..=0xbf, ..]
        | [0xed, 0xa0..=0xaf, 0x80..=0xbf, 0xed, 0xb0..=0xbf, LOST | b'?', ..] => Some(6),
        [0xe0..=0xef, LOST | b'?', LOST | 0x80..=0xbf, ..]
        | [0xe0..=0xef, LOST | 0x80..=0xbf, LOST | b'?', ..] => Some(3),
        [0xf0..=0xf4, LOST | b'?', LOST | 0x80..=0xbf, LOST | 0x80..=0xbf, ..]
        | [0xf0..=0xf4, LOST | 0x80..=0xbf, LOST | b'?', LOST | 0x80..=0xbf, ..]
        | [0xf0..=0xf4, LOST | 0x80..=0xbf, LOST | 0x80..=0xbf, LOST | b'?', ..] => Some(4),
        [LOST, ..] => Some(1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_inside_sequences_become_no_break_spaces() {
        let check =
            |bytes, expected: &[u8]| assert_eq!(restore_byte_a0(bytes), expected, "{bytes:x?}");
        check(b"\xc5 \xce a", b"\xc5\xa0\xce\xa0a");
        check(b"\xe2 \x80 \xe1\x80 \xe1 \x80", b"\xe2\xa0\x80 \xe1\x80\xa0\xe1 \x80");
        check(b"\xf0\x9f \xb4", b"\xf0\x9f\xa0\xb4");
        check(b"\xe2\x85 a b", b"\xe2\x85 a b");
    }

    #[test]
    fn a_grave_keeps_its_space_except_in_portuguese_words() {
        let check =
            |bytes, expected: &[u8]| assert_eq!(restore_byte_a0(bytes), expected, "{bytes:x?}");
        check(b"\xc3 la", b"\xc3\xa0 la");
        check(b"\xc3  la", b"\xc3\xa0 la");
        check(b"\xc3 s \xc3 st", b"\xc3\xa0s \xc3\xa0 st");
        check(b"\xc3 quela \xc3 quel", b"\xc3\xa0quela \xc3\xa0 quel");
    }

    #[test]
    fn lossy_sequences_become_replacement_characters() {
        let check = |bytes, expected: &str| {
            assert_eq!(replace_lossy_sequences(bytes), expected.as_bytes(), "{bytes:x?}");
        };
        check(b"\xe2\x80\x1a", "\u{fffd}");
        check(b"\xc3?\xc3\x1a\x1a", "\u{fffd}\u{fffd}\u{fffd}");
        check(b"\xf0\x9f\x1a?!", "\u{fffd}!");
        check(b"\xed\xa0?\xed\xb8\x8d", "\u{fffd}");
        check(b"why?", "why?");
    }
}
