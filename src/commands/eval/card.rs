//! An evaluation card: sections of sentences and tables, as text for the terminal and as Markdown.

use std::fmt::Write;

use crate::table::table;

/// The evaluation of a bundle, formatted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Card {
    pub(super) title: String,
    pub(super) sections: Vec<Section>,
}

/// A section of a card; the sentences and the table are optional.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) heading: &'static str,
    /// Sentences above the table.
    pub(super) before: Vec<String>,
    /// Headings of the table; those of numeric columns start with `>`.
    pub(super) columns: Vec<&'static str>,
    pub(super) rows: Vec<Vec<String>>,
    /// Sentences below the table.
    pub(super) after: Vec<String>,
}

impl Card {
    /// Formats the card as text with aligned tables.
    pub(super) fn to_text(&self) -> String {
        let mut text = format!("{}\n", self.title);
        for section in &self.sections {
            let _ = write!(text, "\n{}\n", section.heading.to_uppercase());
            lines(&mut text, &section.before);
            if !section.rows.is_empty() {
                let _ = writeln!(text, "{}", table(&section.columns, section.rows.iter().cloned()));
            }
            lines(&mut text, &section.after);
        }
        text
    }

    /// Formats the card as Markdown, one sentence per line.
    pub(super) fn to_markdown(&self) -> String {
        let mut text = format!("# {}\n", self.title);
        for section in &self.sections {
            let _ = write!(text, "\n## {}\n", section.heading);
            paragraph(&mut text, &section.before);
            if !section.rows.is_empty() {
                let plain = section.columns.iter().map(|column| column.trim_start_matches('>'));
                let rule = |column: &&str| if column.starts_with('>') { "---:" } else { "---" };
                let rules: Vec<&str> = section.columns.iter().map(rule).collect();
                let _ = write!(text, "\n{}", row(plain));
                let _ = writeln!(text, "|{}|", rules.join("|"));
                for cells in &section.rows {
                    text.push_str(&row(cells.iter().map(String::as_str)));
                }
            }
            paragraph(&mut text, &section.after);
        }
        text
    }
}

/// Writes each sentence on its own line.
fn lines(text: &mut String, sentences: &[String]) {
    for sentence in sentences {
        text.push_str(sentence);
        text.push('\n');
    }
}

fn paragraph(text: &mut String, sentences: &[String]) {
    if !sentences.is_empty() {
        let _ = write!(text, "\n{}\n", sentences.join("\n"));
    }
}

/// Formats a row of a Markdown table, escaping bars within cells.
fn row<'a>(cells: impl Iterator<Item = &'a str>) -> String {
    let cells: Vec<String> = cells.map(|cell| cell.replace('|', "\\|")).collect();
    format!("| {} |\n", cells.join(" | "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card() -> Card {
        let section = Section {
            heading: "Stages",
            before: vec!["Of 12 epochs.".to_owned()],
            columns: vec!["figure", ">value"],
            rows: vec![vec!["a|b".to_owned(), "0.5".to_owned()]],
            ..Section::default()
        };
        Card { title: "tiny".to_owned(), sections: vec![section] }
    }

    #[test]
    fn markdown_has_markdown_tables() {
        let expected = "# tiny\n\n## Stages\n\nOf 12 epochs.\n\n| figure | value |\n|---|---:|\n| a\\|b | 0.5 |\n";
        assert_eq!(card().to_markdown(), expected);
    }

    #[test]
    fn text_has_aligned_tables() {
        let text = card().to_text();
        assert!(text.starts_with("tiny\n\nSTAGES\nOf 12 epochs.\n"), "{text}");
        assert!(text.contains("figure") && text.contains("0.5"), "{text}");
    }
}
