//! Reads the stage back out of a caption, by the wordings that made it.

use std::sync::LazyLock;

use super::templates::TEMPLATES;
use crate::Stage;

/// Every wording of a stage, in words as they are compared.
static WORDINGS: LazyLock<Vec<(Vec<String>, Stage)>> = LazyLock::new(|| {
    let mut wordings = Vec::new();
    for (stage, words) in &TEMPLATES.stage.stage {
        for wording in words.nouns.iter().chain(words.states.iter()) {
            wordings.push((parts(wording), *stage));
        }
    }
    wordings
});

/// Returns the stage that a caption names first, or `None` where it names none.
///
/// Capitals, signs and the blanks between letters and digits do not count, so that text is read too that a decoder
/// wrote token by token (`n 2 sleep`). Words that hold for several stages name none.
///
/// ```
/// use nocturne_psg::{Stage, caption::named_stage};
///
/// assert_eq!(named_stage("epoch of non - rem stage 2 sleep ."), Some(Stage::N2));
/// assert_eq!(named_stage("Delta power of 61%."), None);
/// ```
pub fn named_stage(text: &str) -> Option<Stage> {
    let text = parts(text);
    (0..text.len()).find_map(|start| {
        let fits = |(wording, _): &&(Vec<String>, Stage)| text[start..].starts_with(wording);
        let longest = WORDINGS.iter().filter(fits).max_by_key(|(wording, _)| wording.len());
        longest.map(|(_, stage)| *stage)
    })
}

/// Returns the runs of letters and the runs of digits, in lower case.
fn parts(text: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut last = None;
    for letter in text.chars().flat_map(char::to_lowercase) {
        let kind = letter.is_alphanumeric().then(|| letter.is_numeric());
        match (kind, parts.last_mut()) {
            (Some(_), Some(part)) if kind == last => part.push(letter),
            (Some(_), _) => parts.push(letter.to_string()),
            (None, _) => {}
        }
        last = kind;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::super::{CaptionKind, EpochFacts, caption};
    use super::*;

    #[test]
    fn stage_of_every_caption_is_read_back() {
        for stage in Stage::ALL {
            let facts = EpochFacts { stage: Some(stage), ..EpochFacts::default() };
            for seed in 0..400 {
                let text = caption(CaptionKind::StageEvent, &facts, seed).unwrap().text;
                assert_eq!(named_stage(&text), Some(stage), "{text}");
            }
        }
    }

    #[test]
    fn letters_and_digits_are_parted() {
        assert_eq!(parts("Non-REM (N2)."), ["non", "rem", "n", "2"]);
        assert_eq!(parts("n 2"), parts("N2"));
    }
}
