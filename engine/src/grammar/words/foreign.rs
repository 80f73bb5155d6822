//! Recognises questions in other languages than English.

use super::super::cursor::Cursor;
use super::super::token::TokenKind;

/// Frequent words of German, French, Spanish, Italian, Dutch and Portuguese that are not English words.
const FOREIGN: [&str; 58] = [
    "mit", "ohne", "und", "oder", "nacht", "schlaf", "pro", "stunde", "mehr", "weniger", "als",
    "viele", "wenige", "haufig", "der", "das", "nicht", "keine", "avec", "sans", "nuit", "sommeil",
    "heure", "plus de", "moin", "et", "ou", "les", "des", "une", "du", "beaucoup", "peu", "con",
    "sin", "noche", "sueno", "hora", "mucho", "muchas", "poco", "los", "las", "del", "por",
    "senza", "notte", "sonno", "molti", "molte", "pochi", "ora", "zonder", "nacht", "slaap", "uur",
    "veel", "sem",
];

/// Returns the tokens of a word that is not English: it has letters that English does not use, or it is a frequent word of
/// another language.
pub(super) fn foreign_word(cursor: &Cursor<'_>) -> Option<usize> {
    (0..cursor.len()).find(|at| {
        let Some(TokenKind::Word(word)) = cursor.get(*at).map(|token| &token.kind) else {
            return false;
        };
        let is_known = cursor.concept_at(*at).is_some();
        !is_known && (!word.is_ascii() || FOREIGN.contains(&word.as_str()))
    })
}
