//! Fixes of single characters; each function returns `None` if there is nothing to fix.

use unicode_normalization::UnicodeNormalization;

use super::single_byte_codec::SingleByteCodec;

/// Decodes C1 control characters as Windows-1252, as browsers do.
pub(super) fn fix_c1_controls(text: &str) -> Option<String> {
    let is_c1 = |c| matches!(c, '\u{80}'..='\u{9f}');
    rewrite(text, is_c1, |c, out| out.push(windows_1252(c as u8)))
}

/// Decodes a byte as Windows-1252, with undefined bytes as control characters.
pub(super) fn windows_1252(byte: u8) -> char {
    SingleByteCodec::Windows1252.decode(byte)
}

/// Separates ligatures and digraphs of Latin letters, except those that are letters of a language, such as `æ`.
pub(super) fn fix_latin_ligatures(text: &str) -> Option<String> {
    rewrite(text, |c| !letters(c).is_empty(), |c, out| out.push_str(letters(c)))
}

const fn letters(c: char) -> &'static str {
    match c {
        'Ĳ' => "IJ",
        'ĳ' => "ij",
        'ŉ' => "ʼn",
        'Ǳ' => "DZ",
        'ǲ' => "Dz",
        'ǳ' => "dz",
        'Ǆ' => "DŽ",
        'ǅ' => "Dž",
        'ǆ' => "dž",
        'Ǉ' => "LJ",
        'ǈ' => "Lj",
        'ǉ' => "lj",
        'Ǌ' => "NJ",
        'ǋ' => "Nj",
        'ǌ' => "nj",
        'ﬀ' => "ff",
        'ﬁ' => "fi",
        'ﬂ' => "fl",
        'ﬃ' => "ffi",
        'ﬄ' => "ffl",
        'ﬅ' => "ſt",
        'ﬆ' => "st",
        _ => "",
    }
}

/// Replaces fullwidth and halfwidth forms by normal ones, and the ideographic space by a space.
pub(super) fn fix_width(text: &str) -> Option<String> {
    let is_form = |c| matches!(c, '\u{3000}' | '\u{ff01}'..='\u{ffef}');
    rewrite(text, is_form, |c, out| out.extend(std::iter::once(c).nfkc()))
}

/// Replaces curly quotation marks and similar characters by straight ones.
pub(super) fn uncurl_quotes(text: &str) -> Option<String> {
    let is_single = |c| matches!(c, '\u{2bc}' | '\u{2018}'..='\u{201b}');
    let is_double = |c| matches!(c, '\u{201c}'..='\u{201f}');
    let straight = |c| if is_single(c) { '\'' } else { '"' };
    rewrite(text, |c| is_single(c) || is_double(c), |c, out| out.push(straight(c)))
}

/// Replaces all kinds of line break by `\n`.
pub(super) fn fix_line_breaks(text: &str) -> Option<String> {
    let breaks = ['\r', '\u{2028}', '\u{2029}', '\u{85}'];
    text.contains(breaks).then(|| text.replace("\r\n", "\n").replace(breaks, "\n"))
}

/// Removes control characters and similar ones without a visible effect, but not white space, joiners, direction marks,
/// C1 controls and tags.
pub(super) fn remove_control_chars(text: &str) -> Option<String> {
    let is_ascii_control = |c| matches!(c, '\0'..='\x08' | '\x0b' | '\x0e'..='\x1f' | '\x7f');
    let is_invisible =
        |c| matches!(c, '\u{206a}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffc}');
    rewrite(text, |c| is_ascii_control(c) || is_invisible(c), |_, _| ())
}

/// Copies the text, passing the characters that match to `write`.
fn rewrite(
    text: &str,
    is_match: impl Fn(char) -> bool,
    write: impl Fn(char, &mut String),
) -> Option<String> {
    let first = text.find(&is_match)?;
    let mut out = String::with_capacity(text.len());
    out.push_str(&text[..first]);
    for c in text[first..].chars() {
        if is_match(c) { write(c, &mut out) } else { out.push(c) }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(fix: impl Fn(&str) -> Option<String>, text: &str, expected: &str) {
        assert_eq!(fix(text).as_deref(), Some(expected), "{text:?}");
        assert_eq!(fix(expected), None, "{expected:?}");
    }

    #[test]
    fn c1_controls_are_decoded_as_windows_1252() {
        check(fix_c1_controls, "\u{93}a\u{94}\u{80}", "“a”€");
        assert_eq!(fix_c1_controls("\u{81}").unwrap(), "\u{81}");
    }

    #[test]
    fn latin_ligatures_are_separated() {
        check(fix_latin_ligatures, "ﬂuﬃeﬆ Ǆ æœ", "fluffiest DŽ æœ");
    }

    #[test]
    fn widths_are_normalised() {
        check(fix_width, "ＬＯＵＤ　ＮＯＩＳＥＳ", "LOUD NOISES");
        check(fix_width, "Ｕﾀｰﾝ ￥５ ￣ ￦ ﾡ", "Uターン ¥5  \u{304} ₩ \u{1100}");
    }

    #[test]
    fn quotes_are_straightened() {
        check(
            uncurl_quotes,
            "\u{201c}here\u{2019}s a test\u{201d} ʼ‛„‟",
            "\"here's a test\" ''\"\"",
        );
    }

    #[test]
    fn line_breaks_become_line_feeds() {
        check(fix_line_breaks, "a\r\n\r\nb\rc\u{2028}d\u{2029}e\u{85}", "a\n\nb\nc\nd\ne\n");
    }

    #[test]
    fn control_characters_are_removed() {
        check(remove_control_chars, "a\0\x08\x0b\x1f\x7f\u{206a}\u{feff}\u{fffc}b", "ab");
        assert_eq!(
            remove_control_chars("\t\n\x0c\r\u{80}\u{200d}\u{202e}\u{1d173}\u{e0067}"),
            None
        );
    }
}
