//! The characters that turn up in mojibake, by the part that they play in intended text.
//!
//! The table is `MOJIBAKE_CATEGORIES` of ftfy 6.3.1 (Apache-2.0, Robyn Speer); the last three categories stand for the
//! classes `[a-z]`, `[A-Z]` and `\s` of its expressions.

/// A set of categories; a character can be of more than one.
pub(super) type Categories = u32;

/// In many places at home: no sign of mojibake.
pub(super) const COMMON: Categories = 1;
/// C1 control characters: by now only in mojibake.
pub(super) const C1: Categories = 1 << 1;
/// Hardly anywhere but in mojibake.
pub(super) const BAD: Categories = 1 << 2;
/// Signs of legal texts.
pub(super) const LAW: Categories = 1 << 3;
/// Signs of currencies.
pub(super) const CURRENCY: Categories = 1 << 4;
/// Punctuation before a word.
pub(super) const START: Categories = 1 << 5;
/// Punctuation after a word.
pub(super) const END: Categories = 1 << 6;
/// Signs next to numbers.
pub(super) const NUMERIC: Categories = 1 << 7;
/// Letters of which faces are made, and which therefore stand next to anything.
pub(super) const KAOMOJI: Categories = 1 << 8;
/// Capital letters with accents.
pub(super) const UPPER: Categories = 1 << 9;
/// Small letters with accents.
pub(super) const LOWER: Categories = 1 << 10;
/// Capital letters of scripts other than Latin.
pub(super) const UPPER_COMMON: Categories = 1 << 11;
/// Small letters of scripts other than Latin.
pub(super) const LOWER_COMMON: Categories = 1 << 12;
/// Box drawings.
pub(super) const BOX: Categories = 1 << 13;
/// Small letters of ASCII.
pub(super) const ASCII_LOWER: Categories = 1 << 14;
/// Capital letters of ASCII.
pub(super) const ASCII_UPPER: Categories = 1 << 15;
/// White space as Python's expressions see it.
pub(super) const SPACE: Categories = 1 << 16;

/// Returns the categories of a character; most have none.
#[rustfmt::skip] // It would give every alternative a line.
pub(super) const fn of(c: char) -> Categories {
    match c {
        'a'..='z' => ASCII_LOWER,
        'A'..='Z' => ASCII_UPPER,
        '\t'..='\r' | '\u{1c}'..=' ' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{2028}' | '\u{2029}'
        | '\u{202f}' | '\u{205f}' | '\u{3000}' => SPACE,
        '\u{a0}' => COMMON | SPACE,
        '\u{ad}' | '´' | '·' | '–'..='―' | '’' | '…' => COMMON,
        '\u{85}' => C1 | SPACE,
        '\u{80}'..='\u{9f}' => C1,
        '¤' | '¦' | '¨' | 'ª' | '¬' | '¯' | '¸' | 'º' | 'ƒ' | 'ˆ' | 'ˇ' | '˘' | '˛' | '˜' | '†' | '‡' | '‰'
        | '⌐' | '◊' | '\u{fffd}' => BAD,
        '§' | '¶' => LAW,
        '¢' | '£' | '¥' | '₧' | '€' => CURRENCY,
        '¡' | '©' | '«' | '¿' | '΄' | '΅' | '‘' | '‚' | '“' | '„' | '•' | '‹' | '\u{f8ff}' => START,
        '®' | '»' | '˝' | '”' | '›' | '™' => END,
        '±'..='³' | 'µ' | '¹' | '¼'..='¾' | '×' | '÷' | '⁄' | '№' | '∂' | '∆' | '∏' | '∑' | '√' | '∞' | '∩'
        | '∫' | '≈' | '≠' | '≡' | '≤' | '≥' => NUMERIC,
        'Ü' => KAOMOJI | UPPER,
        'ü' => KAOMOJI | LOWER,
        '°' | 'Ò'..='Ö' | 'Ù'..='Û' | 'ò'..='ö' | 'ø'..='û' | 'Ō' | 'Ő' | 'Ū' | 'Ų' => KAOMOJI,
        'À'..='Ñ' | 'Ø' | 'Ý' | 'Ā' | 'Ă' | 'Ą' | 'Ć' | 'Č' | 'Ď' | 'Đ' | 'Ē' | 'Ė' | 'Ę' | 'Ě' | 'Ğ' | 'Ģ'
        | 'Ī' | 'İ' | 'Ķ' | 'Ĺ' | 'Ļ' | 'Ľ' | 'Ł' | 'Ń' | 'Ņ' | 'Ň' | 'Œ' | 'Ř' | 'Ś' | 'Ş' | 'Š' | 'Ţ' | 'Ť'
        | 'Ů' | 'Ű' | 'Ÿ' | 'Ź' | 'Ż' | 'Ž' | 'Ґ' => UPPER,
        'ß'..='ñ' | 'ā' | 'ă' | 'ą' | 'ć' | 'č' | 'ď' | 'đ' | 'ē' | 'ė' | 'ę' | 'ě' | 'ğ' | 'ģ' | 'ī' | 'į'
        | 'ķ' | 'ĺ' | 'ļ' | 'ľ' | 'ł' | 'œ' | 'ŕ' | 'ś' | 'ş' | 'š' | 'ť' | 'ź' | 'ż' | 'ž' | 'ґ' | 'ﬁ' | 'ﬂ' => LOWER,
        'Þ' | 'Ά' | 'Έ'..='Ί' | 'Ό' | 'Ύ' | 'Ώ' | 'Α'..='Ϋ' | 'Ё'..='Я' => UPPER_COMMON,
        'ά'..='ω' | 'а'..='џ' => LOWER_COMMON,
        '│' | '┌' | '┐' | '┘' | '├' | '┤' | '┬' | '┼' | '═'..='╬' | '▀' | '▄' | '█' | '▌' | '▐'..='▓' => BOX,
        _ => 0,
    }
}
