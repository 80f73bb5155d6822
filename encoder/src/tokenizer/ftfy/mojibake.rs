//! Fixes mojibake: UTF-8 that was decoded with a single-byte encoding, perhaps repeatedly.

use super::badness::is_bad;
use super::byte_repairs::{replace_lossy_sequences, restore_byte_a0};
use super::character_fixes::fix_c1_controls;
use super::single_byte_codec::SingleByteCodec;
use super::utf8_runs;
use super::utf8_variants;
use super::work_budget::WorkBudget;

/// Fixes mojibake layer by layer; `None` if there is none.
pub(super) fn fix_encoding(text: &str, budget: &mut WorkBudget) -> Option<String> {
    let mut fixed = undo_layer(text, budget)?;
    while budget.allows_pass(&fixed)
        && let Some(further) = undo_layer(&fixed, budget)
    {
        fixed = further;
    }
    Some(fixed)
}

/// Fixes one layer if the text looks like mojibake: of the whole text if one codec explains it, else of the runs that
/// look like UTF-8, else of single C1 control characters.
///
/// The last step is equivalent to ftfy's decoding of Latin-1 as Windows-1252.
fn undo_layer(text: &str, budget: &mut WorkBudget) -> Option<String> {
    if text.is_ascii() || !is_bad(text) {
        return None;
    }
    if let Some(fixed) =
        SingleByteCodec::ALL.into_iter().find_map(|codec| decode_as_utf8(text, codec))
    {
        return Some(fixed).filter(|fixed| fixed != text);
    }
    undo_runs(text, budget).or_else(|| fix_c1_controls(text)).filter(|fixed| fixed != text)
}

/// Encodes the text with a codec and decodes it as UTF-8; `None` if either fails.
fn decode_as_utf8(text: &str, codec: SingleByteCodec) -> Option<String> {
    let mut bytes = codec.encode(text)?;
    // In MacRoman, a dash before a space would look like an altered sequence.
    if codec != SingleByteCodec::MacRoman {
        bytes = restore_byte_a0(&bytes);
    }
    if codec.is_sloppy() {
        bytes = replace_lossy_sequences(&bytes);
    }
    utf8_variants::decode(&bytes)
}

/// Fixes the runs of the text that look like UTF-8 and like mojibake; ftfy's `decode_inconsistent_utf8`.
///
/// The recursion is shallow: a run contains smaller ones only after decoding, which leaves about half of its characters.
fn undo_runs(text: &str, budget: &mut WorkBudget) -> Option<String> {
    let mut fixed = String::new();
    let mut copied = 0;
    let mut from = 0;
    while let Some(run) = utf8_runs::next_run(text, from) {
        from = run.end;
        let piece = &text[run.clone()];
        // A run of the whole text would recurse without end.
        if piece.len() < text.len()
            && is_bad(piece)
            && let Some(better) = fix_encoding(piece, budget)
        {
            fixed.push_str(&text[copied..run.start]);
            fixed.push_str(&better);
            copied = run.end;
        }
    }
    (copied > 0).then(|| fixed + &text[copied..]).filter(|fixed| fixed != text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let fixed = fix_encoding(text, &mut WorkBudget::for_text(text));
        assert_eq!(fixed.as_deref().unwrap_or(text), expected, "{text:?}");
    }

    #[test]
    fn every_codec_is_reversed() {
        check("sÃ³", "só");
        check("âœ” No problems", "✔ No problems");
        check("РџСЂРёРІРµС‚", "Привет");
        check("vedere Ă®nceĹŁoĹźatÄ\u{83}", "vedere înceţoşată");
        check("Ξ†Ξ»Ο†Ξ±", "Άλφα");
        check("ğŸ˜´", "😴");
        check("37Ā°C", "37°C");
        check(
            "MĂĄm dost tĹ\u{99}etĂ\u{ad}ho tisĂ\u{ad}ciletĂ\u{ad}",
            "Mám dost třetího tisíciletí",
        );
        check("un r√©gime √©quilibr√©", "un régime équilibré");
        check("#╨┐╤Ç╨░╨▓╨╕╨╗╤î╨╜╨╛", "#правильно");
    }

    #[test]
    fn layers_are_fixed_one_by_one() {
        check(
            "The Mona Lisa doesnÃƒÂ¢Ã¢â€šÂ¬Ã¢â€žÂ¢t have eyebrows.",
            "The Mona Lisa doesn’t have eyebrows.",
        );
        check(
            "a bigger-than-expected Г‚ВЈ5.8bn rights issue",
            "a bigger-than-expected £5.8bn rights issue",
        );
    }

    #[test]
    fn lost_bytes_affect_only_their_character() {
        check("â€œ like this â€\u{fffd}", "“ like this \u{fffd}");
        check("voilÃ le travail", "voilà le travail");
        check("com especial atenÃ§Ã£o Ã s crianÃ§as", "com especial atenção às crianças");
    }

    #[test]
    fn surrogates_and_nulls_of_utf8_variants_are_decoded() {
        check("Hi guys í\u{a0}½í¸\u{8d}", "Hi guys 😍");
        check("Ã©À\u{80}.", "é\0.");
    }

    #[test]
    fn mojibake_within_intended_text_is_fixed() {
        check("SÃ©rie F > Jornadas Classificação", "Série F > Jornadas Classificação");
        check(
            "Le barÃ¨me l’Ã©valuation relatifs Ã l’utilisation",
            "Le barème l’évaluation relatifs à l’utilisation",
        );
    }

    #[test]
    fn latin1_is_decoded_as_windows_1252() {
        check("\u{84}Handwerk bringt dich überall hin\u{93}", "„Handwerk bringt dich überall hin“");
        check("\u{81}\u{85}日", "\u{81}…日");
    }

    #[test]
    fn intended_text_is_not_changed() {
        for text in [
            "",
            "naïve",
            "&ATILDE;&SUP3;",
            "Â",
            "├┤ a table",
            "ESPAÑA – «Ñandú»",
            "Ñ\u{1a}™",
            "日本語",
        ] {
            check(text, text);
        }
    }
}
