//! An annotation file: its dialect and its annotations.

use std::fs::File;
use std::io::{BufRead, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::DateTime;
use nocturne_edf::{self as edf, EdfReader};

use super::annotation_summary::TableColumns;
use super::dialect::parsed_file::ParsedFile;
use super::dialect::stage_list::{self, StageListKind};
use super::dialect::{
    domino, dreams, epoch_table, event_table, luna, noxturnal, remlogic, twin, ucddb, xml,
};
use super::format::AnnotationFormat;
use super::recognition::{TextKind, is_edf, recognise};
use super::scored_annotation::ScoredAnnotation;
use super::scoring_options::ScoringOptions;
use super::stage_levels::{StageLevels, StageMaps};
use super::stage_map::StageMap;
use super::text::clock::{RecordingClock, round_seconds};
use super::text::encoding::{Encoding, Utf8Reader};
use super::text::line_reader::LineReader;
use super::text::parse_error::ParseError;
use super::text::timestamp::DAY_S;
use crate::error::{Error, Result};
use crate::regular_file;
use crate::warning::{Warning, WarningCode};

/// Maximum length of a text file in bytes.
const MAX_TEXT_BYTES: u64 = 64 << 20;

/// Bytes at the start of a text from which its dialect is recognised.
const HEAD_BYTES: u64 = 1 << 14;

/// The annotations of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct AnnotationFile {
    /// The path of the file.
    pub path: PathBuf,
    /// The dialect, recognised by the content, or by the name if the content is ambiguous.
    pub format: AnnotationFormat,
    /// Length of an epoch in seconds, if the file or its dialect defines it.
    pub epoch_length_s: Option<f64>,
    /// The columns, if the file is a table.
    pub columns: TableColumns,
    /// The annotations in the order of the file.
    pub annotations: Vec<ScoredAnnotation>,
    /// Warnings about the file and about assumptions made to read it.
    pub warnings: Vec<Warning>,
}

impl AnnotationFile {
    /// Reads a file in any of the dialects.
    ///
    /// `start` is the time of the recording's first sample. Without it, clock times count from the first one in the file,
    /// with a warning.
    ///
    /// # Errors
    ///
    /// [`Error::Annotations`] with the position in the file, [`Error::Io`], [`Error::NotAFile`], and for EDF+ files
    /// [`Error::Edf`].
    pub fn open(path: &Path, start: Option<DateTime>) -> Result<Self> {
        Self::open_for(path, RecordingSpan { start, length_s: None }, &ScoringOptions::default())
    }

    /// Reads a file that belongs to a recording whose start and length are known, with the user's options.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open), and [`Error::Annotations`] if the file does not have the format of the options.
    pub fn open_for(path: &Path, span: RecordingSpan, options: &ScoringOptions) -> Result<Self> {
        let start = span.start;
        let (mut file, bytes) = regular_file::open(path)?;
        let mut head = Vec::new();
        file.by_ref().take(8).read_to_end(&mut head).map_err(Error::io(path, "read"))?;
        let read = if is_edf(&head) || has_edf_extension(path) {
            read_edf(path, start)
        } else {
            read_text(path, file, bytes, span, options)
        };
        let (format, parsed) = read
            .and_then(|(format, parsed)| {
                check_format(format, options.format).map(|()| (format, parsed))
            })
            .map_err(|error| error.with_path(path))?;
        let ParsedFile { mut annotations, epoch_length_s, columns, warnings } = parsed;
        options.stage_map.apply(&mut annotations);
        let file: Arc<Path> = path.into();
        annotations.iter_mut().for_each(|annotation| annotation.file = Some(Arc::clone(&file)));
        let path = path.to_owned();
        Ok(Self { path, format, epoch_length_s, columns, annotations, warnings })
    }
}

/// When a recording starts, and how long it is.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct RecordingSpan {
    /// Clock time of the first sample, if known.
    pub start: Option<DateTime>,
    /// Seconds from the first to the last sample, if known.
    pub length_s: Option<f64>,
}

/// Returns whether an EDF or BDF file has annotations and no signals: archives store a scoring apart from its recording.
///
/// # Errors
///
/// [`Error::Edf`] if the header cannot be read.
pub fn is_annotation_recording(path: &Path) -> Result<bool> {
    Ok(edf::has_only_annotations(path)?)
}

/// Returns whether a file starts like one of the dialects, or is EDF+ without signals; false if it cannot be read.
pub(super) fn has_annotations(path: &Path) -> bool {
    if has_edf_extension(path) {
        return is_annotation_recording(path).unwrap_or(false);
    }
    kind_of_text(path).is_some()
}

/// Returns whether a file may have a format, by its content.
pub(super) fn may_have_format(path: &Path, format: AnnotationFormat) -> bool {
    match TextKind::of_format(format) {
        None => has_edf_extension(path),
        Some(kind) => !has_edf_extension(path) && kind_of_text(path) == Some(kind),
    }
}

