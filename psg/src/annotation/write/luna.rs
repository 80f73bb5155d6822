//! Writes Luna's `.annot` and `.eannot` files.

use std::fmt::Write;

use crate::annotation::scored_annotation::ScoredAnnotation;
use crate::annotation::text::delimited::on_one_line;
use crate::sleep::Stage;

/// Returns an `.annot` file: class, instance, channel, start and stop in seconds, and meta-data with the scorer.
///
/// Stops are durations (`+30`), so that they are exact. Tabs and line ends inside a text become blanks.
pub fn luna_annot<'a>(annotations: impl IntoIterator<Item = &'a ScoredAnnotation>) -> String {
    let mut rows = "class\tinstance\tchannel\tstart\tstop\tmeta\n".to_owned();
    for annotation in annotations {
        let stop = annotation
            .duration_s
            .map_or_else(|| ".".to_owned(), |duration_s| format!("+{duration_s}"));
        let scorer =
            annotation.scorer.as_ref().map(|scorer| format!("scorer={}", scorer.replace(';', ",")));
        let meta: Vec<String> = scorer.into_iter().chain(annotation.meta.clone()).collect();
        writeln!(
            rows,
            "{}\t{}\t{}\t{}\t{stop}\t{}",
            class(&annotation.text),
            or_missing(annotation.instance.as_deref()),
            or_missing(annotation.channel.as_deref()),
            annotation.onset_s,
            or_missing(Some(&meta.join(";")))
        )
        .expect("writing to a string does not fail");
    }
    rows
}

/// Returns an `.eannot` file: one label for each 30-second epoch, `?` for unscored ones.
pub fn luna_eannot(stages: &[Option<Stage>]) -> String {
    stages.iter().flat_map(|stage| [stage.map_or("?", Stage::code), "\n"]).collect()
}

/// Returns a class that does not start a comment.
fn class(text: &str) -> String {
    let class = or_missing(Some(text));
    if class.starts_with('#') { format!(" {class}") } else { class }
}

/// Returns a field; a missing value is `.`.
fn or_missing(text: Option<&str>) -> String {
    let text = on_one_line(text.unwrap_or_default());
    let text = text.trim();
    if text.is_empty() { ".".to_owned() } else { text.to_owned() }
}
