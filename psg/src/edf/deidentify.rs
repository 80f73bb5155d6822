//! Writes a copy of a recording that names nobody.
//!
//! EDF+ (section 2.1.3) keeps the patient in bytes 8–87 of the header and the recording in bytes 88–167; both may name
//! people, as may the texts of annotations. Samples and the time line stay as they are, byte by byte.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::EdfFile;
use crate::annotation::names::meaning;
use crate::{Error, Result};

/// Bytes of the fixed header that are looked at and rewritten.
const PATIENT: std::ops::Range<usize> = 8..88;
const RECORDING: std::ops::Range<usize> = 88..168;
const START_DATE: std::ops::Range<usize> = 168..176;
/// The number of records, which the copy gives as they are.
const N_RECORDS: std::ops::Range<usize> = 236..244;

/// What EDF+ writes where nothing is known, or nothing is told.
const NO_PATIENT: &str = "X X X X";
/// Bytes of `dd-MMM-yyyy`.
const LONGEST_DATE: usize = 11;
/// The date that EDF+ writes where the true one is not told.
const NO_DATE: &str = "01.01.85";
/// What stands in the place of a text that nobody knows.
const NO_TEXT: &[u8] = b"X";

/// What is left in a copy that may lead to a person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Keep {
    /// The start date; the time of day always stays.
    pub date: bool,
    /// Texts of annotations that are no known names.
    pub texts: bool,
}

/// What in a recording may lead to a person. No value is repeated here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each stands for a field of the header by itself"
)]
pub struct Identity {
    /// Whether the patient field says anything.
    pub patient: bool,
    /// Whether the recording field says anything.
    pub recording: bool,
    /// Whether the header has a start date.
    pub start_date: bool,
    /// Annotations whose text is no known name.
    pub unknown_texts: usize,
    /// Bytes behind the last record, which no reader looks at.
    pub surplus_bytes: u64,
}

impl Identity {
    /// Returns whether there is nothing that may lead to a person.
    pub fn is_empty(&self) -> bool {
        let Self { patient, recording, start_date, unknown_texts, surplus_bytes } = *self;
        !patient && !recording && !start_date && unknown_texts == 0 && surplus_bytes == 0
    }
}

