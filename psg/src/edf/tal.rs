//! Time-stamped annotation lists (TALs), EDF+ specification section 2.2.2.
//!
//! A list is `+onset[\x15duration]\x14text\x14…text\x14\0`, with onset and duration in seconds as decimal text.

/// One list: an onset with its texts.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tal {
    pub(super) onset_s: f64,
    pub(super) duration_s: Option<f64>,
    pub(super) texts: Vec<String>,
}

/// Reads the lists of one annotation signal in one record, and counts those that break the grammar.
pub(super) fn parse(bytes: &[u8]) -> (Vec<Tal>, usize) {
    let mut tals = Vec::new();
    let mut n_broken = 0;
    for list in bytes.split(|byte| *byte == 0).filter(|list| !list.is_empty()) {
        match parse_list(list) {
            Some(tal) => tals.push(tal),
            None => n_broken += 1,
        }
    }
    (tals, n_broken)
}

fn parse_list(list: &[u8]) -> Option<Tal> {
    let mut parts = list.strip_suffix(b"\x14")?.split(|byte| *byte == 0x14);
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
    Some(Tal { onset_s, duration_s, texts: parts.map(super::header::decode).collect() })
}

/// Reads a decimal number without an exponent, the only form that the specification allows.
fn seconds(text: &[u8]) -> Option<f64> {
    let digits = text.strip_prefix(b"+").or_else(|| text.strip_prefix(b"-")).unwrap_or(text);
    let is_decimal =
        !digits.is_empty() && digits.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'.'));
    is_decimal.then(|| std::str::from_utf8(text).ok()?.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edf_plus_reads_onset_duration_and_texts() {
        let (tals, n_broken) = parse(b"+0\x14\x14\0+180\x1525.5\x14Apnea\x14EEG@@C3\x14\0\0\0\0");
        let time_keeping = Tal { onset_s: 0.0, duration_s: None, texts: vec![String::new()] };
        let apnea = Tal {
            onset_s: 180.0,
            duration_s: Some(25.5),
            texts: vec!["Apnea".to_owned(), "EEG@@C3".to_owned()],
        };
        assert_eq!((tals, n_broken), (vec![time_keeping, apnea], 0));
    }

    #[test]
    fn lists_that_break_the_grammar_are_counted() {
        let broken: [&[u8]; 7] = [
            b"180\x14Apnea\x14\0",
            b"+x\x14\x14\0",
            b"+1e9\x14\x14\0",
            b"+\x14\x14\0",
            b"+1\x15-2\x14A\x14\0",
            b"+1",
            b"+nan\x14\x14\0",
        ];
        for list in broken {
            assert_eq!(parse(list), (vec![], 1), "{list:?}");
        }
    }
}
