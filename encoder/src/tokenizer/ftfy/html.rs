//! Resolves HTML character references, as Python's `html.unescape` does and, more cautiously, as ftfy does.

use std::collections::HashMap;
use std::sync::LazyLock;

/// The entity names of HTML 5 with their code points in hexadecimal, from Python's `html.entities.html5`.
///
/// Names that end in `;` require it; the others are those that browsers accept without.
static ENTITIES: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
    include_str!("entities.tsv").lines().filter_map(|line| line.split_once('\t')).collect()
});

/// Maximum length of a name in `html.unescape`, in characters without the `;`.
const MAX_NAME: usize = 32;

/// Maximum length of an entity in ftfy, in characters between `&` or `&#` and `;`.
const MAX_ENTITY: usize = 24;

/// Resolves references by the rules of HTML 5 as implemented by Python's `html.unescape`: the `;` is optional for some
/// names, the longest known name wins, and invalid code points are removed.
///
/// Python 3.11 and later refuse decimal numbers of more than 4,300 digits; here they are invalid like all numbers that are
/// too large.
pub(crate) fn unescape(text: &str) -> String {
    let mut resolved = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('&') {
        resolved.push_str(&rest[..start]);
        rest = resolve_reference(&rest[start + 1..], &mut resolved);
    }
    resolved.push_str(rest);
    resolved
}

/// Resolves entities that end in `;` and are known as a whole, also in upper case if that is not an entity of its own;
/// `None` if there are none.
pub(super) fn unescape_entities(text: &str) -> Option<String> {
    let mut resolved = String::new();
    let mut copied = 0;
    for (start, _) in text.match_indices('&') {
        if let Some((length, value)) = entity(&text[start + 1..]) {
            resolved.push_str(&text[copied..start]);
            resolved.push_str(&value);
            copied = start + 1 + length;
        }
    }
    (copied > 0).then(|| resolved + &text[copied..])
}

/// Resolves a reference after an `&`, if there is one, and returns the rest of the text.
fn resolve_reference<'a>(after: &'a str, resolved: &mut String) -> &'a str {
    if let Some((number, length)) = number(after) {
        resolved.extend(character(number));
        let rest = &after[length..];
        return rest.strip_prefix(';').unwrap_or(rest);
    }
    let name = name(after);
    if let Some((known, value)) = longest_known(name) {
        resolved.extend(value);
        resolved.push_str(&name[known..]);
    } else {
        resolved.push('&');
        resolved.push_str(name);
    }
    &after[name.len()..]
}

/// Returns the entity after an `&` by the rules of ftfy, if there is one: its length with the `;`, and its value.
fn entity(after: &str) -> Option<(usize, String)> {
    let sign = usize::from(after.starts_with('#'));
    let word = after[sign..].bytes().take(MAX_ENTITY).take_while(u8::is_ascii_alphanumeric).count();
    let end = sign + word;
    if word == 0 || after.as_bytes().get(end) != Some(&b';') {
        return None;
    }
    if sign == 1 {
        let (number, length) = number(after)?;
        // ftfy treats a `;` in the result as a reference that ended before its own `;`.
        return (length == end && number != u32::from(';'))
            .then(|| (end + 1, character(number).into_iter().collect()));
    }
    let name = &after[..=end];
    let value = known(name).map(Iterator::collect).or_else(|| upper_case_entity(name))?;
    Some((end + 1, value))
}

/// Returns the value of an entity in upper case, such as `&EACUTE;`, unless a prefix of it is a name.
fn upper_case_entity(name: &str) -> Option<String> {
    if name.bytes().any(|byte| byte.is_ascii_lowercase()) || longest_known(name).is_some() {
        return None;
    }
    let value: String = known(&name.to_ascii_lowercase())?.collect();
    Some(value.to_uppercase())
}

/// Returns the number of a numeric reference and its length with `#` and without `;`; numbers that are too large saturate.
fn number(after: &str) -> Option<(u32, usize)> {
    let digits = after.strip_prefix('#')?;
    let (digits, radix) =
        digits.strip_prefix(['x', 'X']).map_or((digits, 10), |digits| (digits, 16));
    let length = digits.bytes().take_while(|&byte| char::from(byte).is_digit(radix)).count();
    let read = |number: u32, digit: char| {
        let digit = digit.to_digit(radix).unwrap_or(0);
        number.saturating_mul(radix).saturating_add(digit)
    };
    let number = digits[..length].chars().fold(0, read);
    (length > 0).then(|| (number, after.len() - digits.len() + length))
}