/// Returns whether a text file has only a stage on each line, which fits any recording.
pub(super) fn is_stage_list(path: &Path) -> bool {
    use StageListKind::{Plain, Respironics};
    matches!(kind_of_text(path), Some(TextKind::StageList(Plain | Respironics)))
}

/// Returns how a text file is read; `None` if it is not an annotation file.
fn kind_of_text(path: &Path) -> Option<TextKind> {
    let (mut file, bytes) = regular_file::open(path).ok()?;
    if bytes > MAX_TEXT_BYTES {
        return None;
    }
    let encoding = Encoding::detect(&mut file).ok()?;
    let head = read_head(&mut file, encoding).ok()?;
    let kind = recognise(path, &head, &StageMap::default()).ok()?;
    // Other programs write XML too.
    (kind != TextKind::Xml || xml::has_known_root(&head)).then_some(kind)
}

/// The dialect and the content of a file.
type ParseResult = std::result::Result<(AnnotationFormat, ParsedFile), ParseError>;

fn has_edf_extension(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    ["edf", "bdf", "rec"].iter().any(|known| extension.eq_ignore_ascii_case(known))
}

fn read_edf(path: &Path, start: Option<DateTime>) -> ParseResult {
    let file = EdfReader::open(path).map_err(ParseError::Edf)?;
    let warnings = file.warnings().iter().map(Warning::from).collect();
    let mut parsed = ParsedFile { warnings, ..ParsedFile::default() };
    let shift_s = start
        .zip(file.start())
        .map_or(0.0, |(start, own_start)| shift_s(start, own_start, &mut parsed.warnings));
    for annotation in file.annotations() {
        let mut annotation = ScoredAnnotation::from(annotation.clone());
        annotation.onset_s = round_seconds(annotation.onset_s + shift_s);
        parsed.push(annotation).map_err(ParseError::in_file)?;
    }
    Ok((AnnotationFormat::EdfPlus, parsed))
}

/// Returns the seconds by which an annotation file starts after its recording, to be added to its onsets.
///
/// A difference of a day or more is ignored: archives replace dates, not always consistently.
fn shift_s(start: DateTime, own_start: DateTime, warnings: &mut Vec<Warning>) -> f64 {
    let shift_s = start.duration_until(own_start).as_secs_f64();
    if shift_s == 0.0 {
        return 0.0;
    }
    let is_plausible = shift_s.abs() < DAY_S;
    let message = if is_plausible {
        format!(
            "the annotation file starts {shift_s} s after the recording; its onsets were shifted accordingly"
        )
    } else {
        "the annotation file starts on another day than the recording; its onsets were not shifted"
            .to_owned()
    };
    warnings.push(Warning::new(WarningCode::StartTime, message));
    if is_plausible { shift_s } else { 0.0 }
}

/// Refuses a file that has another format than the user says.
fn check_format(
    found: AnnotationFormat,
    wanted: Option<AnnotationFormat>,
) -> std::result::Result<(), ParseError> {
    match wanted.filter(|wanted| *wanted != found) {
        None => Ok(()),
        Some(wanted) => {
            let problem = format!("the file is {}; expected {}", found.name(), wanted.name());
            Err(ParseError::in_file(problem))
        }
    }
}

fn read_text(
    path: &Path,
    mut file: File,
    bytes: u64,
    span: RecordingSpan,
    options: &ScoringOptions,
) -> ParseResult {
    if bytes > MAX_TEXT_BYTES {
        let problem = format!("the file has {bytes} bytes; expected at most {MAX_TEXT_BYTES}");
        return Err(ParseError::in_file(problem));
    }
    let encoding = Encoding::detect(&mut file).map_err(ParseError::Io)?;
    let head = read_head(&mut file, encoding).map_err(ParseError::Io)?;
    let kind = match options.format.and_then(TextKind::of_format) {
        Some(kind) => kind,
        None => recognise(path, &head, &options.stage_map).map_err(ParseError::in_file)?,
    };
    let is_table_of_events = matches!(kind, TextKind::BidsTsv | TextKind::EventCsv);
    let levels =
        if is_table_of_events { StageLevels::of_table(path) } else { StageLevels::default() };
    let stage_maps = StageMaps { of_user: &options.stage_map, levels: &levels };
    // The limit holds for a file that grows while it is read, too.
    let text = Utf8Reader::new(file.take(MAX_TEXT_BYTES), encoding.0);
    let mut clock = RecordingClock::new(span.start).of_length(span.length_s);
    let (format, mut parsed) = parse(kind, text, &mut clock, stage_maps)?;
    parsed.warnings.extend(clock.warnings());
    Ok((format, parsed))
}

/// Parses a text of a known kind.
fn parse(
    kind: TextKind,
    mut text: Utf8Reader<impl Read>,
    clock: &mut RecordingClock,
    stage_maps: StageMaps<'_>,
) -> ParseResult {
    if kind == TextKind::Xml {
        return xml::read(&mut text, clock);
    }
    parse_lines(kind, &mut LineReader::new(text), clock, stage_maps)
}

