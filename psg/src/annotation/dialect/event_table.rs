//! Tables of events: onset, duration and text, with tabs (BIDS) or with commas (EDFbrowser, HMC).
//!
//! ```text
//! onset  duration  trial_type     channel  scorer
//! 120.5  30        Sleep stage 2  n/a      n/a
//! ```
//!
//! A header may state the unit of the lengths, as in `Duration (ms)`. Instead of a length, there may be an end. Without a
//! header, the columns are onset, duration and description. Onsets are seconds or clock times; `n/a` and
//! blank fields are missing values. If a column of stages contains numbers only, they get names, see [`StageNumbers`].

use std::io::BufRead;

use super::parsed_file::ParsedFile;
use super::stage_codes::{integer, name_codes, name_numbers};
use super::used_columns::{columns_of, unused_columns};
use crate::annotation::annotation_summary::TableColumns;
use crate::annotation::names::{Meaning, StageCodes, meaning};
use crate::annotation::scored_annotation::ScoredAnnotation;
use crate::annotation::scorers::AUTOMATIC;
use crate::annotation::stage_levels::StageMaps;
use crate::annotation::stage_map::StageMap;
use crate::annotation::text::clock::{RecordingClock, round_seconds};
use crate::annotation::text::column_name::{ColumnName, TimeUnit};
use crate::annotation::text::delimited;
use crate::annotation::text::line_reader::LineReader;
use crate::annotation::text::parse_error::ParseError;
use crate::annotation::text::row_faults::RowFaults;
use crate::annotation::text::timestamp::{parse_duration, parse_timestamp};
use crate::error::quoted;

/// Columns of the onset, without their units. A table with one of them is a table of annotations.
const ONSETS: [&str; 2] = ["onset", "recording onset"];

/// Other columns of the onset. A table with one of them is a table of annotations if it has one of [`EVENTS`] too.
const TIMES: [&str; 4] = ["start", "start time", "clock time", "time"];

/// The column with the stages of a program in the tables of BOAS.
const STAGE_OF_PROGRAM: &str = "stage ai";

/// Columns of event names.
const EVENTS: [&str; 4] = ["event", "event type", "description", "annotation"];

/// Columns of the text. The first of this list that is in the table is used; human scorers come before programs.
const TEXTS: [&str; 15] = [
    "trial type",
    "description",
    "annotation",
    "annotations",
    "event",
    "event type",
    "stage",
    "sleep stage",
    "stage consensus",
    "stage hum",
    STAGE_OF_PROGRAM,
    "label",
    "type",
    "value",
    "name",
];
const DURATIONS: [&str; 3] = ["duration", "length", "dur"];
const ENDS: [&str; 4] = ["end", "end time", "stop", "stop time"];
const CHANNELS: [&str; 4] = ["channel", "channels", "location", "linked channel"];
const SCORERS: [&str; 3] = ["scorer", "rater", "annotator"];
const SUBJECTS: [&str; 2] = ["subject", "participant id"];

/// The columns by what they contain, for the reference.
pub(in crate::annotation) const COLUMNS: [(&str, &[&str]); 8] = [
    ("onset, in a table with any text", &ONSETS),
    ("onset, in a table with the name of an event", &TIMES),
    ("length", &DURATIONS),
    ("end", &ENDS),
    ("text", &TEXTS),
    ("channel", &CHANNELS),
    ("scorer", &SCORERS),
    ("subject, which must not change", &SUBJECTS),
];

/// Columns without a meaning for a scoring.
const WITHOUT_MEANING: [&str; 8] =
    ["", "date", "epoch", "epoch number", "index", "n", "sample", "samples"];

/// Columns that identify the tables of BOAS.
const BOAS: [&str; 3] = ["stage consensus", "stage hum", STAGE_OF_PROGRAM];

