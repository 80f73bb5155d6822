//! The event list of Noxturnal: CSV, mostly in UTF-16, in the language of the program.
//!
//! ```text
//! Heure de début,Heure de fin,Événement,Durée,
//! [],[],[],[s],
//! 25/07/2018 23:47:11,25/07/2018 23:47:21,Désat,9.333,
//! ```
//!
//! Begin and end are rounded to seconds; the duration is not. What the events are called is in the table of names.

use std::io::BufRead;

use super::file::Content;
use super::lines::Lines;
use super::problem::Problem;
use super::time::{Clock, duration, moment, rounded};
use super::{ScoredAnnotation, fields};
use crate::error::quoted;

const STARTS: [&str; 4] = ["start time", "start", "heure de début", "début"];
const ENDS: [&str; 4] = ["end time", "end", "heure de fin", "fin"];
const EVENTS: [&str; 3] = ["event", "event type", "événement"];
const DURATIONS: [&str; 2] = ["duration", "durée"];
const CHANNELS: [&str; 4] = ["signal", "channel", "location", "emplacement"];
const SCORERS: [&str; 2] = ["scorer", "scored by"];

/// Returns whether a line gives the units of a table, each in brackets.
pub(super) fn is_units(line: &str) -> bool {
    let units = line.trim().trim_end_matches([',', ';', '\t']);
    let mut cells = units.split([',', ';', '\t']).peekable();
    cells.by_ref().all(|cell| cell.trim().starts_with('[') && cell.trim().ends_with(']'))
        && units.contains([',', ';', '\t'])
}

/// Reads the rows of a list.
pub(super) fn read(lines: &mut Lines<impl BufRead>, clock: &mut Clock) -> Result<Content, Problem> {
    let mut content = Content::default();
    let Some(header) = lines.next_filled()? else {
        return Err(Problem::whole("the file is empty"));
    };
    let at_header = Problem::at_line(header.number);
    let delimiter = if header.text.contains(';') { ';' } else { ',' };
    let names = fields::split(&header.text, delimiter).map_err(&at_header)?;
    let columns = Columns::of(&names).map_err(&at_header)?;
    if let Some(units) = lines.next_filled()? {
        columns.check_unit(&units.text, delimiter).map_err(Problem::at_line(units.number))?;
    }
    while let Some(line) = lines.next_filled()? {
        let at_line = Problem::at_line(line.number);
        let row = fields::split(&line.text, delimiter).map_err(&at_line)?;
        let annotation = columns.annotation(&row, clock).map_err(&at_line)?;
        content.push(annotation).map_err(&at_line)?;
    }
    Ok(content)
}

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
        let needed = |known: &[&str], what: &str| {
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
            start: needed(&STARTS, "begin of events")?,
            event: needed(&EVENTS, "name of events")?,
            end: find(&ENDS),
            duration: find(&DURATIONS),
            channel: find(&CHANNELS),
            scorer: find(&SCORERS),
        })
    }

    fn check_unit(&self, line: &str, delimiter: char) -> Result<(), String> {
        let units = fields::split(line, delimiter)?;
        match self.duration.and_then(|duration| units.get(duration)).map(String::as_str) {
            None | Some("" | "[]" | "[s]") => Ok(()),
            Some(unit) => Err(format!("durations are in {}; expected `[s]`", quoted(unit))),
        }
    }

    fn annotation(&self, row: &[String], clock: &mut Clock) -> Result<ScoredAnnotation, String> {
        let field = |column: Option<usize>| {
            column
                .and_then(|column| row.get(column))
                .map(|field| field.trim())
                .filter(|f| !f.is_empty())
        };
        let missing = || format!("the row has {} fields; expected begin and name", row.len());
        let start = field(Some(self.start)).ok_or_else(missing)?;
        let event = field(Some(self.event)).ok_or_else(missing)?;
        let onset_s = clock.elapsed_s(&moment(start)?);
        let duration_s = match (field(self.duration), field(self.end)) {
            (Some(text), _) => Some(duration(&text.replace(',', "."))?),
            (None, Some(end)) => {
                let end_s = clock.elapsed_s(&moment(end)?);
                Some(rounded(end_s - onset_s)).filter(|duration_s| *duration_s >= 0.0)
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
        read(&mut Lines::new(text.as_bytes()), &mut Clock::new(None))
            .map(|content| content.annotations)
            .map_err(|problem| problem.in_file("a".as_ref()).to_string())
    }

    #[test]
    fn rows_are_read_in_either_language() {
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
    fn tables_without_the_columns_are_refused() {
        let check = |text, expected: &str| assert_eq!(parse(text).unwrap_err(), expected);
        check(
            "Anfang,Ende\n[],[]\n",
            "`a`, line 1: the columns are `Anfang`, `Ende`; expected one for the begin of events, such as `start time`",
        );
        check(
            "Start,Event,Duration\n[],[],[min]\n",
            "`a`, line 2: durations are in `[min]`; expected `[s]`",
        );
        check(
            "Start,Event\n[],[]\nnow,Wake\n",
            "`a`, line 3: `now` is no number of seconds below 10000000",
        );
        check(
            "Start,Event\n[],[]\n,\n",
            "`a`, line 3: the row has 2 fields; expected begin and name",
        );
    }
}
