//! Writes Luna's `.annot` and `.eannot` files.

use std::fmt::Write;

use crate::annotation::ScoredAnnotation;
use crate::sleep::Stage;

/// Returns an `.annot` file: class, instance, channel, start and stop in seconds, and meta-data with the scorer.
///
/// Stops are durations (`+30`), so that no digit of a length is lost. Tabs and line ends within a text become blanks.
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
            known(annotation.instance.as_deref()),
            known(annotation.channel.as_deref()),
            annotation.onset_s,
            known(Some(&meta.join(";")))
        )
        .expect("a string takes everything");
    }
    rows
}

/// Returns an `.eannot` file: one label for each 30-second epoch, `?` for an unscored one.
pub fn luna_eannot(stages: &[Option<Stage>]) -> String {
    stages.iter().flat_map(|stage| [stage.map_or("?", Stage::code), "\n"]).collect()
}

/// Returns a class that begins no comment.
fn class(text: &str) -> String {
    let class = known(Some(text));
    if class.starts_with('#') { format!(" {class}") } else { class }
}

fn known(text: Option<&str>) -> String {
    let is_end = |c: char| matches!(c, '\n' | '\r' | '\t' | '\0' | '\x1a');
    let text: String =
        text.unwrap_or_default().chars().map(|c| if is_end(c) { ' ' } else { c }).collect();
    let text = text.trim();
    if text.is_empty() { ".".to_owned() } else { text.to_owned() }
}