/// Returns the delimiter if the line is a header with an onset.
pub(in crate::annotation) fn delimiter_of_header(line: &str) -> Option<char> {
    ['\t', ',', ';'].into_iter().find(|delimiter| {
        let names = column_names(&delimited::split(line.trim(), *delimiter).unwrap_or_default());
        let has = |known: &[&str]| find(&names, known).is_some();
        names.len() > 1 && (has(&ONSETS) || has(&TIMES) && has(&EVENTS))
    })
}

/// Returns whether a line is a row `onset,duration,description`.
pub(in crate::annotation) fn is_row_without_header(line: &str) -> bool {
    let fields = delimited::split(line.trim(), ',').unwrap_or_default();
    let is_duration = |text: &String| is_missing(text) || parse_duration(text).is_ok();
    matches!(fields.as_slice(), [onset, duration, text, ..]
        if parse_timestamp(onset).is_ok() && is_duration(duration) && !text.is_empty())
}

/// Reads the rows of a table.
pub(in crate::annotation) fn read(
    lines: &mut LineReader<impl BufRead>,
    clock: &mut RecordingClock,
    stage_maps: StageMaps<'_>,
) -> Result<ParsedFile, ParseError> {
    let mut parsed = ParsedFile::default();
    let mut faults = RowFaults::default();
    let Some(first) = lines.next_filled()? else {
        return Err(ParseError::in_file("the file is empty"));
    };
    let (delimiter, columns, mut next) = match delimiter_of_header(&first.text) {
        Some(delimiter) => {
            let at_line = ParseError::at_line(first.number);
            let names = delimited::split(&first.text, delimiter).map_err(&at_line)?;
            let columns = Columns::of(&names).map_err(&at_line)?;
            parsed.columns = columns.names(&names);
            parsed.warnings.extend(unused_columns(&parsed.columns));
            (delimiter, columns, lines.next_filled()?)
        }
        None => (',', Columns::WITHOUT_HEADER, Some(first.clone())),
    };
    let stage_map = stage_maps.of_column(columns.text_name.as_deref());
    let mut subject: Option<String> = None;
    while let Some(line) = next {
        next = lines.next_filled()?;
        if line.number > first.number && line.text == first.text {
            faults.count_repeated_header();
            continue;
        }
        let at_line = ParseError::at_line(line.number);
        let row = delimited::split(&line.text, delimiter).map_err(&at_line)?;
        columns.check_subject(&row, &mut subject).map_err(&at_line)?;
        let annotation = columns.annotation(&row, clock, &mut faults).map_err(&at_line)?;
        parsed.push(annotation).map_err(&at_line)?;
    }
    columns.stage_numbers.replace(&mut parsed, &stage_map)?;
    parsed.warnings.extend(faults.warnings());
    Ok(parsed)
}

/// Which codes the numbers in the text column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StageNumbers {
    /// The column does not contain stages.
    None,
    /// Those of Rechtschaffen and Kales or of the AASM.
    Unnamed,
    /// Those of BOAS.
    Boas,
}

impl StageNumbers {
    /// Replaces stages by their names, if all of them are numbers.
    fn replace(self, parsed: &mut ParsedFile, stage_map: &StageMap) -> Result<(), ParseError> {
        let is_number = |annotation: &ScoredAnnotation| integer(&annotation.text).is_some();
        let is_stage = |annotation: &ScoredAnnotation| {
            is_number(annotation) || meaning(&annotation.text).is_some_and(Meaning::is_stage)
        };
        match self {
            // `W, 1, 2, R`: the letters say that the numbers are stages.
            Self::Unnamed if parsed.annotations.iter().all(is_stage) => {
                name_numbers(parsed, stage_map);
                Ok(())
            }
            Self::Boas if parsed.annotations.iter().all(is_number) => {
                name_codes(parsed, StageCodes::Boas, stage_map)
            }
            Self::None | Self::Unnamed | Self::Boas => {
                stage_map.apply(&mut parsed.annotations);
                Ok(())
            }
        }
    }
}

