//! A file of annotations: its dialect and what it holds.

use std::fs::File;
use std::io::{BufRead, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::DateTime;
use nocturne_edf::{self as edf, EdfReader};

use super::encoding::{Decoder, Encoding};
use super::format::{AnnotationFormat, Kind, is_edf, recognise};
use super::lines::Lines;
use super::problem::Problem;
use super::time::{Clock, rounded};
use super::{
    ScoredAnnotation, dreams, epoch_table, luna, noxturnal, remlogic, stage_list, table, twin,
    ucddb, xml,
};
use crate::error::{Error, Result};
use crate::regular_file;
use crate::warning::{Warning, WarningCode};

/// Bytes of the longest file of text that is read.
const LONGEST_BYTES: u64 = 64 << 20;

/// Annotations that a file may hold: what fits into memory a few times over, and more than a night has heart beats.
const MOST_ANNOTATIONS: usize = 250_000;

/// Bytes of text by which a dialect is recognised.
const HEAD_BYTES: u64 = 1 << 14;

/// Annotations as they stand in a file.
#[derive(Debug, Clone, PartialEq)]
pub struct AnnotationFile {
    /// The file.
    pub path: PathBuf,
    /// The dialect that its content, and in doubt its name, gave away.
    pub format: AnnotationFormat,
    /// Length of an epoch in seconds, where the file or its dialect says so.
    pub epoch_length_s: Option<f64>,
    /// The annotations, in the order of the file.
    pub annotations: Vec<ScoredAnnotation>,
    /// What was odd, and what had to be assumed.
    pub warnings: Vec<Warning>,
}

impl AnnotationFile {
    /// Reads a file of annotations in whatever dialect it is written.
    ///
    /// `start` is the wall-clock time of the recording's first sample. Without it, clock times count from the first
    /// one in the file, and a warning says so.
    ///
    /// # Errors
    ///
    /// [`Error::Annotations`] with the place in the file, [`Error::Io`], [`Error::NotAFile`], and for EDF+ files those
    /// of [`EdfReader::open`].
    pub fn open(path: &Path, start: Option<DateTime>) -> Result<Self> {
        let (mut file, bytes) = regular_file::open(path)?;
        let mut head = Vec::new();
        file.by_ref().take(8).read_to_end(&mut head).map_err(Error::io(path, "read"))?;
        let read = if is_edf(&head) || has_edf_name(path) {
            read_edf(path, start)
        } else {
            read_text(path, file, bytes, start)
        };
        let (format, content) = read.map_err(|problem| problem.in_file(path))?;
        let mut annotations = content.annotations;
        let file: Arc<Path> = path.into();
        annotations.iter_mut().for_each(|annotation| annotation.file = Some(Arc::clone(&file)));
        let Content { epoch_length_s, warnings, .. } = content;
        Ok(Self { path: path.to_owned(), format, epoch_length_s, annotations, warnings })
    }
}

/// Returns whether a file begins like a dialect, or is EDF+ without signals; one that cannot be read does not.
pub(super) fn is_annotations(path: &Path) -> bool {
    if has_edf_name(path) {
        return is_annotation_recording(path).unwrap_or(false);
    }
    kind_of(path).is_some()
}

/// Returns whether an EDF or BDF file has annotations and no signals, as archives keep a scoring apart from its recording.
///
/// # Errors
///
/// Those of [`edf::has_only_annotations`].
pub fn is_annotation_recording(path: &Path) -> Result<bool> {
    Ok(edf::has_only_annotations(path)?)
}

/// Returns whether a file of text holds nothing but a stage on each line, which fits any recording.
pub(super) fn is_bare_list(path: &Path) -> bool {
    use AnnotationFormat::{RespironicsStages, StageList};
    matches!(kind_of(path), Some(Kind::Text(StageList | RespironicsStages)))
}

/// Returns what a file of text begins like, if it is any dialect.
fn kind_of(path: &Path) -> Option<Kind> {
    let (mut file, bytes) = regular_file::open(path).ok()?;
    if bytes > LONGEST_BYTES {
        return None;
    }
    let encoding = Encoding::of(&mut file).ok()?;
    let head = head_of(&mut file, encoding).ok()?;
    let kind = recognise(path, &head).ok()?;
    let has_root = || xml::ROOTS.iter().any(|root| head.contains(&format!("<{root}")));
    (kind != Kind::Xml || has_root()).then_some(kind)
}

/// What a reader found in a file.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub(super) annotations: Vec<ScoredAnnotation>,
    pub(super) epoch_length_s: Option<f64>,
    pub(super) warnings: Vec<Warning>,
}

