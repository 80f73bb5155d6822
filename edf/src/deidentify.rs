//! Copies a file without what may identify a person.
//!
//! The header names the patient in bytes 8–87 and the recording in bytes 88–167 (EDF+ specification, section 2.1.3);
//! both may name people, and so may the texts of annotations. Samples, gaps and the onsets of annotations are copied
//! unchanged, and so is the equipment code of simulated recordings.

use std::io::Write;
use std::path::Path;

use jiff::civil::Date;

use crate::durable::AtomicFile;
use crate::error::{Error, Result, WriteProblem};
use crate::header::layout::{self, decode};
use crate::header::{START_DATE_PREFIX, simulator_code};
use crate::reader::EdfReader;
use crate::tal;

/// Highest age in years that is copied as it is.
const MAX_AGE: i16 = 89;
/// Highest age in years that a person may have.
const MAX_LIFE: i16 = 125;
/// Bytes of `dd-MMM-yyyy`.
const MAX_DATE_BYTES: usize = 11;
/// The start date of EDF+ for anonymised recordings.
const NO_DATE: &str = "01.01.85";
/// What replaces the text of an annotation.
const NO_TEXT: &[u8] = b"X";

/// What is copied although it may identify a person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is about another field of the file")]
pub struct DeidentifyOptions {
    /// Whether the start date is copied; the time of day always is.
    pub keep_date: bool,
    /// Whether all texts of annotations are copied, not only the known ones.
    pub keep_texts: bool,
    /// Whether the sex in the patient field is copied.
    pub keep_sex: bool,
    /// Whether the age in whole years on the start date, by the date of birth in the patient field, is copied. Ages above 89
    /// become 90, as the privacy rule of HIPAA asks (45 CFR 164.514(b)(2)(i)(C)).
    pub keep_age: bool,
}

/// What in a file may identify a person. No value is repeated here.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[expect(clippy::struct_excessive_bools, reason = "each is about another field of the header")]
pub struct IdentifyingContent {
    /// Whether the patient field says anything but a sex and an age up to 90.
    pub patient: bool,
    /// Whether the recording field says anything but the start date and that it was simulated.
    pub recording: bool,
    /// Whether there is a start date.
    pub start_date: bool,
    /// Number of annotations with an unknown text.
    pub unknown_texts: usize,
    /// Bytes after the last complete data record, which are not samples.
    pub surplus_bytes: u64,
}

impl IdentifyingContent {
    /// Returns whether nothing in the file may identify a person.
    pub fn is_empty(&self) -> bool {
        let Self { patient, recording, start_date, unknown_texts, surplus_bytes } = *self;
        !patient && !recording && !start_date && unknown_texts == 0 && surplus_bytes == 0
    }
}

/// Reports what in a file may identify a person.
///
/// `is_known_text` returns whether the text of an annotation is a known term, such as `Arousal`, and not free text.
///
/// # Errors
///
/// Those of [`EdfReader::open`].
pub fn identifying_content(
    path: &Path,
    is_known_text: impl Fn(&str) -> bool,
) -> Result<IdentifyingContent> {
    identifying_content_of(&EdfReader::open(path)?, &is_known_text)
}

fn identifying_content_of(
    reader: &EdfReader,
    is_known_text: &impl Fn(&str) -> bool,
) -> Result<IdentifyingContent> {
    let header = reader.header_bytes()?;
    let text = |field: std::ops::Range<usize>| String::from_utf8_lossy(&header[field]).into_owned();
    let is_filled = |text: &str| text.split_whitespace().any(|word| word != "X");
    let recording = text(layout::RECORDING);
    let (date, rest) = split_date(&recording);
    let equipment = simulator_code(&recording);
    let is_unknown = |text: &str| !matches!(text, "" | "X") && !is_known_text(text);
    Ok(IdentifyingContent {
        patient: is_filled(&text(layout::PATIENT)) && !is_sex_and_age(&text(layout::PATIENT)),
        recording: rest.split_whitespace().any(|word| word != "X" && Some(word) != equipment),
        start_date: text(layout::START_DATE).trim() != NO_DATE || date.is_some_and(is_filled),
        unknown_texts: reader.annotations().iter().filter(|a| is_unknown(&a.text)).count(),
        surplus_bytes: reader.surplus_bytes()?,
    })
}