/// The position of each column.
struct Columns {
    onset: usize,
    text: usize,
    duration: Option<usize>,
    /// End of the event; it serves where no column has the duration.
    end: Option<usize>,
    /// The units of onset, duration and end, if the header states them.
    units: [TimeUnit; 3],
    channel: Option<usize>,
    scorer: Option<usize>,
    subject: Option<usize>,
    stage_numbers: StageNumbers,
    /// The name of the text column as written, if there is a header.
    text_name: Option<String>,
    /// Whether the text column is the staging of a program.
    is_automatic: bool,
}

/// Returns the position of the first known name that is in the header.
fn find(names: &[ColumnName], known: &[&str]) -> Option<usize> {
    let position = |known: &&str| names.iter().position(|name| name.base == *known);
    known.iter().find_map(position)
}

fn column_names(written: &[String]) -> Vec<ColumnName> {
    written.iter().map(|name| ColumnName::of(name)).collect()
}

impl Columns {
    const WITHOUT_HEADER: Self = Self {
        onset: 0,
        duration: Some(1),
        end: None,
        units: [const { TimeUnit { seconds: 1.0, unknown: None } }; 3],
        text: 2,
        channel: None,
        scorer: None,
        subject: None,
        stage_numbers: StageNumbers::None,
        text_name: None,
        is_automatic: false,
    };

    fn of(written: &[String]) -> Result<Self, String> {
        let names = &column_names(written)[..];
        let Some(text) = find(names, &TEXTS) else {
            let names: Vec<String> = written.iter().map(|name| quoted(name)).collect();
            return Err(format!(
                "the columns are {}; expected one for the text, such as `{}`",
                names.join(", "),
                "trial_type`, `description`, `annotation"
            ));
        };
        let has_stages = names[text].base.contains("stage");
        let onset = find(names, &ONSETS).or_else(|| find(names, &TIMES)).unwrap_or_default();
        let (duration, end) = (find(names, &DURATIONS), find(names, &ENDS));
        let unit = |column: Option<usize>| {
            column.map_or_else(TimeUnit::default, |column| names[column].unit.clone())
        };
        Ok(Self {
            onset,
            text,
            duration,
            end,
            units: [unit(Some(onset)), unit(duration), unit(end)],
            channel: find(names, &CHANNELS),
            scorer: find(names, &SCORERS),
            subject: find(names, &SUBJECTS),
            text_name: written.get(text).map(|name| name.trim().to_owned()),
            is_automatic: names[text].base == STAGE_OF_PROGRAM,
            stage_numbers: match find(names, &BOAS) {
                Some(_) if has_stages => StageNumbers::Boas,
                None if has_stages => StageNumbers::Unnamed,
                Some(_) | None => StageNumbers::None,
            },
        })
    }

    /// Returns the names of the columns that are used and of those that are not.
    fn names(&self, written: &[String]) -> TableColumns {
        let used = [self.duration, self.end, self.channel, self.scorer, self.subject];
        let is_used = |at: usize| {
            at == self.onset || at == self.text || used.into_iter().flatten().any(|it| it == at)
        };
        // A second time, or the same in other words, adds nothing.
        let known = [&ONSETS[..], &TIMES, &TEXTS, &WITHOUT_MEANING].concat();
        let names = column_names(written);
        columns_of(written, is_used, |at| known.contains(&names[at].base.as_str()))
    }

    /// Refuses a table of several nights, whose onsets all count from 0.
    fn check_subject(&self, row: &[String], first: &mut Option<String>) -> Result<(), String> {
        let Some(subject) = self.subject.and_then(|column| row.get(column)) else { return Ok(()) };
        if first.get_or_insert_with(|| subject.clone()) == subject {
            return Ok(());
        }
        Err("a second subject starts here; expected the rows of one recording".to_owned())
    }

