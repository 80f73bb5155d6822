//! Time-stamped annotation lists (TALs), EDF+ specification section 2.2.2.
//!
//! A list is `+onset[\x15duration]\x14text\x14…text\x14\0`, with onset and duration in seconds as decimal text.

/// Onsets and durations beyond this many seconds, 31 years, are believed of nobody's sleep.
const LONGEST_S: f64 = 1e9;

/// One list: an onset with its texts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tal<'a> {
    pub(super) onset_s: f64,
    pub(super) duration_s: Option<f64>,
    /// The texts with a separator between each two, `None` where there is none at all.
    texts: Option<&'a [u8]>,
}

impl<'a> Tal<'a> {
    /// Returns the texts, as they stand in the file. A list of a byte for each costs no memory.
    pub(super) fn texts(self) -> impl Iterator<Item = &'a [u8]> {
        self.texts.into_iter().flat_map(|texts| texts.split(|byte| *byte == 0x14))
    }

    /// Returns whether the list could keep the time of its record: its first text is empty.
    pub(super) fn keeps_time(self) -> bool {
        self.texts().next().is_some_and(|text| super::header::decode(text).is_empty())
    }
}

/// Reads the lists of one annotation signal in one record; `None` stands for one that breaks the grammar.
pub(super) fn parse(bytes: &[u8]) -> impl Iterator<Item = Option<Tal<'_>>> {
    let bytes = if is_blank(bytes) { &[] } else { bytes };
    bytes.split(|byte| *byte == 0).filter(|list| !list.is_empty()).map(parse_list)
}

/// Returns whether all bytes are zero, a block at a time: most of a sparse file is.
fn is_blank(bytes: &[u8]) -> bool {
    bytes.chunks(256).all(|block| block.iter().fold(0, |all, byte| all | byte) == 0)
}

fn parse_list(list: &[u8]) -> Option<Tal<'_>> {
    let mut parts = list.strip_suffix(b"\x14")?.splitn(2, |byte| *byte == 0x14);
    let mut time = parts.next()?.splitn(2, |byte| *byte == 0x15);
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

/// Reads a decimal number without an exponent, the only form that the specification allows.
fn seconds(text: &[u8]) -> Option<f64> {
    let digits = text.strip_prefix(b"+").or_else(|| text.strip_prefix(b"-")).unwrap_or(text);
    let is_decimal =
        !digits.is_empty() && digits.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'.'));
    let number: Option<f64> =
        is_decimal.then(|| std::str::from_utf8(text).ok()?.parse().ok()).flatten();
    number.filter(|number| number.abs() <= LONGEST_S)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(list: &[u8]) -> Vec<&[u8]> {
        parse_list(list).unwrap().texts().collect()
    }

    #[test]
    fn edf_plus_reads_onset_duration_and_texts() {
        let lists = b"+0\x14\x14\0+180\x1525.5\x14Apnea\x14EEG@@C3\x14\0\0\0\0";
        let tals: Vec<Option<Tal<'_>>> = parse(lists).collect();
        let time_keeping = Tal { onset_s: 0.0, duration_s: None, texts: Some(b"") };
        let apnea =
            Tal { onset_s: 180.0, duration_s: Some(25.5), texts: Some(b"Apnea\x14EEG@@C3") };
        assert_eq!(tals, [Some(time_keeping), Some(apnea)]);
        assert!(time_keeping.keeps_time() && !apnea.keeps_time());
    }

    #[test]
    fn texts_are_told_from_no_text() {
        assert_eq!(texts(b"+1\x14A\x14B\x14"), [b"A", b"B"]);
        assert_eq!(texts(b"+1\x14\x14"), [b""]);
        assert!(texts(b"+1\x14").is_empty());
    }

    #[test]
    fn lists_that_break_the_grammar_are_named() {
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
            assert_eq!(parse(list).collect::<Vec<_>>(), [None], "{list:?}");
        }
    }
}
