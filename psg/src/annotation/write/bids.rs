//! Writes event tables of BIDS.

use std::fmt::Write;

use crate::annotation::scored_annotation::ScoredAnnotation;
use crate::annotation::text::delimited::quote_field;

/// Returns a table of `onset`, `duration`, `trial_type`, `channel` and `scorer`, with tabs; missing values are `n/a`.
///
/// Tabs and line ends inside a text become blanks. Instance and meta-data have no column.
pub fn bids_tsv<'a>(annotations: impl IntoIterator<Item = &'a ScoredAnnotation>) -> String {
    let mut table = "onset\tduration\ttrial_type\tchannel\tscorer\n".to_owned();
    for annotation in annotations {
        let ScoredAnnotation { onset_s, duration_s, text, channel, scorer, .. } = annotation;
        let duration =
            duration_s.map_or_else(|| "n/a".to_owned(), |duration_s| duration_s.to_string());
        let or_missing = |text: Option<&String>| {
            text.map(|text| quote_field(text, '\t'))
                .filter(|text| !text.is_empty())
                .unwrap_or_else(|| "n/a".to_owned())
        };
        let (text, channel, scorer) =
            (or_missing(Some(text)), or_missing(channel.as_ref()), or_missing(scorer.as_ref()));
        writeln!(table, "{onset_s}\t{duration}\t{text}\t{channel}\t{scorer}")
            .expect("writing to a string does not fail");
    }
    table
}