    fn annotation(
        &self,
        row: &[String],
        clock: &mut RecordingClock,
        faults: &mut RowFaults,
    ) -> Result<ScoredAnnotation, String> {
        let field = |column: Option<usize>| {
            let field = column.and_then(|column| row.get(column)).map(String::as_str);
            field.filter(|field| !is_missing(field))
        };
        let onset = field(Some(self.onset)).ok_or_else(|| "the onset is missing".to_owned())?;
        let [onset_unit, duration_unit, end_unit] = &self.units;
        let onset_s = clock.elapsed_s(&onset_unit.timestamp(onset)?);
        let written = faults.optional_duration(field(self.duration))?;
        let mut duration_s = written.map(|length| duration_unit.in_seconds(length)).transpose()?;
        if let (None, Some(end)) = (self.duration, field(self.end)) {
            let end_s = clock.elapsed_s(&end_unit.timestamp(end)?);
            duration_s = faults.duration(&round_seconds(end_s - onset_s).to_string())?;
        }
        let text = field(Some(self.text)).unwrap_or_default();
        let mut annotation = ScoredAnnotation::new(onset_s, duration_s, text);
        annotation.channel = field(self.channel).map(str::to_owned).or(annotation.channel);
        let automatic = self.is_automatic.then_some(AUTOMATIC);
        annotation.scorer = field(self.scorer).or(automatic).map(str::to_owned);
        Ok(annotation)
    }
}