fn parse_lines(
    kind: TextKind,
    lines: &mut LineReader<impl BufRead>,
    clock: &mut RecordingClock,
    stage_maps: StageMaps<'_>,
) -> ParseResult {
    Ok(match kind {
        TextKind::LunaAnnot => (AnnotationFormat::LunaAnnot, luna::read(lines, clock)?),
        TextKind::Noxturnal => (AnnotationFormat::NoxturnalCsv, noxturnal::read(lines, clock)?),
        TextKind::UcddbEvents => (AnnotationFormat::UcddbEvents, ucddb::read(lines, clock)?),
        TextKind::RemLogic => (AnnotationFormat::RemLogicText, remlogic::read(lines, clock)?),
        TextKind::Twin => (AnnotationFormat::TwinText, twin::read(lines, clock)?),
        TextKind::Domino => (AnnotationFormat::DominoText, domino::read(lines, clock)?),
        TextKind::Dreams => {
            (AnnotationFormat::DreamsList, dreams::read(lines, stage_maps.of_user)?)
        }
        TextKind::EpochTable => {
            (AnnotationFormat::EpochTable, epoch_table::read(lines, stage_maps.of_user)?)
        }
        TextKind::BidsTsv => {
            (AnnotationFormat::BidsTsv, event_table::read(lines, clock, stage_maps)?)
        }
        TextKind::EventCsv => {
            (AnnotationFormat::EventCsv, event_table::read(lines, clock, stage_maps)?)
        }
        TextKind::StageList(kind) => {
            (kind.format(), stage_list::read(lines, kind, clock.length_s(), stage_maps.of_user)?)
        }
        TextKind::Xml => unreachable!("`parse` handles XML"),
    })
}

/// Returns the first complete lines of a text, and leaves the file behind its byte order mark.
fn read_head(file: &mut File, (encoding, mark_bytes): (Encoding, u64)) -> std::io::Result<String> {
    file.seek(SeekFrom::Start(mark_bytes))?;
    let mut head = Vec::new();
    Utf8Reader::new(file.by_ref(), encoding).take(HEAD_BYTES).read_to_end(&mut head)?;
    file.seek(SeekFrom::Start(mark_bytes))?;
    // A full head ends inside a line.
    let complete = match head.iter().rposition(|byte| *byte == b'\n') {
        Some(last) if head.len() as u64 == HEAD_BYTES => &head[..last],
        Some(_) | None => &head[..],
    };
    Ok(String::from_utf8_lossy(complete).into_owned())
}

#[cfg(test)]
mod tests {
    use super::super::dialect::parsed_file::MAX_ANNOTATIONS;
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
    fn content_takes_precedence_over_the_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        let little_endian = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let xml: Vec<u8> = little_endian("\u{feff}<PSGAnnotation></PSGAnnotation>");
        std::fs::write(&path, xml).unwrap();
        let format = AnnotationFile::open(&path, None).unwrap().format;
        assert_eq!(format, AnnotationFormat::NsrrXml);
    }

    #[test]
    fn onsets_of_edf_that_starts_after_its_recording_are_shifted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a-Hypnogram.edf");
        let at = |day, hour| jiff::civil::date(2020, 1, day).at(hour, 0, 0, 0);
        let recording = NewRecording {
            start: at(2, 1),
            equipment: None,
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
        let shifted = "the annotation file starts 7200 s after the recording; its onsets were shifted accordingly";
        check(Some(at(1, 23)), 7230.0, Some(shifted));
        let other_day = "the annotation file starts on another day than the recording; its onsets were not shifted";
        check(Some(at(20, 1)), 30.0, Some(other_day));
    }

    #[test]
    fn files_without_annotations_are_refused() {
        assert_eq!(refused("a.txt", b""), "`a.txt`: the file is empty");
        assert_eq!(refused("a.xml", b""), "`a.xml`, byte 0: the file is empty");
        assert_eq!(
            refused("a.annot", b"\x7fELF\x02\0\0\0"),
            "`a.annot`, line 1: the line contains a zero byte; expected text"
        );
    }

    #[test]
    fn messages_contain_no_control_characters() {
        let message = refused("a.xml", b"<PSGAnnotation\x1b[2J></PSGAnnotation>");
        assert!(message.starts_with("`a.xml`, byte "), "{message}");
        assert!(!message.contains(char::is_control), "{message}");
    }

    #[test]
    fn number_of_annotations_and_length_of_files_are_limited() {
        assert_eq!(
            refused("a.eannot", "W\n".repeat(MAX_ANNOTATIONS + 1).as_bytes()),
            "`a.eannot`, line 250001: the file has more than 250000 annotations"
        );
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.xml");
        File::create(&path).unwrap().set_len(MAX_TEXT_BYTES + 1).unwrap();
        let error = AnnotationFile::open(&path, None).unwrap_err().to_string();
        assert!(
            error.ends_with("the file has 67108865 bytes; expected at most 67108864"),
            "{error}"
        );
    }
}