impl Content {
    /// Takes one more annotation, unless there are too many.
    pub(super) fn push(&mut self, annotation: ScoredAnnotation) -> std::result::Result<(), String> {
        if self.annotations.len() == MOST_ANNOTATIONS {
            return Err(format!("the file holds more than {MOST_ANNOTATIONS} annotations"));
        }
        self.annotations.push(annotation);
        Ok(())
    }
}

type Outcome = std::result::Result<(AnnotationFormat, Content), Problem>;

fn has_edf_name(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    ["edf", "bdf", "rec"].iter().any(|known| ending.eq_ignore_ascii_case(known))
}

fn read_edf(path: &Path, start: Option<DateTime>) -> Outcome {
    let file = EdfReader::open(path).map_err(Problem::Edf)?;
    let warnings = file.warnings().iter().map(Warning::from).collect();
    let mut content = Content { warnings, ..Content::default() };
    let later_s = start
        .zip(file.start())
        .map_or(0.0, |(start, own_start)| later_by(start, own_start, &mut content.warnings));
    for annotation in file.annotations() {
        let mut annotation = ScoredAnnotation::from(annotation.clone());
        annotation.onset_s = rounded(annotation.onset_s + later_s);
        content.push(annotation).map_err(Problem::whole)?;
    }
    Ok((AnnotationFormat::EdfPlus, content))
}

/// Returns the seconds by which a file of annotations starts later than its recording, from which onsets count.
///
/// Archives replace dates, and not always alike: a start that is a day or more off is not believed.
fn later_by(start: DateTime, own_start: DateTime, warnings: &mut Vec<Warning>) -> f64 {
    const DAY_S: f64 = 86_400.0;
    let later_s = start.duration_until(own_start).as_secs_f64();
    if later_s == 0.0 {
        return 0.0;
    }
    let is_believed = later_s.abs() < DAY_S;
    let message = if is_believed {
        format!(
            "the file of annotations starts {later_s} s after the recording; its onsets were moved by as much"
        )
    } else {
        "the file of annotations starts on another day than the recording; its onsets were taken as they are".to_owned()
    };
    warnings.push(Warning::new(WarningCode::StartTime, message));
    if is_believed { later_s } else { 0.0 }
}

fn read_text(path: &Path, mut file: File, bytes: u64, start: Option<DateTime>) -> Outcome {
    if bytes > LONGEST_BYTES {
        let problem = format!("the file has {bytes} bytes; expected at most {LONGEST_BYTES}");
        return Err(Problem::whole(problem));
    }
    let encoding = Encoding::of(&mut file).map_err(Problem::Io)?;
    let head = head_of(&mut file, encoding).map_err(Problem::Io)?;
    let kind = recognise(path, &head).map_err(Problem::whole)?;
    // A file that grows while it is read is read no further than it may be long.
    let mut text = Decoder::new(file.take(LONGEST_BYTES), encoding.0);
    let mut clock = Clock::new(start);
    let (format, mut content) = match kind {
        Kind::Xml => xml::read(&mut text, &mut clock)?,
        Kind::Text(format) => (format, read_lines(format, &mut Lines::new(text), &mut clock)?),
    };
    content.warnings.extend(clock.warnings());
    Ok((format, content))
}

fn read_lines(
    format: AnnotationFormat,
    lines: &mut Lines<impl BufRead>,
    clock: &mut Clock,
) -> std::result::Result<Content, Problem> {
    match format {
        AnnotationFormat::LunaAnnot => luna::read(lines, clock),
        AnnotationFormat::NoxturnalCsv => noxturnal::read(lines, clock),
        AnnotationFormat::UcddbEvents => ucddb::read(lines, clock),
        AnnotationFormat::RemLogicText => remlogic::read(lines, clock),
        AnnotationFormat::TwinText => twin::read(lines, clock),
        AnnotationFormat::DreamsList => dreams::read(lines),
        AnnotationFormat::EpochTable => epoch_table::read(lines),
        AnnotationFormat::BidsTsv | AnnotationFormat::EventCsv => table::read(lines, clock),
        AnnotationFormat::LunaEannot
        | AnnotationFormat::StageList
        | AnnotationFormat::UcddbStages
        | AnnotationFormat::RespironicsStages => stage_list::read(lines, format),
        AnnotationFormat::EdfPlus
        | AnnotationFormat::NsrrXml
        | AnnotationFormat::ProfusionXml
        | AnnotationFormat::EdfBrowserXml => {
            unreachable!("`recognise` gives lines to no binary and no XML file")
        }
    }
}