/// Returns the character of a numeric reference; `None` for code points that HTML 5 forbids.
fn character(number: u32) -> Option<char> {
    let c = match number {
        0 => '\u{fffd}',
        0x80..=0x9f => super::character_fixes::windows_1252(number as u8),
        _ => char::from_u32(number).unwrap_or('\u{fffd}'),
    };
    let forbidden = matches!(number, 0x1..=0x8 | 0xb | 0xe..=0x1f | 0x7f | 0xfdd0..=0xfdef)
        || number & 0xfffe == 0xfffe && number <= 0x10_ffff;
    (!forbidden).then_some(c)
}

/// Returns the possible name after an `&`, including a `;` at its end.
fn name(after: &str) -> &str {
    let is_outside = |c| matches!(c, '\t' | '\n' | '\x0c' | ' ' | '<' | '&' | '#' | ';');
    let length: usize =
        after.chars().take(MAX_NAME).take_while(|&c| !is_outside(c)).map(char::len_utf8).sum();
    let ends = length > 0 && after[length..].starts_with(';');
    &after[..length + usize::from(ends)]
}

/// Returns the length and value of the longest prefix of a text that is a name.
fn longest_known(text: &str) -> Option<(usize, impl Iterator<Item = char> + use<>)> {
    let mut lengths = (2..=text.len()).rev();
    lengths.find_map(|length| Some((length, known(text.get(..length)?)?)))
}

/// Returns the characters of a name.
fn known(name: &str) -> Option<impl Iterator<Item = char> + use<>> {
    let codes = ENTITIES.get(name)?;
    let code = |code| u32::from_str_radix(code, 16).ok().and_then(char::from_u32);
    Some(codes.split(' ').filter_map(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_contains_the_names_of_html5() {
        let with_end = ENTITIES.keys().filter(|name| name.ends_with(';')).count();
        assert_eq!((ENTITIES.len(), with_end), (2231, 2125));
        let check = |name, value: &str| assert_eq!(known(name).unwrap().collect::<String>(), value);
        check("CounterClockwiseContourIntegral;", "∳");
        check("NewLine;", "\n");
        check("nvlt;", "<\u{20d2}");
        assert!(ENTITIES.keys().all(|name| known(name).unwrap().count() > 0));
    }

    #[test]
    fn references_match_html_unescape() {
        let check = |text, expected| assert_eq!(unescape(text), expected, "{text:?}");
        check("a &amp b &lt;c&gt; &notit; &notin; &amp;amp;", "a & b <c> ¬it; ∉ &amp;");
        check("&copy2026 &copyé &Copy; &nosuch; & &; &&lt", "©2026 ©é &Copy; &nosuch; & &; &<");
        check("&eacute&EACUTE;&centerdot;&cent", "é&EACUTE;·¢");
        check("&AMPEREAMPEREAMPEREAMPEREAMPEREAMPERE;", "&EREAMPEREAMPEREAMPEREAMPEREAMPERE;");
    }

    #[test]
    fn numbers_match_html_unescape() {
        let check = |text, expected| assert_eq!(unescape(text), expected, "{text:?}");
        check("&#65;&#65&#x41;&#X4a &#1234567890123;&#xD800;", "AAAJ \u{fffd}\u{fffd}");
        check("[&#0;&#1;&#11;&#31;&#127;&#xFDD0;&#x1FFFF;]", "[\u{fffd}]");
        check("&#x80;&#129;&#x9F;&#13;&#10;", "€\u{81}Ÿ\r\n");
        check("&#; &#x; &#xg &# &#\u{661};", "&#; &#x; &#xg &# &#\u{661};");
    }

    #[test]
    fn entities_require_a_semicolon_and_may_be_upper_case() {
        let check = |text, expected: &str| {
            assert_eq!(unescape_entities(text).as_deref().unwrap_or(text), expected, "{text:?}");
        };
        check("&lt;tag&gt; &amp &ampx; &#38 &#38;", "<tag> &amp &ampx; &#38 &");
        check("&Jscr;ohn &HilbertSpace;ancock &checkmark;", "𝒥ohn ℋancock ✓");
        check("P&eacute;rez P&EACUTE;REZ BUNDESSTRA&SZLIG;E", "Pérez PÉREZ BUNDESSTRASSE");
        check("&ntilde; &Ntilde; &NTILDE; &nTILDE;", "ñ Ñ Ñ &nTILDE;");
        check("&AMPERSAND; &ETHX; &LTIMES;", "&AMPERSAND; &ETHX; &LTIMES;");
    }

    #[test]
    fn numeric_entities_are_resolved_as_a_whole() {
        let check = |text, expected: &str| {
            assert_eq!(unescape_entities(text).as_deref().unwrap_or(text), expected, "{text:?}");
        };
        check("&#x2019;&#8217;&#xffffff;&#128;", "’’\u{fffd}€");
        check(
            "&#12a;&#xzz;&#59;&#000000000000000000000000065;",
            "&#12a;&#xzz;&#59;&#000000000000000000000000065;",
        );
        check("[&#1;]", "[]");
    }
}
