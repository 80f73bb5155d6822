//! Tables of events: an onset, a duration and a text, with tabs (BIDS) or with commas (EDFbrowser, HMC).
//!
//! ```text
//! onset  duration  trial_type     channel  scorer
//! 120.5  30        Sleep stage 2  n/a      n/a
//! ```
//!
//! Without a header, the columns are onset, duration and description. Onsets are seconds or clock times; `n/a` and
//! blank fields say nothing. Where a column of stages holds numbers alone, they get names, see [`numbered_stages`].

use std::io::BufRead;

use super::file::Content;
use super::lines::Lines;
use super::names::Codes;
use super::oddities::Oddities;
use super::problem::Problem;
use super::stage_list::{name_codes, name_numbers};
use super::time::{Clock, duration, moment};
use super::{ScoredAnnotation, fields};
use crate::error::quoted;

/// Columns that hold the onset; such a table is one of annotations.
const ONSETS: [&str; 3] = ["onset", "onset_s", "recording onset"];

/// Columns that may hold the onset too; the table is one of annotations where it has a column of [`EVENTS`].
const TIMES: [&str; 5] = ["start", "start_s", "start time", "clock time", "time"];

/// Columns that hold the names of events.
const EVENTS: [&str; 4] = ["event", "event type", "description", "annotation"];

/// Columns that may hold the text, the first that is there does; people come before programs.
const TEXTS: [&str; 15] = [
    "trial_type",
    "description",
    "annotation",
    "annotations",
    "event",
    "event type",
    "stage",
    "sleep_stage",
    "stage_consensus",
    "stage_hum",
    "stage_ai",
    "label",
    "type",
    "value",
    "name",
];
const DURATIONS: [&str; 2] = ["duration", "duration_s"];
const CHANNELS: [&str; 4] = ["channel", "channels", "location", "linked channel"];
const SCORERS: [&str; 3] = ["scorer", "rater", "annotator"];
const SUBJECTS: [&str; 2] = ["subject", "participant_id"];

/// Columns by whose names the stages of BOAS are known.
const BOAS: [&str; 3] = ["stage_consensus", "stage_hum", "stage_ai"];

/// Returns the delimiter of a header with an onset.
pub(super) fn delimiter_of_header(line: &str) -> Option<char> {
    ['\t', ',', ';'].into_iter().find(|delimiter| {
        let names = fields::split(line.trim(), *delimiter).unwrap_or_default();
        let has = |known: &[&str]| find(&names, known).is_some();
        names.len() > 1 && (has(&ONSETS) || has(&TIMES) && has(&EVENTS))
    })
}

/// Returns whether a line is a row `onset,duration,description`.
pub(super) fn is_headless(line: &str) -> bool {
    let fields = fields::split(line.trim(), ',').unwrap_or_default();
    let is_length = |text: &String| is_nothing(text) || duration(text).is_ok();
    matches!(fields.as_slice(), [onset, length, text, ..]
        if moment(onset).is_ok() && is_length(length) && !text.is_empty())
}

/// Reads the rows of a table.
pub(super) fn read(lines: &mut Lines<impl BufRead>, clock: &mut Clock) -> Result<Content, Problem> {
    let mut content = Content::default();
    let mut oddities = Oddities::default();
    let Some(first) = lines.next_filled()? else { return Err(Problem::whole("the file is empty")) };
    let (delimiter, columns, mut next) = match delimiter_of_header(&first.text) {
        Some(delimiter) => {
            let at_line = Problem::at_line(first.number);
            let names = fields::split(&first.text, delimiter).map_err(&at_line)?;
            (delimiter, Columns::of(&names).map_err(&at_line)?, lines.next_filled()?)
        }
        None => (',', Columns::HEADLESS, Some(first.clone())),
    };
    let mut subject: Option<String> = None;
    while let Some(line) = next {
        next = lines.next_filled()?;
        if line.number > first.number && line.text == first.text {
            oddities.repeated_header();
            continue;
        }
        let at_line = Problem::at_line(line.number);
        let row = fields::split(&line.text, delimiter).map_err(&at_line)?;
        columns.check_subject(&row, &mut subject).map_err(&at_line)?;
        let annotation = columns.annotation(&row, clock, &mut oddities).map_err(&at_line)?;
        content.push(annotation).map_err(&at_line)?;
    }
    numbered_stages(&mut content, columns.stages)?;
    content.warnings.extend(oddities.warnings());
    Ok(content)
}

/// Whose numbers a column of stages may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stages {
    /// The column holds texts.
    Text,
    /// Those of Rechtschaffen and Kales, or of the AASM.
    Open,
    /// Those of BOAS.
    Boas,
}

/// Puts names in the place of stages that are numbers alone.
fn numbered_stages(content: &mut Content, stages: Stages) -> Result<(), Problem> {
    let is_number = |annotation: &ScoredAnnotation| annotation.text.parse::<i32>().is_ok();
    match stages {
        Stages::Open | Stages::Boas if !content.annotations.iter().all(is_number) => Ok(()),
        Stages::Text => Ok(()),
        Stages::Open => {
            name_numbers(content);
            Ok(())
        }
        Stages::Boas => name_codes(content, Codes::Boas),
    }
}

struct Columns {
    onset: usize,
    text: usize,
    duration: Option<usize>,
    channel: Option<usize>,
    scorer: Option<usize>,
    subject: Option<usize>,
    stages: Stages,
}

