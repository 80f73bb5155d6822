//! Removes the ANSI escape sequences with which programs colour terminal output.

/// The zeros of all decimal digits of Unicode, each followed by the other nine digits.
///
/// ftfy's expression matches them all, because Python's `\d` does.
const ZEROS: [char; 66] = [
    '0',
    '\u{660}',
    '\u{6f0}',
    '\u{7c0}',
    '\u{966}',
    '\u{9e6}',
    '\u{a66}',
    '\u{ae6}',
    '\u{b66}',
    '\u{be6}',
    '\u{c66}',
    '\u{ce6}',
    '\u{d66}',
    '\u{de6}',
    '\u{e50}',
    '\u{ed0}',
    '\u{f20}',
    '\u{1040}',
    '\u{1090}',
    '\u{17e0}',
    '\u{1810}',
    '\u{1946}',
    '\u{19d0}',
    '\u{1a80}',
    '\u{1a90}',
    '\u{1b50}',
    '\u{1bb0}',
    '\u{1c40}',
    '\u{1c50}',
    '\u{a620}',
    '\u{a8d0}',
    '\u{a900}',
    '\u{a9d0}',
    '\u{a9f0}',
    '\u{aa50}',
    '\u{abf0}',
    '\u{ff10}',
    '\u{104a0}',
    '\u{10d30}',
    '\u{11066}',
    '\u{110f0}',
    '\u{11136}',
    '\u{111d0}',
    '\u{112f0}',
    '\u{11450}',
    '\u{114d0}',
    '\u{11650}',
    '\u{116c0}',
    '\u{11730}',
    '\u{118e0}',
    '\u{11950}',
    '\u{11c50}',
    '\u{11d50}',
    '\u{11da0}',
    '\u{16a60}',
    '\u{16ac0}',
    '\u{16b50}',
    '\u{1d7ce}',
    '\u{1d7d8}',
    '\u{1d7e2}',
    '\u{1d7ec}',
    '\u{1d7f6}',
    '\u{1e140}',
    '\u{1e2f0}',
    '\u{1e950}',
    '\u{1fbf0}',
];

/// Removes sequences of `ESC [`, numbers separated by semicolons, and one letter; `None` if there are none.
pub(super) fn remove_terminal_escapes(text: &str) -> Option<String> {
    let mut cleaned = String::new();
    let mut copied = 0;
    for (start, introducer) in text.match_indices("\x1b[") {
        let parameters = start + introducer.len();
        let is_parameter = |c| c == ';' || is_decimal_digit(c);
        let rest = text[parameters..].trim_start_matches(is_parameter);
        if rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
            cleaned.push_str(&text[copied..start]);
            copied = text.len() - rest.len() + 1;
        }
    }
    (copied > 0).then(|| cleaned + &text[copied..])
}

fn is_decimal_digit(c: char) -> bool {
    let n_zeros = ZEROS.partition_point(|&zero| zero <= c);
    n_zeros > 0 && (c as u32) < ZEROS[n_zeros - 1] as u32 + 10
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(remove_terminal_escapes(text).as_deref(), expected, "{text:?}");
    }

    #[test]
    fn sequences_are_removed() {
        check(
            "\x1b[36;44mI'm blue, da ba dee da ba doo...\x1b[0m",
            Some("I'm blue, da ba dee da ba doo..."),
        );
        check("\x1b[K\x1b[;;3Hx", Some("x"));
        check("\x1b[٣m\x1b[０h", Some(""));
    }

    #[test]
    fn incomplete_sequences_are_kept() {
        check("\x1b[12", None);
        check("\x1b[1 m [0m \x1bm", None);
        check("\x1b[1\x1b[2mx", Some("\x1b[1x"));
    }

    #[test]
    fn digits_match_unicode() {
        assert!(ZEROS.is_sorted());
        let digits: Vec<char> = ('\0'..=char::MAX).filter(|&c| is_decimal_digit(c)).collect();
        assert_eq!(digits.len(), 660);
        assert!(digits.iter().all(|c| c.is_numeric()));
    }
}
