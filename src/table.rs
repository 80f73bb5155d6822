//! Text tables, hypnograms and number formats of the output.

use comfy_table::{CellAlignment, ContentLineStyle, LineStyle, Table, TableStyle};
use nocturne_psg::Stage;

/// A line under the headings and spaces between columns.
const STYLE: TableStyle = TableStyle::new()
    .header_lines(ContentLineStyle::none().junction(' '))
    .header_separator(LineStyle::none().fill('─').junction(' '))
    .content_lines(ContentLineStyle::none().junction(' '));

/// Creates a table; a heading that starts with `>` right-aligns its column.
pub(crate) fn table(headings: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> Table {
    let mut table = Table::new();
    table.load_style(STYLE);
    table.set_header(headings.iter().map(|heading| heading.trim_start_matches('>')));
    for (i, heading) in headings.iter().enumerate() {
        if let Some(column) = table.column_mut(i).filter(|_| heading.starts_with('>')) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.add_rows(rows);
    table
}

/// Formats seconds as `h:mm:ss`.
pub(crate) fn clock(seconds: f64) -> String {
    let seconds = seconds as u64;
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// Formats a number with a fixed number of decimals; `None` as a dash.
pub(crate) fn number(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.decimals$}"))
}

/// Draws a hypnogram of up to `width` columns, one line per stage from wake to N3; a column shows its most frequent stage.
pub(crate) fn hypnogram(stages: &[Option<Stage>], width: usize) -> Vec<String> {
    const LINES: [Stage; 5] = [Stage::Wake, Stage::Rem, Stage::N1, Stage::N2, Stage::N3];
    let width = width.min(stages.len()).max(1);
    let column = |i: usize| &stages[i * stages.len() / width..(i + 1) * stages.len() / width];
    let most_frequent: Vec<Option<Stage>> = (0..width)
        .map(|i| {
            let count = |stage: &Stage| column(i).iter().filter(|it| **it == Some(*stage)).count();
            Stage::ALL.into_iter().max_by_key(count).filter(|stage| count(stage) > 0)
        })
        .collect();
    LINES
        .iter()
        .map(|line| {
            let dots: String = most_frequent
                .iter()
                .map(|stage| if *stage == Some(*line) { '█' } else { '·' })
                .collect();
            format!("{line:>2} {dots}")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hypnogram_shows_the_most_frequent_stage_of_a_column() {
        let stages = [
            Some(Stage::Wake),
            Some(Stage::N2),
            Some(Stage::N2),
            None,
            Some(Stage::Rem),
            Some(Stage::Rem),
        ];
        let lines = hypnogram(&stages, 2);
        assert_eq!(lines, [" W ··", " R ·█", "N1 ··", "N2 █·", "N3 ··"]);
    }

    #[test]
    fn clock_counts_hours_past_a_day() {
        assert_eq!(clock(93_784.9), "26:03:04");
    }
}