/// Copies a file without what may identify a person, and reports what the original contained.
///
/// Texts of annotations are copied if `is_known_text` returns true for them, and replaced by `X` otherwise; see
/// [`identifying_content`]. The copy has its name only when it is complete; after an error, nothing of it is left.
///
/// # Errors
///
/// Those of [`EdfReader::open`]; [`Error::Unwritable`] if the copy exists; [`Error::RecordTooLong`].
pub fn deidentify(
    path: &Path,
    copy: &Path,
    options: DeidentifyOptions,
    is_known_text: impl Fn(&str) -> bool,
) -> Result<IdentifyingContent> {
    let reader = EdfReader::open(path)?;
    let content = identifying_content_of(&reader, &is_known_text)?;
    if copy.exists() {
        let problem = WriteProblem::AlreadyExists;
        return Err(Error::Unwritable { path: copy.to_owned(), problem });
    }
    write_copy(&reader, copy, options, &is_known_text)?;
    Ok(content)
}

fn write_copy(
    reader: &EdfReader,
    copy: &Path,
    options: DeidentifyOptions,
    is_known_text: &impl Fn(&str) -> bool,
) -> Result<()> {
    let error = |source| Error::io(copy, "write")(source);
    let mut out = AtomicFile::create(copy).map_err(Error::io(copy, "create"))?;
    let header = deidentified_header(reader, options)?;
    out.write_all(&header).map_err(error)?;
    let annotations = reader.annotation_ranges();
    reader.for_each_record(|record| {
        if !options.keep_texts {
            for range in &annotations {
                replace_texts(&mut record[range.clone()], is_known_text);
            }
        }
        out.write_all(record).map_err(error)
    })?;
    out.commit().map_err(error)
}

fn deidentified_header(reader: &EdfReader, options: DeidentifyOptions) -> Result<Vec<u8>> {
    let mut header = reader.header_bytes()?;
    let patient = String::from_utf8_lossy(&header[layout::PATIENT]).into_owned();
    let patient = kept_of_patient(&patient, reader.header().start_date, options);
    fill(&mut header[layout::PATIENT], &patient);
    let recording = String::from_utf8_lossy(&header[layout::RECORDING]).into_owned();
    let date = split_date(&recording)
        .0
        .filter(|date| options.keep_date && date.len() <= MAX_DATE_BYTES)
        .unwrap_or("X");
    let equipment = simulator_code(&recording).unwrap_or("X");
    let identification = format!("{START_DATE_PREFIX}{date} X X {equipment}");
    fill(&mut header[layout::RECORDING], &identification);
    if !options.keep_date {
        fill(&mut header[layout::START_DATE], NO_DATE);
    }
    // The copy has no incomplete data record.
    fill(&mut header[layout::N_RECORDS], &reader.header().n_records.to_string());
    Ok(header)
}

/// Returns the patient field with sex and age only, as far as they are kept: `X F X X age=61`. The date of birth is never
/// kept; further subfields are allowed (EDF+ specification, section 2.1.3.3).
fn kept_of_patient(field: &str, start: Option<Date>, options: DeidentifyOptions) -> String {
    let mut parts = field.split_whitespace().skip(1);
    let sex = parts.next().filter(|sex| options.keep_sex && matches!(*sex, "F" | "M"));
    let birth = parts.next().filter(|_| options.keep_age).and_then(parse_date);
    let age = birth.zip(start).and_then(|(birth, start)| age_years(birth, start));
    let known = format!("X {} X X", sex.unwrap_or("X"));
    match age {
        Some(age) if age > MAX_AGE => format!("{known} age={}", MAX_AGE + 1),
        Some(age) => format!("{known} age={age}"),
        None => known,
    }
}

/// Returns whether the patient field says nothing but what [`kept_of_patient`] keeps.
fn is_sex_and_age(field: &str) -> bool {
    let words: Vec<&str> = field.split_whitespace().collect();
    let is_sex = |word: &str| matches!(word, "X" | "F" | "M");
    let is_age = |word: &&str| {
        let age = word.strip_prefix("age=").and_then(|age| age.parse().ok());
        age.is_some_and(|age: i16| (0..=MAX_AGE + 1).contains(&age))
    };
    match words.as_slice() {
        ["X", sex, "X", "X", rest @ ..] => {
            is_sex(sex) && rest.len() <= 1 && rest.iter().all(is_age)
        }
        _ => false,
    }
}

