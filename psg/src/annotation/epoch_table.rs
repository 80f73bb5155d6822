//! Tables with a row for each epoch: its number and its stage, as the Wisconsin Sleep Cohort's `stg.txt`.
//!
//! ```text
//! Epoch  User-Defined Stage  CAST-Defined Stage
//! 1      0                   0
//! 2      2                   2
//! ```
//!
//! The first column whose name has the word `stage` holds the stage. Epochs last 30 seconds and count from 1, or from 0
//! where a row says so.

use std::io::BufRead;

use super::file::Content;
use super::lines::Lines;
use super::oddities::Oddities;
use super::problem::{Problem, shown};
use super::stage_list::name_numbers;
use super::{ScoredAnnotation, fields};
use crate::sleep::EPOCH_S;

/// The greatest number of an epoch: thirty days.
const LAST_EPOCH: u32 = 30 * 24 * 120;

/// Returns the delimiter of a header with an epoch and a stage and without an onset.
pub(super) fn delimiter_of_header(line: &str) -> Option<char> {
    ['\t', ',', ';'].into_iter().find(|delimiter| Columns::of(line, *delimiter).is_some())
}

/// Reads the rows of a table.
pub(super) fn read(lines: &mut Lines<impl BufRead>) -> Result<Content, Problem> {
    let mut content = Content { epoch_length_s: Some(EPOCH_S), ..Content::default() };
    let mut oddities = Oddities::default();
    let mut header: Option<(char, Columns)> = None;
    while let Some(line) = lines.next_filled()? {
        let at_line = Problem::at_line(line.number);
        let own = delimiter_of_header(&line.text);
        match (
            &header,
            own.and_then(|delimiter| Some((delimiter, Columns::of(&line.text, delimiter)?))),
        ) {
            (Some(_), Some(_)) => oddities.repeated_header(),
            (None, Some(found)) => header = Some(found),
            (None, None) => {
                return Err(at_line("it is no header with `Epoch` and a stage".to_owned()));
            }
            (Some((delimiter, columns)), None) => {
                let row = fields::split(&line.text, *delimiter).map_err(&at_line)?;
                let epoch = columns.epoch(&row).map_err(&at_line)?;
                content.push(epoch).map_err(&at_line)?;
            }
        }
    }
    let counts_from_0 = content.annotations.iter().any(|epoch| epoch.onset_s == 0.0);
    let first_s = if counts_from_0 { 0.0 } else { EPOCH_S };
    content.annotations.iter_mut().for_each(|epoch| epoch.onset_s -= first_s);
    name_numbers(&mut content);
    content.warnings.extend(oddities.warnings());
    Ok(content)
}

struct Columns {
    epoch: usize,
    stage: usize,
}

impl Columns {
    fn of(line: &str, delimiter: char) -> Option<Self> {
        let names = fields::split(line.trim(), delimiter).ok()?;
        let names: Vec<String> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
        let is_epoch =
            |name: &String| matches!(name.as_str(), "epoch" | "epoch number" | "epoch_number");
        let is_stage = |name: &String| name.split([' ', '_', '-']).any(|word| word == "stage");
        if names.iter().any(|name| name.starts_with("onset")) {
            return None;
        }
        Some(Self {
            epoch: names.iter().position(is_epoch)?,
            stage: names.iter().position(is_stage)?,
        })
    }

    /// Returns a row whose onset counts from the epoch 0.
    fn epoch(&self, row: &[String]) -> Result<ScoredAnnotation, String> {
        let field = |column: usize| row.get(column).map_or("", String::as_str).trim();
        let number = field(self.epoch);
        let number: u32 =
            number.parse().ok().filter(|number| *number <= LAST_EPOCH).ok_or_else(|| {
                format!("{} is no number of an epoch up to {LAST_EPOCH}", shown(number))
            })?;
        Ok(ScoredAnnotation::new(f64::from(number) * EPOCH_S, Some(EPOCH_S), field(self.stage)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "Epoch\tUser-Defined Stage\tCAST-Defined Stage\r\n";

    fn parse(text: &str) -> Result<Content, String> {
        read(&mut Lines::new(text.as_bytes()))
            .map_err(|problem| problem.in_file("a".as_ref()).to_string())
    }

    fn found(text: &str) -> Vec<(f64, String)> {
        parse(text)
            .unwrap()
            .annotations
            .into_iter()
            .map(|epoch| (epoch.onset_s, epoch.text))
            .collect()
    }

    #[test]
    fn epochs_count_from_1_or_from_0() {
        let rows = found(&format!("{HEADER}1\t0\t0\r\n2\t5\t5\r\n4\t7\t7\r\n"));
        assert_eq!(
            rows,
            [(0.0, "Wake|0".to_owned()), (30.0, "REM sleep|5".to_owned()), (90.0, "7".to_owned())]
        );
        let rows = found("epoch,sleep_stage\n0,W\n1,N2\n");
        assert_eq!(rows, [(0.0, "W".to_owned()), (30.0, "N2".to_owned())]);
    }

    #[test]
    fn header_that_is_written_twice_is_told() {
        let content = parse(&format!("{HEADER}{HEADER}1\t0\t0\r\n")).unwrap();
        assert_eq!(content.annotations.len(), 1);
        let told = "the header is repeated 1 times; the repetitions were left out";
        assert!(
            content.warnings.iter().any(|warning| warning.message == told),
            "{:?}",
            content.warnings
        );
    }

    #[test]
    fn rows_that_cannot_be_read_are_named() {
        let check = |row: &str, expected: &str| {
            let problem = parse(&format!("{HEADER}{row}\n")).unwrap_err();
            assert_eq!(problem, format!("`a`, line 2: {expected}"));
        };
        check("-1\t0\t0", "`-1` is no number of an epoch up to 86400");
        check("1e9\t0\t0", "`1e9` is no number of an epoch up to 86400");
        check("x", "`x` is no number of an epoch up to 86400");
    }
}
