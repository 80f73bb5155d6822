//! Reads the event lists of Noxturnal: CSV, usually UTF-16, in the language of the program.
//!
//! ```text
//! Heure de début,Heure de fin,Événement,Durée,
//! [],[],[],[s],
//! 25/07/2018 23:47:11,25/07/2018 23:47:21,Désat,9.333,
//! ```
//!
//! Start and end are rounded to seconds; the duration is not. The names of the events are in the table of names.

use std::io::BufRead;

use super::parsed_file::ParsedFile;
use super::used_columns::columns_of;
use crate::annotation::scored_annotation::ScoredAnnotation;
use crate::annotation::text::clock::{RecordingClock, round_seconds};
use crate::annotation::text::delimited;
use crate::annotation::text::line_reader::LineReader;
use crate::annotation::text::parse_error::ParseError;
use crate::annotation::text::timestamp::{parse_duration, parse_timestamp};
use crate::error::quoted;

const STARTS: [&str; 4] = ["start time", "start", "heure de début", "début"];
const ENDS: [&str; 4] = ["end time", "end", "heure de fin", "fin"];
const EVENTS: [&str; 3] = ["event", "event type", "événement"];
const DURATIONS: [&str; 2] = ["duration", "durée"];
const CHANNELS: [&str; 4] = ["signal", "channel", "location", "emplacement"];
const SCORERS: [&str; 2] = ["scorer", "scored by"];

/// Returns whether a line gives the units of the columns, each in brackets.
pub(in crate::annotation) fn is_units(line: &str) -> bool {
    let units = line.trim().trim_end_matches([',', ';', '\t']);
    let in_brackets = |cell: &str| cell.trim().starts_with('[') && cell.trim().ends_with(']');
    units.split([',', ';', '\t']).all(in_brackets) && units.contains([',', ';', '\t'])
}

/// Reads the rows of a list.
pub(in crate::annotation) fn read(
    lines: &mut LineReader<impl BufRead>,
    clock: &mut RecordingClock,
) -> Result<ParsedFile, ParseError> {
    let mut parsed = ParsedFile::default();
    let Some(header) = lines.next_filled()? else {
        return Err(ParseError::in_file("the file is empty"));
    };
    let at_header = ParseError::at_line(header.number);
    let delimiter = if header.text.contains(';') { ';' } else { ',' };
    let names = delimited::split(&header.text, delimiter).map_err(&at_header)?;
    let columns = Columns::of(&names).map_err(&at_header)?;
    parsed.columns = columns_of(&names, |at| columns.is_used(at), |at| names[at].trim().is_empty());
    if let Some(units) = lines.next_filled()? {
        let at_line = ParseError::at_line(units.number);
        columns.check_unit(&units.text, delimiter).map_err(at_line)?;
    }
    while let Some(line) = lines.next_filled()? {
        let at_line = ParseError::at_line(line.number);
        let row = delimited::split(&line.text, delimiter).map_err(&at_line)?;
        let annotation = columns.annotation(&row, clock).map_err(&at_line)?;
        parsed.push(annotation).map_err(&at_line)?;
    }
    Ok(parsed)
}

/// The position of each column.
struct Columns {
    start: usize,
    event: usize,
    end: Option<usize>,
    duration: Option<usize>,
    channel: Option<usize>,
    scorer: Option<usize>,
}

impl Columns {
    fn of(names: &[String]) -> Result<Self, String> {
        let find = |known: &[&str]| {
            names.iter().position(|name| known.contains(&name.trim().to_lowercase().as_str()))
        };
        let required = |known: &[&str], what: &str| {
            let names = || names.iter().filter(|name| !name.is_empty()).map(|name| quoted(name));
            find(known).ok_or_else(|| {
                format!(
                    "the columns are {}; expected one for the {what}, such as `{}`",
                    names().collect::<Vec<_>>().join(", "),
                    known[0]
                )
            })
        };
        Ok(Self {
            start: required(&STARTS, "start of events")?,
            event: required(&EVENTS, "name of events")?,
            end: find(&ENDS),
            duration: find(&DURATIONS),
            channel: find(&CHANNELS),
            scorer: find(&SCORERS),
        })
    }