fn is_missing(field: &str) -> bool {
    matches!(field.trim(), "" | "n/a")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<ScoredAnnotation>, String> {
        parse_file(text).map(|parsed| parsed.annotations)
    }

    fn parse_file(text: &str) -> Result<ParsedFile, String> {
        let (of_user, levels) = Default::default();
        let stage_maps = StageMaps { of_user: &of_user, levels: &levels };
        read(&mut LineReader::new(text.as_bytes()), &mut RecordingClock::new(None), stage_maps)
            .map_err(|error| error.with_path("a".as_ref()).to_string())
    }

    #[test]
    fn numbers_among_letters_are_stages() {
        let found = parse_file("onset,stage\n0,W\n30,1\n60,4\n90,R\n").unwrap();
        let texts: Vec<&str> = found.annotations.iter().map(|it| it.text.as_str()).collect();
        assert_eq!(texts, ["W", "Stage 1 sleep|1", "Stage 4 sleep|4", "R"]);
    }

    #[test]
    fn lengths_have_units_and_ends_serve_without_them() {
        let durations = |text: &str| -> Vec<Option<f64>> {
            parse(text).unwrap().iter().map(|it| it.duration_s).collect()
        };
        assert_eq!(durations("onset,Duration (ms),event\n1,2500,arousal\n"), [Some(2.5)]);
        assert_eq!(durations("start_s,end_s,event\n10,12.5,arousal\n"), [Some(2.5)]);
        let onset = parse("onset_ms,end_ms,event\n10000,12500,arousal\n").unwrap().remove(0);
        assert_eq!((onset.onset_s, onset.duration_s), (10.0, Some(2.5)));
        let clock = parse("Time (local),event\n22:00:00,arousal\n").unwrap().remove(0);
        assert_eq!(clock.onset_s, 0.0);
        let problem = parse("onset (samples),event\n100,arousal\n").unwrap_err();
        assert!(problem.contains("a time is in `samples`"), "{problem}");
        let problem = parse("onset,duration (epochs),event\n1,2,arousal\n").unwrap_err();
        assert!(problem.contains("a time is in `epochs`"), "{problem}");
        let unused = parse_file("onset,event,snore\n1,arousal,+\n").unwrap().warnings;
        assert_eq!(unused[0].message, "the column `snore` is not known and was not used");
    }

    #[test]
    fn columns_are_found_by_their_names() {
        let bids = "duration\tonset\ttrial_type\tchannel\tscorer\nn/a\t1.5\tarousal\tC3\tA\n";
        let mut expected = ScoredAnnotation::new(1.5, None, "arousal");
        (expected.channel, expected.scorer) = (Some("C3".to_owned()), Some("A".to_owned()));
        assert_eq!(parse(bids).unwrap(), [expected]);
        let csv = "Onset,Duration,Annotation\n+1.5,,\"a, b\"\n";
        assert_eq!(parse(csv).unwrap(), [ScoredAnnotation::new(1.5, None, "a, b")]);
    }

    #[test]
    fn rows_without_a_header_are_onset_duration_and_description() {
        let expected = [
            ScoredAnnotation::new(0.0, Some(30.0), "Sleep stage W"),
            ScoredAnnotation::new(30.0, None, "Lights off"),
        ];
        assert_eq!(parse("0,30,Sleep stage W\n30,,Lights off\n").unwrap(), expected);
    }

    #[test]
    fn hmc_links_texts_to_channels() {
        let text = "Date, Time, Recording onset, Duration, Annotation, Linked channel\n\
                    2001-01-01, 23:26:23, 0, 30, Sleep stage W, \n\
                    2001-01-01, 23:26:53, 30, 0, Lights off, EEG F4-M1\n";
        let mut lights = ScoredAnnotation::new(30.0, Some(0.0), "Lights off");
        lights.channel = Some("EEG F4-M1".to_owned());
        let expected = [ScoredAnnotation::new(0.0, Some(30.0), "Sleep stage W"), lights];
        assert_eq!(parse(text).unwrap(), expected);
    }

    #[test]
    fn stages_that_are_numbers_get_names() {
        let check = |header: &str, rows: &str, expected: &[&str], n_warnings: usize| {
            let parsed = parse_file(&format!("{header}\n{rows}")).unwrap();
            let texts: Vec<&str> = parsed.annotations.iter().map(|it| it.text.as_str()).collect();
            assert_eq!(texts, expected);
            assert_eq!(parsed.warnings.len(), n_warnings, "{:?}", parsed.warnings);
        };
        let boas = ["Sleep stage N3", "Sleep stage R", "Sleep stage ?"];
        check(
            "onset\tduration\tstage_ai\tstage_hum",
            "0\t30\t0\t3\n30\t30\t0\t4\n60\t30\t0\t8\n",
            &boas,
            0,
        );
        check(
            "onset\tduration\tstage",
            "0\t30\t4\n30\t30\t5\n",
            &["Stage 4 sleep|4", "REM sleep|5"],
            1,
        );
        check("onset\tduration\tstage", "0\t30\t4\n", &["4"], 1);
        check("onset\tduration\tevent", "0\t30\t4\n", &["4"], 0);
    }

    #[test]
    fn tables_of_several_recordings_are_refused() {
        let text =
            "subject\tonset_s\tduration_s\tstage_consensus\nsub-1\t0\t30\t3\nsub-2\t0\t30\t3\n";
        let expected =
            "`a`, line 3: a second subject starts here; expected the rows of one recording";
        assert_eq!(parse(text).unwrap_err(), expected);
    }

    #[test]
    fn negative_durations_and_repeated_headers_are_reported() {
        let text =
            "Start Time,Event,Duration\n1,Arousal,-2\nStart Time,Event,Duration\n5,Arousal,2\n";
        let parsed = parse_file(text).unwrap();
        let expected = [
            ScoredAnnotation::new(1.0, None, "Arousal"),
            ScoredAnnotation::new(5.0, Some(2.0), "Arousal"),
        ];
        assert_eq!(parsed.annotations, expected);
        let messages: Vec<&str> = parsed.warnings.iter().map(|w| w.message.as_str()).collect();
        let expected = ["1 negative duration; read as unknown", "1 repeated header; ignored"];
        assert_eq!(messages, expected);
    }

    #[test]
    fn invalid_rows_are_refused_with_their_number() {
        let check = |text, expected: &str| assert_eq!(parse(text).unwrap_err(), expected);
        check(
            "onset,duration,a\n",
            "`a`, line 1: the columns are `onset`, `duration`, `a`; expected one for the text, such as \
             `trial_type`, `description`, `annotation`",
        );
        check("onset,event\n,W\n", "`a`, line 2: the onset is missing");
        check(
            "onset,event\n1e99,W\n",
            "`a`, line 2: `1e99` is not a number of seconds up to 10000000",
        );
    }
}
