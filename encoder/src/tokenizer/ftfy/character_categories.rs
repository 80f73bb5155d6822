//! Categories of the characters that occur in mojibake, by their use in intended text.
//!
//! The table is `MOJIBAKE_CATEGORIES` of ftfy 6.3.1 (Apache-2.0, Robyn Speer); the last three categories are the classes
//! `[a-z]`, `[A-Z]` and `\s` of its expressions.

/// A set of categories; a character can have more than one.
pub(super) type Categories = u32;

/// Common in intended text, so not evidence of mojibake.
pub(super) const COMMON: Categories = 1;
/// C1 control characters, which today occur only in mojibake.
pub(super) const C1: Categories = 1 << 1;
/// Rare outside mojibake.
pub(super) const BAD: Categories = 1 << 2;
/// Symbols of legal texts.
pub(super) const LAW: Categories = 1 << 3;
/// Currency symbols.
pub(super) const CURRENCY: Categories = 1 << 4;
/// Punctuation before a word.
pub(super) const START: Categories = 1 << 5;
/// Punctuation after a word.
pub(super) const END: Categories = 1 << 6;
/// Symbols next to numbers.
pub(super) const NUMERIC: Categories = 1 << 7;
/// Letters used in kaomoji (text faces), which can be next to anything.
pub(super) const KAOMOJI: Categories = 1 << 8;
/// Upper-case letters with accents.
pub(super) const UPPER: Categories = 1 << 9;
/// Lower-case letters with accents.
pub(super) const LOWER: Categories = 1 << 10;
/// Upper-case letters of scripts other than Latin.
pub(super) const UPPER_COMMON: Categories = 1 << 11;
/// Lower-case letters of scripts other than Latin.
pub(super) const LOWER_COMMON: Categories = 1 << 12;
/// Box-drawing characters.
pub(super) const BOX: Categories = 1 << 13;
/// ASCII lower-case letters.
pub(super) const ASCII_LOWER: Categories = 1 << 14;
/// ASCII upper-case letters.
pub(super) const ASCII_UPPER: Categories = 1 << 15;
/// White space as defined by Python's regular expressions.
pub(super) const SPACE: Categories = 1 << 16;

/// Returns the categories of a character; most have none.
#[rustfmt::skip] // It would put every alternative on its own line.
pub(super) const fn categories_of(c: char) -> Categories {
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
