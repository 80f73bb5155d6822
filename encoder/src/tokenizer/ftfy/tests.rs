//! [`fix_text`] on whole texts; the expected values are results of ftfy 6.3.1 with Python 3.11.

use super::*;

fn check(text: &str, expected: &str) {
    assert_eq!(fix_text(text), expected, "{text:?}");
}

#[test]
fn documented_examples_of_ftfy() {
    check("âœ” No problems", "✔ No problems");
    check("&macr;\\_(ã\u{83}\u{84})_/&macr;", "¯\\_(ツ)_/¯");
    check("Broken text&hellip; it&#x2019;s ﬂubberiﬁc!", "Broken text… it's flubberific!");
    check("ＬＯＵＤ　ＮＯＩＳＥＳ", "LOUD NOISES");
    check(
        "The Mona Lisa doesnÃƒÂ¢Ã¢â€šÂ¬Ã¢â€žÂ¢t have eyebrows.",
        "The Mona Lisa doesn't have eyebrows.",
    );
    check("l’humanitÃ©", "l'humanité");
    check("Ã\u{a0} perturber la rÃ©flexion", "à perturber la réflexion");
    check(
        "\x1b[36;44mI&#x92;m blue, da ba dee da ba doo&#133;\x1b[0m",
        "I'm blue, da ba dee da ba doo…",
    );
    check("This â€” should be an em dash", "This — should be an em dash");
    check("The more you know ðŸŒ ", "The more you know 🌠");
    check("(à¸‡'âŒ£')à¸‡", "(ง'⌣')ง");
}

#[test]
fn texts_of_the_tokenizer_goldens() {
    check("\t\n  \r\n", "\t\n  \n");
    check("no\u{a0}break\u{2003}em\u{3000}ideographic", "no\u{a0}break\u{2003}em ideographic");
    check("zero\u{200b}width\u{200d}joiner\u{feff}bom", "zero\u{200b}width\u{200d}joinerbom");
    check("\x1cfs\x1dgs\u{85}nel", "fsgs…nel");
    check("50% ± 2.5 µV, 5 µs, 37 °C, x² + y³ ≤ ∞", "50% ± 2.5 µV, 5 µs, 37 °C, x² + y³ ≤ ∞");
    check("naïve cafe\u{301} (decomposed)", "naïve café (decomposed)");
    check("睡眠段階 N2", "睡眠段階 N2");
    check("レム睡眠レム", "レム睡眠レム");
    check("сон БЫСТРЫЙ", "сон БЫСТРЫЙ");
    check("ΟΦΟΣ ΣΟΦΟΣ", "ΟΦΟΣ ΣΟΦΟΣ");
    check("😴 👨\u{200d}👩\u{200d}👧 🇺🇸", "😴 👨\u{200d}👩\u{200d}👧 🇺🇸");
    check("①② ½ Ⅳ １２ ＡＢｃ", "①② ½ Ⅳ 12 ABc");
    check("ﬁne ﬂow ǆ", "fine flow dž");
    check("“curly” ‘quotes’ – — …", "\"curly\" 'quotes' – — …");
    check("SpO₂ ≤ 88 %", "SpO₂ ≤ 88 %");
    check("e\u{301}\u{301} combining", "é\u{301} combining");
    check("cafÃ© â€œquotedâ€\u{9d} â€™s", "café \"quoted\" 's");
    check("ÂµV Â°C", "µV °C");
    check("&amp; &lt;tag&gt; &quot;q&quot; &#39;a&#39;", "& <tag> \"q\" 'a'");
    check("&amp;amp; &amp;lt;", "& <");
    check("&eacute; &Eacute &notin; &notit; &copy2026", "é &Eacute ∉ &notit; &copy2026");
    check("&#x1F634; &#128564; &#0; &#x80; &#xD800; &#1114112;", "😴 😴 � € � �");
    check("&nbsp;x&nbsp;y", "\u{a0}x\u{a0}y");
    check("ctrl\0\x07\x0b chars", "ctrl chars");
    check("line\u{2028}sep\u{2029}para", "line\nsep\npara");
}

#[test]
fn captions_are_not_changed() {
    for text in [
        "",
        "Arousal event from 2.5 to 11.0 seconds.",
        "SpO₂ ≤ 88 %",
        "睡眠段階 N2",
        "délta\n\tβ-activity ½\x0c",
    ] {
        check(text, text);
    }
}

#[test]
fn entities_after_a_tag_are_kept() {
    check("&eacute;\n<p>&eacute;\n&eacute; sÃ³", "é\n<p>&eacute;\n&eacute; só");
}

#[test]
fn lines_are_fixed_one_by_one() {
    check("sÃ³\nÃ³ 日\r\nMÃ¡m", "só\nó 日\nMám");
    check("Ã©À\n.", "é.");
}

#[test]
fn long_lines_are_split_at_a_million_characters() {
    let line = "é".repeat(MAX_SEGMENT + 1) + "\n";
    let lengths: Vec<usize> = split_long(&line).map(|piece| piece.chars().count()).collect();
    assert_eq!(lengths, [MAX_SEGMENT, 2]);
    assert_eq!(split_long("").count(), 0);
}

#[test]
fn steps_are_repeated_until_nothing_changes() {
    check("&amp;amp;amp;amp;Atilde;&amp;sup3;", "ó");
    check("\x1b［31mred\x1b[3\x1b[0m1m", "red[31m");
    check("\x1b\u{feff}[1mx", "[1mx");
}

#[test]
fn short_text_may_have_any_number_of_layers() {
    check(&format!("&{}", "amp;".repeat(500)), "&");
    check(&format!("日{}{}", "Ã".repeat(300), "\u{82}".repeat(300)), "日Â");
}

#[test]
fn work_on_long_text_is_bounded() {
    let text = format!("&{}", "amp;".repeat(20_000));
    let fixed = fix_text(&text);
    assert!(fixed.len() < text.len() && fixed.ends_with("amp;"));
}