/// Returns the first lines of a text without their last, cut one, and leaves the file after its mark.
fn head_of(file: &mut File, (encoding, mark_bytes): (Encoding, u64)) -> std::io::Result<String> {
    file.seek(SeekFrom::Start(mark_bytes))?;
    let mut head = Vec::new();
    Decoder::new(file.by_ref(), encoding).take(HEAD_BYTES).read_to_end(&mut head)?;
    file.seek(SeekFrom::Start(mark_bytes))?;
    let whole_lines = match head.iter().rposition(|byte| *byte == b'\n') {
        Some(last) if head.len() as u64 == HEAD_BYTES => &head[..last],
        Some(_) | None => &head[..],
    };
    Ok(String::from_utf8_lossy(whole_lines).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use nocturne_edf::{Annotation, NewRecording};

    fn refused(name: &str, content: &[u8]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        let error = AnnotationFile::open(&path, None).unwrap_err().to_string();
        error.replace(&format!("{}/", folder.path().display()), "")
    }

    #[test]
    fn content_decides_against_the_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        let little_endian = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let xml: Vec<u8> = little_endian("\u{feff}<PSGAnnotation></PSGAnnotation>");
        std::fs::write(&path, xml).unwrap();
        let format = AnnotationFile::open(&path, None).unwrap().format;
        assert_eq!(format, AnnotationFormat::NsrrXml);
    }

    #[test]
    fn edf_that_starts_later_than_its_recording_is_moved() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a-Hypnogram.edf");
        let at = |day, hour| jiff::civil::date(2020, 1, day).at(hour, 0, 0, 0);
        let recording = NewRecording {
            start: at(2, 1),
            n_records: 1,
            record_duration_s: 60.0,
            signals: Vec::new(),
            annotations: vec![Annotation::new(30.0, Some(30.0), "Sleep stage W")],
        };
        recording.write_to(&path, &[]).unwrap();
        let check = |start, onset_s, warning: Option<&str>| {
            let file = AnnotationFile::open(&path, start).unwrap();
            assert_eq!(file.annotations[0].onset_s, onset_s);
            let messages: Vec<&str> = file.warnings.iter().map(|w| w.message.as_str()).collect();
            assert_eq!(messages, Vec::from_iter(warning));
        };
        check(None, 30.0, None);
        check(Some(at(2, 1)), 30.0, None);
        let moved = "the file of annotations starts 7200 s after the recording; its onsets were moved by as much";
        check(Some(at(1, 23)), 7230.0, Some(moved));
        let other_day = "the file of annotations starts on another day than the recording; its onsets were taken as \
                         they are";
        check(Some(at(20, 1)), 30.0, Some(other_day));
    }

    #[test]
    fn files_without_annotations_are_refused() {
        assert_eq!(refused("a.txt", b""), "`a.txt`, as a whole: the file is empty");
        assert_eq!(refused("a.xml", b""), "`a.xml`, byte 0: the file is empty");
        assert_eq!(
            refused("a.annot", b"\x7fELF\x02\0\0\0"),
            "`a.annot`, line 1: it holds a zero byte; expected text"
        );
    }

    #[test]
    fn messages_hold_no_control_characters() {
        let message = refused("a.xml", b"<PSGAnnotation\x1b[2J></PSGAnnotation>");
        assert!(message.starts_with("`a.xml`, byte "), "{message}");
        assert!(!message.contains(char::is_control), "{message}");
    }

    #[test]
    fn memory_does_not_follow_what_a_file_repeats() {
        assert_eq!(
            refused("a.eannot", "W\n".repeat(MOST_ANNOTATIONS + 1).as_bytes()),
            "`a.eannot`, line 250001: the file holds more than 250000 annotations"
        );
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.xml");
        File::create(&path).unwrap().set_len(LONGEST_BYTES + 1).unwrap();
        let error = AnnotationFile::open(&path, None).unwrap_err().to_string();
        assert!(
            error.ends_with("the file has 67108865 bytes; expected at most 67108864"),
            "{error}"
        );
    }
}