/// Parts the date of `Startdate dd-MMM-yyyy …` from the rest of a recording field.
fn split_date(field: &str) -> (Option<&str>, &str) {
    let Some(rest) = field.trim().strip_prefix("Startdate ") else { return (None, field) };
    let (date, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    (Some(date), rest)
}

/// Says what in a recording may lead to a person.
///
/// # Errors
///
/// Those of [`EdfFile::open`].
pub fn identity(path: &Path) -> Result<Identity> {
    let file = EdfFile::open(path)?;
    let header = file.header_bytes()?;
    let text = |range: std::ops::Range<usize>| String::from_utf8_lossy(&header[range]).into_owned();
    let says = |text: &str| text.split_whitespace().any(|word| word != "X");
    let recording = text(RECORDING);
    let (date, rest) = split_date(&recording);
    let is_unknown = |text: &str| !matches!(text, "" | "X") && meaning(text).is_none();
    Ok(Identity {
        patient: says(&text(PATIENT)),
        recording: says(rest),
        start_date: text(START_DATE).trim() != NO_DATE || date.is_some_and(says),
        unknown_texts: file.annotations().iter().filter(|a| is_unknown(&a.text)).count(),
        surplus_bytes: file.surplus_bytes()?,
    })
}

/// Writes a copy without what may lead to a person, and says what was taken out.
///
/// The copy has its final name only when it is whole.
///
/// # Errors
///
/// Those of [`EdfFile::open`], and [`Error::Unwritable`] where the copy is there already.
pub fn deidentify(path: &Path, copy: &Path, keep: Keep) -> Result<Identity> {
    let found = identity(path)?;
    if copy.exists() {
        let problem = "it is there already".to_owned();
        return Err(Error::Unwritable { path: copy.to_owned(), problem });
    }
    let file = EdfFile::open(path)?;
    let mut beside = copy.as_os_str().to_owned();
    beside.push(".tmp");
    let beside = PathBuf::from(beside);
    let written = write(&file, &beside, keep);
    if written.is_err() {
        // What was begun holds samples of somebody; nothing can be done where it cannot be removed.
        let _ = std::fs::remove_file(&beside);
    }
    written?;
    std::fs::rename(&beside, copy).map_err(Error::io(copy, "rename"))?;
    Ok(found)
}

fn write(file: &EdfFile, path: &Path, keep: Keep) -> Result<()> {
    let error = |source| Error::io(path, "write")(source);
    let mut out = BufWriter::new(File::create(path).map_err(Error::io(path, "create"))?);
    let mut header = file.header_bytes()?;
    put(&mut header[PATIENT], NO_PATIENT);
    let recording = String::from_utf8_lossy(&header[RECORDING]).into_owned();
    let date = split_date(&recording).0.filter(|date| keep.date && date.len() <= LONGEST_DATE);
    put(&mut header[RECORDING], &format!("Startdate {} X X X", date.unwrap_or("X")));
    if !keep.date {
        put(&mut header[START_DATE], NO_DATE);
    }
    put(&mut header[N_RECORDS], &file.header().n_records.to_string());
    out.write_all(&header).map_err(error)?;
    let annotations = file.annotation_ranges();
    file.for_each_record(|record| {
        if !keep.texts {
            for range in &annotations {
                clean_lists(&mut record[range.clone()]);
            }
        }
        out.write_all(record).map_err(error)
    })?;
    let file = out.into_inner().map_err(|problem| error(problem.into_error()))?;
    file.sync_all().map_err(error)
}

/// Fills a field with a text and spaces.
fn put(field: &mut [u8], text: &str) {
    field.fill(b' ');
    field[..text.len()].copy_from_slice(text.as_bytes());
}

/// Replaces the texts of the annotation lists of a record that are no known names.
///
/// A list never grows, so that all of them keep their room; what does not follow the grammar is taken out.
fn clean_lists(bytes: &mut [u8]) {
    let mut cleaned = Vec::with_capacity(bytes.len());
    for list in bytes.split(|byte| *byte == 0).filter(|list| !list.is_empty()) {
        let Some(list) = list.strip_suffix(b"\x14") else { continue };
        let mut parts = list.split(|byte| *byte == 0x14);
        let time = parts.next().unwrap_or_default();
        if !time.starts_with(b"+") && !time.starts_with(b"-") {
            continue;
        }
        cleaned.extend_from_slice(time);
        for text in parts {
            cleaned.push(0x14);
            let is_known = text.is_empty() || meaning(&super::header::decode(text)).is_some();
            cleaned.extend_from_slice(if is_known { text } else { NO_TEXT });
        }
        cleaned.extend_from_slice(b"\x14\0");
    }
    // The last list may stand without its closing zero at the very end of its room.
    cleaned.truncate(bytes.len());
    bytes.fill(0);
    bytes[..cleaned.len()].copy_from_slice(&cleaned);
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::annotation::Annotation;
    use crate::edf::{EdfWriter, NewSignal};

    fn recording(folder: &Path) -> PathBuf {
        let path = folder.join("night.edf");
        let signal = NewSignal {
            label: "C3-M2".to_owned(),
            unit: "uV".to_owned(),
            physical_range: (-100.0, 100.0),
            samples_per_record: 10,
        };
        let annotations = vec![
            Annotation::new(0.0, Some(30.0), "Sleep stage N2"),
            Annotation::new(3.0, None, "Mrs Miller asks for water"),
            Annotation::new(4.0, Some(8.0), "Arousal"),
        ];
        let start = date(2021, 3, 4).at(22, 15, 0, 0);
        let mut writer =
            EdfWriter::create(&path, start, (2, 30.0), vec![signal], annotations).unwrap();
        writer.write_samples(&[(0..20).map(|i| i as f32).collect()]).unwrap();
        writer.commit().unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        put(&mut bytes[PATIENT], "MCH-0234567 F 02-MAY-1951 Miller");
        put(&mut bytes[RECORDING], "Startdate 04-MAR-2021 PSG-1234 Smith Telemetry03");
        bytes.extend_from_slice(b"Miller");
        std::fs::write(&path, bytes).unwrap();
        path
    }

    #[test]
    fn copy_names_nobody_and_keeps_samples_and_known_annotations() {
        let folder = tempfile::tempdir().unwrap();
        let (path, copy) = (recording(folder.path()), folder.path().join("clean.edf"));
        let found = deidentify(&path, &copy, Keep::default()).unwrap();
        let expected = Identity {
            patient: true,
            recording: true,
            start_date: true,
            unknown_texts: 1,
            surplus_bytes: 6,
        };
        assert_eq!(found, expected);
        assert!(identity(&copy).unwrap().is_empty(), "{:?}", identity(&copy));
        let bytes = std::fs::read(&copy).unwrap();
        for word in ["Miller", "Smith", "1951", "water", "2021"] {
            assert!(!bytes.windows(word.len()).any(|part| part == word.as_bytes()), "{word}");
        }
        let (before, after) = (EdfFile::open(&path).unwrap(), EdfFile::open(&copy).unwrap());
        let texts: Vec<&str> = after.annotations().iter().map(|a| a.text.as_str()).collect();
        assert_eq!(texts, ["Sleep stage N2", "X", "Arousal"]);
        let onsets = |file: &EdfFile| {
            file.annotations().iter().map(|a| (a.onset_s, a.duration_s)).collect::<Vec<_>>()
        };
        assert_eq!(onsets(&before), onsets(&after));
        let samples = |file: &EdfFile| {
            let mut all = Vec::new();
            let take = |_: usize, some: &[i32]| {
                all.extend_from_slice(some);
                Ok(())
            };
            file.read_digital(&[0], 0..2, take).unwrap();
            all
        };
        assert_eq!(samples(&before), samples(&after));
        assert_eq!(after.header().start_time, before.header().start_time);
    }

    #[test]
    fn date_and_texts_are_kept_where_that_is_asked() {
        let folder = tempfile::tempdir().unwrap();
        let (path, copy) = (recording(folder.path()), folder.path().join("clean.edf"));
        deidentify(&path, &copy, Keep { date: true, texts: true }).unwrap();
        let after = EdfFile::open(&copy).unwrap();
        assert_eq!(after.start(), EdfFile::open(&path).unwrap().start());
        assert_eq!(after.annotations()[1].text, "Mrs Miller asks for water");
        let found = identity(&copy).unwrap();
        assert_eq!((found.patient, found.recording, found.start_date), (false, false, true));
    }

    #[test]
    fn nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = recording(folder.path());
        let error = deidentify(&path, &path, Keep::default()).unwrap_err().to_string();
        assert!(error.ends_with("night.edf`: it is there already"), "{error}");
    }

    #[test]
    fn what_breaks_the_grammar_is_taken_out() {
        let mut bytes =
            b"+0\x14\x14\0+1\x14Mr Jones\x14\0Jones was here\0+2\x14Arousal\x14\0\0".to_vec();
        let n = bytes.len();
        clean_lists(&mut bytes);
        assert_eq!(bytes.len(), n);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(text.starts_with("+0\x14\x14\0+1\x14X\x14\0+2\x14Arousal\x14\0"), "{text:?}");
        assert!(!text.contains("Jones"));
    }
}