    fn is_used(&self, at: usize) -> bool {
        let Self { start, event, end, duration, channel, scorer } = *self;
        let used = [Some(start), Some(event), end, duration, channel, scorer];
        used.contains(&Some(at))
    }

    /// Checks that durations are in seconds.
    fn check_unit(&self, line: &str, delimiter: char) -> Result<(), String> {
        let units = delimited::split(line, delimiter)?;
        match self.duration.and_then(|duration| units.get(duration)).map(String::as_str) {
            None | Some("" | "[]" | "[s]") => Ok(()),
            Some(unit) => Err(format!("durations are in {}; expected `[s]`", quoted(unit))),
        }
    }

    fn annotation(
        &self,
        row: &[String],
        clock: &mut RecordingClock,
    ) -> Result<ScoredAnnotation, String> {
        let field = |column: Option<usize>| {
            let field = column.and_then(|column| row.get(column)).map(|field| field.trim());
            field.filter(|field| !field.is_empty())
        };
        let missing = || format!("the row has {} fields; expected a start and a name", row.len());
        let start = field(Some(self.start)).ok_or_else(missing)?;
        let event = field(Some(self.event)).ok_or_else(missing)?;
        let onset_s = clock.elapsed_s(&parse_timestamp(start)?);
        let duration_s = match (field(self.duration), field(self.end)) {
            (Some(text), _) => Some(parse_duration(&text.replace(',', "."))?),
            (None, Some(end)) => {
                let end_s = clock.elapsed_s(&parse_timestamp(end)?);
                Some(round_seconds(end_s - onset_s)).filter(|duration_s| *duration_s >= 0.0)
            }
            (None, None) => None,
        };
        let mut annotation = ScoredAnnotation::new(onset_s, duration_s, event);
        annotation.channel = field(self.channel).map(str::to_owned).or(annotation.channel);
        annotation.scorer = field(self.scorer).map(str::to_owned);
        Ok(annotation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<ScoredAnnotation>, String> {
        read(&mut LineReader::new(text.as_bytes()), &mut RecordingClock::new(None))
            .map(|parsed| parsed.annotations)
            .map_err(|error| error.with_path("a".as_ref()).to_string())
    }

    #[test]
    fn rows_are_read_in_english_and_french() {
        let french = "Heure de début,Heure de fin,Événement,Durée,\n[],[],[],[s],\n\
                      25/07/2018 23:59:50,26/07/2018 00:00:20,Éveil,30,\n26/07/2018 00:00:11,26/07/2018 00:00:21,Désat,9.333,\n";
        let expected = [
            ScoredAnnotation::new(0.0, Some(30.0), "Éveil"),
            ScoredAnnotation::new(21.0, Some(9.333), "Désat"),
        ];
        assert_eq!(parse(french).unwrap(), expected);
        let english = "Start Time;End Time;Event\n[];[];[]\n7/25/2018 11:59:50 PM;7/26/2018 12:00:20 AM;Wake\n";
        assert_eq!(parse(english).unwrap(), [ScoredAnnotation::new(0.0, Some(30.0), "Wake")]);
    }

    #[test]
    fn invalid_tables_are_refused_with_the_line() {
        let check = |text, expected: &str| assert_eq!(parse(text).unwrap_err(), expected);
        check(
            "Anfang,Ende\n[],[]\n",
            "`a`, line 1: the columns are `Anfang`, `Ende`; expected one for the start of events, such as `start time`",
        );
        check(
            "Start,Event,Duration\n[],[],[min]\n",
            "`a`, line 2: durations are in `[min]`; expected `[s]`",
        );
        check(
            "Start,Event\n[],[]\nnow,Wake\n",
            "`a`, line 3: `now` is not a number of seconds up to 10000000",
        );
        check(
            "Start,Event\n[],[]\n,\n",
            "`a`, line 3: the row has 2 fields; expected a start and a name",
        );
    }
}
