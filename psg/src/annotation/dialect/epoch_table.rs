//! Tables with a row for each epoch: its number and its stage, as `stg.txt` of the Wisconsin Sleep Cohort.
//!
//! ```text
//! Epoch  User-Defined Stage  CAST-Defined Stage
//! 1      0                   0
//! 2      2                   2
//! ```
//!
//! Stanford's `.STA` has no header: the number of the epoch, its stage, and the stage again; 7 is not scored. YASA's table
//! has a column without a name that counts epochs from 0.
//!
//! The stage is in the first column whose name contains the word `stage`. Epochs last 30 seconds and count from 1, or
//! from 0 if there is a row 0.

use std::io::BufRead;

use super::parsed_file::ParsedFile;
use super::stage_codes::name_numbers;
use super::used_columns::{columns_of, unused_columns};
use crate::annotation::annotation_summary::TableColumns;
use crate::annotation::scored_annotation::ScoredAnnotation;
use crate::annotation::scorers::AUTOMATIC;
use crate::annotation::stage_map::StageMap;
use crate::annotation::text::delimited;
use crate::annotation::text::line_reader::LineReader;
use crate::annotation::text::parse_error::{ParseError, redacted};
use crate::annotation::text::row_faults::RowFaults;
use crate::sleep::EPOCH_S;

/// Largest number of an epoch: thirty days.
const MAX_EPOCH: u32 = 30 * 24 * 120;

/// Columns of a program's staging: the probability of its stage, and of each stage.
pub(in crate::annotation) const OF_PROGRAMS: [&str; 8] =
    ["confidence", "proba_w", "proba_n1", "proba_n2", "proba_n3", "proba_r", "probability", "pp"];

/// Number of rows from which a table without a header is recognised.
const MIN_ROWS: usize = 3;

/// Returns whether a line is a header with an epoch and a stage and without an onset.
pub(in crate::annotation) fn is_header(line: &str) -> bool {
    Columns::find(line).is_some()
}

/// Returns whether lines are rows without a header: the numbers of epochs from 0 or 1 on, and two stages each.
pub(in crate::annotation) fn are_rows(lines: &[&str]) -> bool {
    let row = |line: &&str| {
        let numbers: Vec<i32> =
            line.split_whitespace().map(|field| field.parse().ok()).collect::<Option<_>>()?;
        <[i32; 3]>::try_from(numbers).ok()
    };
    let rows: Option<Vec<[i32; 3]>> = lines.iter().map(row).collect();
    let is_stage = |code: i32| (0..=9).contains(&code);
    rows.filter(|rows| rows.len() >= MIN_ROWS).is_some_and(|rows| {
        let counts = rows.windows(2).all(|pair| pair[1][0] == pair[0][0] + 1);
        counts
            && (0..=1).contains(&rows[0][0])
            && rows.iter().all(|row| is_stage(row[1]) && is_stage(row[2]))
    })
}

/// Reads the rows of a table.
pub(in crate::annotation) fn read(
    lines: &mut LineReader<impl BufRead>,
    stage_map: &StageMap,
) -> Result<ParsedFile, ParseError> {
    let mut parsed = ParsedFile { epoch_length_s: Some(EPOCH_S), ..ParsedFile::default() };
    let mut faults = RowFaults::default();
    let mut columns: Option<Columns> = None;
    while let Some(line) = lines.next_filled()? {
        let at_line = ParseError::at_line(line.number);
        match (&columns, Columns::find(&line.text)) {
            (Some(_), Some(_)) => faults.count_repeated_header(),
            (None, Some((header, of_table))) => {
                columns = Some(header);
                parsed.warnings.extend(unused_columns(&of_table));
                parsed.columns = of_table;
            }
            (None, None) if has_three_numbers(&line.text) => {
                let first = columns.insert(Columns::WITHOUT_HEADER);
                let epoch = first.epoch(&line.text).map_err(&at_line)?;
                parsed.push(epoch).map_err(&at_line)?;
            }
            (None, None) => {
                return Err(at_line("expected a header with `Epoch` and a stage".to_owned()));
            }
            (Some(columns), None) => {
                let epoch = columns.epoch(&line.text).map_err(&at_line)?;
                parsed.push(epoch).map_err(&at_line)?;
            }
        }
    }
    let counts_from_0 = parsed.annotations.iter().any(|epoch| epoch.onset_s == 0.0);
    let first_s = if counts_from_0 { 0.0 } else { EPOCH_S };
    parsed.annotations.iter_mut().for_each(|epoch| epoch.onset_s -= first_s);
    if columns.as_ref().is_some_and(|columns| columns.is_automatic) {
        let scorer = Some(AUTOMATIC.to_owned());
        parsed.annotations.iter_mut().for_each(|epoch| epoch.scorer.clone_from(&scorer));
    }
    name_numbers(&mut parsed, stage_map);
    parsed.warnings.extend(faults.warnings());
    Ok(parsed)
}

fn has_three_numbers(line: &str) -> bool {
    let mut fields = line.split_whitespace();
    fields.clone().count() == 3 && fields.all(|field| field.parse::<i32>().is_ok())
}

/// The delimiter of a table and the position of its columns.
struct Columns {
    delimiter: char,
    epoch: usize,
    stage: usize,
    /// Whether a column is one that only programs write.
    is_automatic: bool,
}