/// Parses a date of EDF+, `dd-MMM-yyyy` with an English month.
fn parse_date(text: &str) -> Option<Date> {
    Date::strptime("%d-%b-%Y", text).ok()
}

/// Returns the whole years between two dates; `None` if they are not those of a life.
fn age_years(birth: Date, start: Date) -> Option<i16> {
    let had_birthday = (start.month(), start.day()) >= (birth.month(), birth.day());
    let age = start.year() - birth.year() - i16::from(!had_birthday);
    (0..=MAX_LIFE).contains(&age).then_some(age)
}

/// Splits the recording field into the date of `Startdate dd-MMM-yyyy …` and the rest.
fn split_date(field: &str) -> (Option<&str>, &str) {
    let Some(rest) = field.trim().strip_prefix(START_DATE_PREFIX) else { return (None, field) };
    let (date, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    (Some(date), rest)
}

/// Fills a field with a text and spaces.
fn fill(field: &mut [u8], text: &str) {
    field.fill(b' ');
    field[..text.len()].copy_from_slice(text.as_bytes());
}

/// Replaces the unknown texts in the annotation lists of a data record.
///
/// Lists with invalid syntax are removed. A list never becomes longer, so all of them fit where they were.
fn replace_texts(bytes: &mut [u8], is_known_text: &impl Fn(&str) -> bool) {
    let mut cleaned = Vec::with_capacity(bytes.len());
    for (time, texts) in tal::lists(bytes).filter_map(tal::split) {
        cleaned.extend_from_slice(time);
        for text in texts {
            cleaned.push(tal::TEXT_END);
            let is_known = text.is_empty() || is_known_text(&decode(text));
            cleaned.extend_from_slice(if is_known { text } else { NO_TEXT });
        }
        cleaned.extend_from_slice(&[tal::TEXT_END, tal::LIST_END]);
    }
    // The last list may fill its space without a closing zero byte.
    cleaned.truncate(bytes.len());
    bytes.fill(0);
    bytes[..cleaned.len()].copy_from_slice(&cleaned);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_texts_and_invalid_lists_are_removed() {
        let mut bytes =
            b"+0\x14\x14\0+1\x14Mr Jones\x14\0Jones was here\0+Jones\x14\x14\0+2\x14Arousal\x14\0\0"
                .to_vec();
        let n = bytes.len();
        replace_texts(&mut bytes, &|text| text == "Arousal");
        assert_eq!(bytes.len(), n);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(text.starts_with("+0\x14\x14\0+1\x14X\x14\0+2\x14Arousal\x14\0"), "{text:?}");
        assert!(!text.contains("Jones"));
    }

    #[test]
    fn only_sex_and_age_of_the_patient_are_kept() {
        const NO_PATIENT: &str = "X X X X";
        let start = Some(jiff::civil::date(2020, 3, 1));
        let kept = |field: &str, keep_sex, keep_age| {
            let options = DeidentifyOptions { keep_sex, keep_age, ..DeidentifyOptions::default() };
            kept_of_patient(field, start, options)
        };
        let field = "MCH-0234567 F 02-MAY-1951 Haagse_Harry";
        assert_eq!(kept(field, false, false), NO_PATIENT);
        assert_eq!(kept(field, true, true), "X F X X age=68");
        assert_eq!(kept("1 M 02-MAY-1920 X", false, true), "X X X X age=90");
        assert!(is_sex_and_age("X F X X age=68") && !is_sex_and_age("X F X X age=91"));
        assert!(!is_sex_and_age("X F 02-MAY-1951 X") && !is_sex_and_age("X Harry X X"));
        assert_eq!(kept("Harry F 1951", true, true), "X F X X");
        assert_eq!(kept("1 Harry 02-MAY-2051 X", true, true), NO_PATIENT);
    }

    #[test]
    fn date_is_split_from_the_recording_field() {
        assert_eq!(split_date("Startdate 04-MAR-2021 P X X"), (Some("04-MAR-2021"), "P X X"));
        assert_eq!(split_date("Startdate X"), (Some("X"), ""));
        assert_eq!(split_date("sleep lab"), (None, "sleep lab"));
    }
}
