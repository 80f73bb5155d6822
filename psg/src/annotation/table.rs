//! Tables of events: `onset`, `duration` and a text, with tabs (BIDS) or with commas (EDFbrowser).
//!
//! ```text
//! onset  duration  trial_type     channel  scorer
//! 120.5  30        Sleep stage 2  n/a      n/a
//! ```
//!
//! Without a header, the columns are onset, duration and description. Onsets are seconds or clock times; `n/a` and
//! blank fields say nothing.

use std::io::BufRead;

use super::file::Content;
use super::lines::Lines;
use super::problem::Problem;
use super::time::{Clock, duration, moment};
use super::{Annotation, fields};
use crate::error::quoted;

/// Columns that may hold the text, the first that is there does.
const TEXTS: [&str; 10] = [
    "trial_type",
    "description",
    "annotation",
    "annotations",
    "event",
    "stage",
    "sleep_stage",
    "label",
    "type",
    "value",
];
const DURATIONS: [&str; 2] = ["duration", "duration_s"];
const CHANNELS: [&str; 3] = ["channel", "channels", "location"];
const SCORERS: [&str; 3] = ["scorer", "rater", "annotator"];

/// Returns the delimiter of a header with a column `onset`.
pub(super) fn delimiter_of_header(line: &str) -> Option<char> {
    ['\t', ',', ';'].into_iter().find(|delimiter| {
        let fields = fields::split(line.trim(), *delimiter).unwrap_or_default();
        fields.len() > 1 && fields.iter().any(|field| field.eq_ignore_ascii_case("onset"))
    })
}

/// Returns whether a line is a row `onset,duration,description`.
pub(super) fn is_headless(line: &str) -> bool {
    let fields = fields::split(line.trim(), ',').unwrap_or_default();
    matches!(fields.as_slice(), [onset, length, text, ..]
        if moment(onset).is_ok() && optional_duration(length).is_ok() && !text.is_empty())
}

/// Reads the rows of a table.
pub(super) fn read(lines: &mut Lines<impl BufRead>, clock: &mut Clock) -> Result<Content, Problem> {
    let mut content = Content::default();
    let Some(first) = lines.next_filled()? else { return Err(Problem::whole("the file is empty")) };
    let (delimiter, columns, mut next) = match delimiter_of_header(&first.text) {
        Some(delimiter) => {
            let at_line = Problem::at_line(first.number);
            let names = fields::split(&first.text, delimiter).map_err(&at_line)?;
            (delimiter, Columns::of(&names).map_err(&at_line)?, lines.next_filled()?)
        }
        None => (',', Columns::HEADLESS, Some(first)),
    };
    while let Some(line) = next {
        let at_line = Problem::at_line(line.number);
        let row = fields::split(&line.text, delimiter).map_err(&at_line)?;
        let annotation = columns.annotation(&row, clock).map_err(&at_line)?;
        content.push(annotation).map_err(&at_line)?;
        next = lines.next_filled()?;
    }
    Ok(content)
}

struct Columns {
    onset: usize,
    text: usize,
    duration: Option<usize>,
    channel: Option<usize>,
    scorer: Option<usize>,
}

impl Columns {
    const HEADLESS: Self =
        Self { onset: 0, duration: Some(1), text: 2, channel: None, scorer: None };

    fn of(names: &[String]) -> Result<Self, String> {
        let position = |known: &str| names.iter().position(|name| name.eq_ignore_ascii_case(known));
        let find = |known: &[&str]| known.iter().find_map(|name| position(name));
        let Some(text) = find(&TEXTS) else {
            let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
            return Err(format!(
                "the columns are {}; expected one for the text, such as `{}`",
                names.join(", "),
                TEXTS[..3].join("`, `")
            ));
        };
        Ok(Self {
            onset: find(&["onset"]).unwrap_or_default(),
            text,
            duration: find(&DURATIONS),
            channel: find(&CHANNELS),
            scorer: find(&SCORERS),
        })
    }

    fn annotation(&self, row: &[String], clock: &mut Clock) -> Result<Annotation, String> {
        let field = |column: Option<usize>| {
            let field = column.and_then(|column| row.get(column)).map(String::as_str);
            field.filter(|field| !is_nothing(field))
        };
        let onset = field(Some(self.onset)).ok_or_else(|| "the onset is missing".to_owned())?;
        let onset_s = clock.elapsed_s(&moment(onset)?);
        let duration_s = field(self.duration).map_or(Ok(None), optional_duration)?;
        let mut annotation =
            Annotation::new(onset_s, duration_s, field(Some(self.text)).unwrap_or_default());
        annotation.channel = field(self.channel).map(str::to_owned).or(annotation.channel);
        annotation.scorer = field(self.scorer).map(str::to_owned);
        Ok(annotation)
    }
}

fn optional_duration(field: &str) -> Result<Option<f64>, String> {
    if is_nothing(field) { Ok(None) } else { duration(field).map(Some) }
}

fn is_nothing(field: &str) -> bool {
    matches!(field.trim(), "" | "n/a")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<Annotation>, String> {
        read(&mut Lines::new(text.as_bytes()), &mut Clock::new(None))
            .map(|content| content.annotations)
            .map_err(|problem| problem.in_file("a".as_ref()).to_string())
    }

    #[test]
    fn columns_are_found_by_their_names() {
        let bids = "duration\tonset\ttrial_type\tchannel\tscorer\nn/a\t1.5\tarousal\tC3\tA\n";
        let mut expected = Annotation::new(1.5, None, "arousal");
        (expected.channel, expected.scorer) = (Some("C3".to_owned()), Some("A".to_owned()));
        assert_eq!(parse(bids).unwrap(), [expected]);
        let csv = "Onset,Duration,Annotation\n+1.5,,\"a, b\"\n";
        assert_eq!(parse(csv).unwrap(), [Annotation::new(1.5, None, "a, b")]);
    }

    #[test]
    fn rows_without_a_header_are_onset_duration_and_description() {
        let expected = [
            Annotation::new(0.0, Some(30.0), "Sleep stage W"),
            Annotation::new(30.0, None, "Lights off"),
        ];
        assert_eq!(parse("0,30,Sleep stage W\n30,,Lights off\n").unwrap(), expected);
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
        check("onset,duration,event\n1,-2,W\n", "`a`, line 2: the duration `-2` is negative");
        check(
            "onset,event\n1e99,W\n",
            "`a`, line 2: `1e99` is no number of seconds below 10000000",
        );
    }
}