impl Columns {
    /// Those of Stanford's `.STA`.
    const WITHOUT_HEADER: Self = Self { delimiter: '\t', epoch: 0, stage: 1, is_automatic: false };

    /// Finds the columns in a header, with their names; `None` if the line is not a header.
    fn find(line: &str) -> Option<(Self, TableColumns)> {
        ['\t', ',', ';'].into_iter().find_map(|delimiter| Self::find_delimited(line, delimiter))
    }

    fn find_delimited(line: &str, delimiter: char) -> Option<(Self, TableColumns)> {
        let written = delimited::split(line.trim_matches([' ', '\r', '\n']), delimiter).ok()?;
        let names: Vec<String> = written.iter().map(|name| name.to_ascii_lowercase()).collect();
        let is_epoch = |name: &String| {
            matches!(name.as_str(), "" | "epoch" | "epochs" | "epoch number" | "epoch_number")
        };
        let is_stage = |name: &String| name.split([' ', '_', '-']).any(|word| word == "stage");
        // A table with times of its own does not count epochs.
        let is_time = |name: &String| {
            ["onset", "start", "end", "stop", "time", "duration"]
                .iter()
                .any(|it| name.starts_with(it))
        };
        let has_index = names.iter().any(String::is_empty);
        if names.iter().any(|name| name.starts_with("onset"))
            || (has_index && names.iter().any(is_time))
        {
            return None;
        }
        let epoch = names.iter().position(is_epoch)?;
        let stage = names.iter().position(is_stage)?;
        let of_programs = |name: &String| OF_PROGRAMS.contains(&name.as_str());
        let is_automatic = names.iter().any(of_programs);
        // Other stages are other scorings, which are not mixed.
        let is_used = |at: usize| at == epoch || at == stage || of_programs(&names[at]);
        let columns = columns_of(&written, is_used, |at| names[at].is_empty());
        Some((Self { delimiter, epoch, stage, is_automatic }, columns))
    }

    /// Returns the epoch of a row, with an onset as if epochs counted from 0.
    fn epoch(&self, line: &str) -> Result<ScoredAnnotation, String> {
        let row = delimited::split(line, self.delimiter)?;
        let field = |column: usize| row.get(column).map_or("", String::as_str).trim();
        let number = field(self.epoch);
        let number: u32 =
            number.parse().ok().filter(|number| *number <= MAX_EPOCH).ok_or_else(|| {
                format!("{} is not an epoch number up to {MAX_EPOCH}", redacted(number))
            })?;
        let onset_s = f64::from(number) * EPOCH_S;
        Ok(ScoredAnnotation::new(onset_s, Some(EPOCH_S), field(self.stage)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "Epoch\tUser-Defined Stage\tCAST-Defined Stage\r\n";

    fn parse(text: &str) -> Result<ParsedFile, String> {
        read(&mut LineReader::new(text.as_bytes()), &StageMap::default())
            .map_err(|error| error.with_path("a".as_ref()).to_string())
    }

    fn epochs(text: &str) -> Vec<(f64, String)> {
        let epochs = parse(text).unwrap().annotations.into_iter();
        epochs.map(|epoch| (epoch.onset_s, epoch.text)).collect()
    }

    #[test]
    fn epochs_count_from_1_or_from_0() {
        let rows = epochs(&format!("{HEADER}1\t0\t0\r\n2\t5\t5\r\n4\t7\t7\r\n"));
        assert_eq!(
            rows,
            [(0.0, "Wake|0".to_owned()), (30.0, "REM sleep|5".to_owned()), (90.0, "7".to_owned())]
        );
        let rows = epochs("epoch,sleep_stage\n0,W\n1,N2\n");
        assert_eq!(rows, [(0.0, "W".to_owned()), (30.0, "N2".to_owned())]);
    }

    #[test]
    fn table_with_probabilities_is_of_a_program() {
        let parsed = parse(",Stage,Confidence\n0,W,0.9\n1,N2,0.8\n").unwrap();
        assert_eq!(parsed.annotations[1].scorer.as_deref(), Some(AUTOMATIC));
        assert!(parsed.warnings.is_empty(), "{:?}", parsed.warnings);
    }

    #[test]
    fn columns_that_are_not_used_are_named() {
        let parsed = parse("epoch,stage,arousals\n0,W,1\n").unwrap();
        let expected = "the column `arousals` is not known and was not used";
        assert_eq!(parsed.warnings[0].message, expected);
    }

    #[test]
    fn repeated_header_is_reported() {
        let parsed = parse(&format!("{HEADER}{HEADER}1\t0\t0\r\n")).unwrap();
        assert_eq!(parsed.annotations.len(), 1);
        let expected = "1 repeated header; ignored";
        assert!(
            parsed.warnings.iter().any(|warning| warning.message == expected),
            "{:?}",
            parsed.warnings
        );
    }

    #[test]
    fn invalid_rows_are_refused_with_their_number() {
        let check = |row: &str, expected: &str| {
            let message = parse(&format!("{HEADER}{row}\n")).unwrap_err();
            assert_eq!(message, format!("`a`, line 2: {expected}"));
        };
        check("-1\t0\t0", "`-1` is not an epoch number up to 86400");
        check("1e9\t0\t0", "`1e9` is not an epoch number up to 86400");
        check("x", "`x` is not an epoch number up to 86400");
    }
}
