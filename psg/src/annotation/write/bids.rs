//! Writes tables of events as BIDS keeps them.

use std::fmt::Write;

use super::super::fields::field;
use crate::annotation::ScoredAnnotation;

/// Returns a table of `onset`, `duration`, `trial_type`, `channel` and `scorer`, with tabs; `n/a` where nothing is known.
///
/// Tabs and line ends within a text become blanks. Instance and meta-data have no column.
pub fn bids_tsv<'a>(annotations: impl IntoIterator<Item = &'a ScoredAnnotation>) -> String {
    let mut table = "onset\tduration\ttrial_type\tchannel\tscorer\n".to_owned();
    for annotation in annotations {
        let ScoredAnnotation { onset_s, duration_s, text, channel, scorer, .. } = annotation;
        let duration =
            duration_s.map_or_else(|| "n/a".to_owned(), |duration_s| duration_s.to_string());
        let known = |text: Option<&String>| {
            text.map(|text| field(text, '\t'))
                .filter(|text| !text.is_empty())
                .unwrap_or_else(|| "n/a".to_owned())
        };
        let (text, channel, scorer) =
            (known(Some(text)), known(channel.as_ref()), known(scorer.as_ref()));
        writeln!(table, "{onset_s}\t{duration}\t{text}\t{channel}\t{scorer}")
            .expect("a string takes everything");
    }
    table
}