/// Returns the place of the first known name that is there.
fn find(names: &[String], known: &[&str]) -> Option<usize> {
    let position = |known: &&str| names.iter().position(|name| name.eq_ignore_ascii_case(known));
    known.iter().find_map(position)
}

impl Columns {
    const HEADLESS: Self = Self {
        onset: 0,
        duration: Some(1),
        text: 2,
        channel: None,
        scorer: None,
        subject: None,
        stages: Stages::Text,
    };

    fn of(names: &[String]) -> Result<Self, String> {
        let Some(text) = find(names, &TEXTS) else {
            let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
            return Err(format!(
                "the columns are {}; expected one for the text, such as `{}`",
                names.join(", "),
                TEXTS[..3].join("`, `")
            ));
        };
        let has_stages = names[text].to_ascii_lowercase().contains("stage");
        Ok(Self {
            onset: find(names, &ONSETS).or_else(|| find(names, &TIMES)).unwrap_or_default(),
            text,
            duration: find(names, &DURATIONS),
            channel: find(names, &CHANNELS),
            scorer: find(names, &SCORERS),
            subject: find(names, &SUBJECTS),
            stages: match find(names, &BOAS) {
                Some(_) if has_stages => Stages::Boas,
                None if has_stages => Stages::Open,
                Some(_) | None => Stages::Text,
            },
        })
    }

    /// Refuses a table of several nights, whose rows would overlie each other.
    fn check_subject(&self, row: &[String], first: &mut Option<String>) -> Result<(), String> {
        let Some(subject) = self.subject.and_then(|column| row.get(column)) else { return Ok(()) };
        if first.get_or_insert_with(|| subject.clone()) == subject {
            return Ok(());
        }
        Err("a second subject begins here; expected the rows of one recording".to_owned())
    }

    fn annotation(
        &self,
        row: &[String],
        clock: &mut Clock,
        oddities: &mut Oddities,
    ) -> Result<ScoredAnnotation, String> {
        let field = |column: Option<usize>| {
            let field = column.and_then(|column| row.get(column)).map(String::as_str);
            field.filter(|field| !is_nothing(field))
        };
        let onset = field(Some(self.onset)).ok_or_else(|| "the onset is missing".to_owned())?;
        let onset_s = clock.elapsed_s(&moment(onset)?);
        let duration_s = match field(self.duration) {
            Some(text) => oddities.duration(text)?,
            None => None,
        };
        let mut annotation =
            ScoredAnnotation::new(onset_s, duration_s, field(Some(self.text)).unwrap_or_default());
        annotation.channel = field(self.channel).map(str::to_owned).or(annotation.channel);
        annotation.scorer = field(self.scorer).map(str::to_owned);
        Ok(annotation)
    }
}

fn is_nothing(field: &str) -> bool {
    matches!(field.trim(), "" | "n/a")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<ScoredAnnotation>, String> {
        parse_whole(text).map(|content| content.annotations)
    }

    fn parse_whole(text: &str) -> Result<Content, String> {
        read(&mut Lines::new(text.as_bytes()), &mut Clock::new(None))
            .map_err(|problem| problem.in_file("a".as_ref()).to_string())
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
    fn hmc_ties_its_texts_to_channels() {
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
            let content = parse_whole(&format!("{header}\n{rows}")).unwrap();
            let texts: Vec<&str> = content.annotations.iter().map(|it| it.text.as_str()).collect();
            assert_eq!(texts, expected);
            assert_eq!(content.warnings.len(), n_warnings, "{:?}", content.warnings);
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
    fn tables_of_several_nights_are_refused() {
        let text =
            "subject\tonset_s\tduration_s\tstage_consensus\nsub-1\t0\t30\t3\nsub-2\t0\t30\t3\n";
        let expected =
            "`a`, line 3: a second subject begins here; expected the rows of one recording";
        assert_eq!(parse(text).unwrap_err(), expected);
    }

    #[test]
    fn negative_durations_and_repeated_headers_are_told() {
        let text =
            "Start Time,Event,Duration\n1,Arousal,-2\nStart Time,Event,Duration\n5,Arousal,2\n";
        let content = parse_whole(text).unwrap();
        let expected = [
            ScoredAnnotation::new(1.0, None, "Arousal"),
            ScoredAnnotation::new(5.0, Some(2.0), "Arousal"),
        ];
        assert_eq!(content.annotations, expected);
        let messages: Vec<&str> = content.warnings.iter().map(|w| w.message.as_str()).collect();
        let expected = [
            "1 durations are negative; their annotations were read without a length",
            "the header is repeated 1 times; the repetitions were left out",
        ];
        assert_eq!(messages, expected);
    }

    #[test]
    fn rows_that_cannot_be_read_are_named() {
        let check = |text, expected: &str| assert_eq!(parse(text).unwrap_err(), expected);
        check(
            "onset,duration,a\n",
            "`a`, line 1: the columns are `onset`, `duration`, `a`; expected one for the text, such as \
             `trial_type`, `description`, `annotation`",
        );
        check("onset,event\n,W\n", "`a`, line 2: the onset is missing");
        check(
            "onset,event\n1e99,W\n",
            "`a`, line 2: `1e99` is no number of seconds below 10000000",
        );
    }
}
