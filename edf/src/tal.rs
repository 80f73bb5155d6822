//! Time-stamped annotation lists (TALs), EDF+ specification section 2.2.2.
//!
//! A list is `+onset[\x15duration]\x14text\x14…text\x14\0`, with onset and duration in seconds as decimal text.

use crate::annotation::Annotation;
use crate::header::layout::decode;

/// Separates the duration from the onset.
const DURATION_MARK: u8 = 0x15;
/// Ends the time stamp, and each text.
pub(crate) const TEXT_END: u8 = 0x14;
/// Ends a list.
pub(crate) const LIST_END: u8 = 0;

/// Largest onset and duration that is accepted, in seconds: 31 years.
const MAX_SECONDS: f64 = 1e9;

/// One list: a time stamp and its texts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Tal<'a> {
    pub(crate) onset_s: f64,
    pub(crate) duration_s: Option<f64>,
    /// The texts and the separators between them; `None` if there is no text.
    texts: Option<&'a [u8]>,
}

impl<'a> Tal<'a> {
    /// Returns the texts as written. They are not collected: a list may have one text per byte.
    pub(crate) fn texts(self) -> impl Iterator<Item = &'a [u8]> {
        self.texts.into_iter().flat_map(|texts| texts.split(|byte| *byte == TEXT_END))
    }

    /// Returns whether the first text is empty, as in the time-keeping list of a data record.
    pub(crate) fn is_time_keeping(self) -> bool {
        self.texts().next().is_some_and(|text| decode(text).is_empty())
    }
}

/// Splits an annotation signal of one data record into its lists, without the zero bytes that end and pad them.
pub(crate) fn lists(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let bytes = if is_blank(bytes) { &[] } else { bytes };
    bytes.split(|byte| *byte == LIST_END).filter(|list| !list.is_empty())
}

/// Returns whether all bytes are zero. Tested by blocks, as most data records have no annotation.
fn is_blank(bytes: &[u8]) -> bool {
    bytes.chunks(256).all(|block| block.iter().fold(0, |all, byte| all | byte) == 0)
}

/// Splits a list into its time stamp and its texts; `None` if it breaks the syntax.
pub(crate) fn split(list: &[u8]) -> Option<(&[u8], impl Iterator<Item = &[u8]>)> {
    parse(list)?;
    let mut parts = list.strip_suffix(&[TEXT_END])?.split(|byte| *byte == TEXT_END);
    Some((parts.next()?, parts))
}

/// Parses a list; `None` if it breaks the syntax.
pub(crate) fn parse(list: &[u8]) -> Option<Tal<'_>> {
    let mut parts = list.strip_suffix(&[TEXT_END])?.splitn(2, |byte| *byte == TEXT_END);
    let mut time = parts.next()?.splitn(2, |byte| *byte == DURATION_MARK);
    let onset = time.next()?;
    if !matches!(onset.first(), Some(b'+' | b'-')) {
        return None;
    }
    let onset_s = seconds(onset)?;
    let duration_s = match time.next() {
        Some(duration) => Some(seconds(duration).filter(|duration_s| *duration_s >= 0.0)?),
        None => None,
    };
    Some(Tal { onset_s, duration_s, texts: parts.next() })
}

/// Parses a decimal number without an exponent, the only form that the specification allows.
fn seconds(text: &[u8]) -> Option<f64> {
    let digits = text.strip_prefix(b"+").or_else(|| text.strip_prefix(b"-")).unwrap_or(text);
    let is_decimal =
        !digits.is_empty() && digits.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'.'));
    let number: Option<f64> =
        is_decimal.then(|| std::str::from_utf8(text).ok()?.parse().ok()).flatten();
    number.filter(|number| number.abs() <= MAX_SECONDS)
}

/// Returns the time-keeping list of a data record.
pub(crate) fn time_keeping(onset_s: f64) -> Vec<u8> {
    format!("+{onset_s}\x14\x14\0").into_bytes()
}

/// Returns the list of one annotation.
pub(crate) fn encode(annotation: &Annotation) -> Vec<u8> {
    let Annotation { onset_s, duration_s, text, .. } = annotation;
    let sign = if *onset_s < 0.0 { "" } else { "+" };
    let duration = duration_s.map_or_else(String::new, |duration_s| format!("\x15{duration_s}"));
    // A text cannot contain the separators of the format.
    let text = text.replace(['\0', '\x14', '\x15'], "");
    format!("{sign}{onset_s}{duration}\x14{text}\x14\0").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(list: &[u8]) -> Vec<&[u8]> {
        parse(list).unwrap().texts().collect()
    }

    #[test]
    fn onset_duration_and_texts_are_parsed() {
        let bytes = b"+0\x14\x14\0+180\x1525.5\x14Apnea\x14EEG@@C3\x14\0\0\0\0";
        let tals: Vec<Option<Tal<'_>>> = lists(bytes).map(parse).collect();
        let time_keeping = Tal { onset_s: 0.0, duration_s: None, texts: Some(b"") };
        let apnea =
            Tal { onset_s: 180.0, duration_s: Some(25.5), texts: Some(b"Apnea\x14EEG@@C3") };
        assert_eq!(tals, [Some(time_keeping), Some(apnea)]);
        assert!(time_keeping.is_time_keeping() && !apnea.is_time_keeping());
    }

    #[test]
    fn empty_text_differs_from_no_text() {
        assert_eq!(texts(b"+1\x14A\x14B\x14"), [b"A", b"B"]);
        assert_eq!(texts(b"+1\x14\x14"), [b""]);
        assert!(texts(b"+1\x14").is_empty());
    }

    #[test]
    fn lists_with_invalid_syntax_are_refused() {
        let endless = [b"+".as_slice(), &[b'9'; 400], b"\x14\x14\0"].concat();
        let broken: [&[u8]; 10] = [
            b"180\x14Apnea\x14\0",
            b"+x\x14\x14\0",
            b"+1e9\x14\x14\0",
            b"+\x14\x14\0",
            b"+1\x15-2\x14A\x14\0",
            b"+1",
            b"+nan\x14\x14\0",
            b"+1000000001\x14\x14\0",
            b"+1\x151000000001\x14A\x14\0",
            &endless,
        ];
        for list in broken {
            assert_eq!(lists(list).map(parse).collect::<Vec<_>>(), [None], "{list:?}");
        }
    }

    #[test]
    fn annotation_is_parsed_as_it_was_encoded() {
        for (onset_s, duration_s) in [(0.0, None), (1.5, Some(0.0)), (-30.25, Some(1e-7))] {
            let bytes = encode(&Annotation::new(onset_s, duration_s, "A\x14B\0"));
            let tals: Vec<Option<Tal<'_>>> = lists(&bytes).map(parse).collect();
            assert_eq!(tals, [Some(Tal { onset_s, duration_s, texts: Some(b"AB") })]);
        }
    }
}
