//! The reference of annotation formats in `docs/formats.md`, from the tables that the readers use.

use std::fmt::Write;

use super::companions::{CERTAIN_SUFFIXES, DREAMS_PREFIXES, NSRR_FOLDERS, UNCERTAIN_SUFFIXES};
use super::dialect::{epoch_table, event_table};
use super::format::AnnotationFormat;
use super::names;

/// Returns the reference in Markdown: formats, the files that are found beside a recording, columns of tables, codes and
/// names.
pub fn reference() -> String {
    let mut page = String::new();
    let mut line = |text: &str| {
        page.push_str(text);
        page.push('\n');
    };
    line("### Formats\n");
    line("| format | name for `--annotations-format` | what it is |");
    line("|---|---|---|");
    for format in AnnotationFormat::ALL {
        line(&format!("| {} | `{}` | {} |", format.name(), format.id(), format.description()));
    }
    line("\n### Files beside `NAME.edf`, in order of priority\n");
    let files = |suffixes: &[&str]| list(suffixes.iter().map(|suffix| format!("NAME{suffix}")));
    line(&format!("- whatever they contain: {}", files(&CERTAIN_SUFFIXES)));
    let folders = NSRR_FOLDERS.iter();
    let folders = folders.map(|(folder, suffix)| format!("{folder}/…/NAME{suffix}"));
    line(&format!("- in the folders of the NSRR, beside `edfs`: {}", list(folders)));
    line("- the hypnogram of Sleep-EDF: `SC4001EC-Hypnogram.edf` for `SC4001E0-PSG.edf`");
    line(&format!("- if they contain annotations: {}", files(&UNCERTAIN_SUFFIXES)));
    let dreams = DREAMS_PREFIXES.iter().map(|prefix| format!("{prefix}NAME.txt"));
    line(&format!("- of DREAMS: {}", list(dreams)));
    line("- every other file whose name starts with `NAME`, if it contains annotations");
    line("\n### Columns of tables of events\n");
    line("| column | names, the first in the table is used |");
    line("|---|---|");
    for (column, names) in event_table::COLUMNS {
        line(&format!("| {column} | {} |", list(names.iter().map(|name| (*name).to_owned()))));
    }
    let of_programs = list(epoch_table::OF_PROGRAMS.iter().map(|name| (*name).to_owned()));
    line(&format!(
        "\nA table of epochs has a column for the number of the epoch and one whose name contains the word `stage`. With one \
         of the columns {of_programs}, the stages are those of a program."
    ));
    line("\n### Codes of stages\n");
    line("| code of | |");
    line("|---|---|");
    for (title, codes) in names::codes() {
        let codes = codes.iter().map(|(code, name)| format!("{code} = {name}"));
        line(&format!("| {title} | {} |", list(codes)));
    }
    line("\n### Names\n");
    line("Case, accents and separators (blank `_ - / : .`) make no difference.\n");
    line("| meaning | names |");
    line("|---|---|");
    for (meaning, names) in names::all_names() {
        line(&format!("| {meaning} | {} |", list(names.iter().cloned())));
    }
    page
}

/// Returns texts as code, separated by commas; a bar would end the cell of a table.
fn list(texts: impl Iterator<Item = String>) -> String {
    let mut all = String::new();
    for (i, text) in texts.enumerate() {
        let comma = if i > 0 { ", " } else { "" };
        let _ = write!(all, "{comma}`{}`", text.replace('|', "\\|"));
    }
    all
}
