//! Undoes mojibake: text in UTF-8 that was read in an encoding of one byte, perhaps more than once.

use super::Effort;
use super::badness::is_bad;
use super::bytes::{replace_lossy_sequences, restore_byte_a0};
use super::characters::fix_c1_controls;
use super::clues;
use super::codec::Codec;
use super::utf8;

/// Returns the text with mojibake undone layer by layer, or `None` where none was found.
pub(super) fn fix_encoding(text: &str, effort: &mut Effort) -> Option<String> {
    let mut fixed = undo_layer(text, effort)?;
    while effort.allows_pass_over(&fixed)
        && let Some(further) = undo_layer(&fixed, effort)
    {
        fixed = further;
    }
    Some(fixed)
}

/// Undoes one layer where the text looks like mojibake: of the whole text if one codec explains it, else of the runs
/// that look like UTF-8, else of single C1 control characters.
///
/// ftfy's reading of Latin-1 as Windows-1252 comes to the same as the last.
fn undo_layer(text: &str, effort: &mut Effort) -> Option<String> {
    if text.is_ascii() || !is_bad(text) {
        return None;
    }
    if let Some(fixed) = Codec::ALL.into_iter().find_map(|codec| reread(text, codec)) {
        return Some(fixed).filter(|fixed| fixed != text);
    }
    undo_runs(text, effort).or_else(|| fix_c1_controls(text)).filter(|fixed| fixed != text)
}

/// Reads the text as UTF-8 instead of with a codec, if it can have been read with it.
fn reread(text: &str, codec: Codec) -> Option<String> {
    let mut bytes = codec.encode(text)?;
    // In MacRoman, the dash before a blank would look like an altered sequence.
    if codec != Codec::MacRoman {
        bytes = restore_byte_a0(&bytes);
    }
    if codec.is_sloppy() {
        bytes = replace_lossy_sequences(&bytes);
    }
    utf8::decode(&bytes)
}

/// Undoes those runs of the text that look like UTF-8 and like mojibake; ftfy's `decode_inconsistent_utf8`.
///
/// The calls do not nest deeply: within a run there are smaller ones only after it was read as UTF-8, which leaves
/// about half of its characters.
fn undo_runs(text: &str, effort: &mut Effort) -> Option<String> {
    let mut fixed = String::new();
    let mut copied = 0;
    let mut from = 0;
    while let Some(run) = clues::next_run(text, from) {
        from = run.end;
        let piece = &text[run.clone()];
        // A run of the whole text would come back here for ever.
        if piece.len() < text.len()
            && is_bad(piece)
            && let Some(better) = fix_encoding(piece, effort)
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
        let fixed = fix_encoding(text, &mut Effort::for_text(text));
        assert_eq!(fixed.as_deref().unwrap_or(text), expected, "{text:?}");
    }

    #[test]
    fn every_codec_is_undone() {
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
    fn layers_are_undone_one_by_one() {
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
    fn lost_bytes_cost_only_their_character() {
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
    fn mojibake_within_intended_text_is_undone() {
        check("SÃ©rie F > Jornadas Classificação", "Série F > Jornadas Classificação");
        check(
            "Le barÃ¨me l’Ã©valuation relatifs Ã l’utilisation",
            "Le barème l’évaluation relatifs à l’utilisation",
        );
    }

    #[test]
    fn latin1_is_read_as_windows_1252() {
        check("\u{84}Handwerk bringt dich überall hin\u{93}", "„Handwerk bringt dich überall hin“");
        check("\u{81}\u{85}日", "\u{81}…日");
    }

    #[test]
    fn intended_text_stays() {
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
