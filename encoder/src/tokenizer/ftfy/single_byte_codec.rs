//! The single-byte encodings with which UTF-8 is most often decoded by mistake.

use std::sync::LazyLock;

/// A single-byte encoding whose lower half is ASCII.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SingleByteCodec {
    Latin1,
    Windows1252,
    Windows1251,
    Windows1250,
    Windows1253,
    Windows1254,
    Windows1257,
    Iso8859Part2,
    MacRoman,
    Cp437,
}

/// The byte that sloppy codecs use for U+FFFD: the control character SUB, which has the same meaning.
pub(super) const SUBSTITUTE: u8 = 0x1a;

impl SingleByteCodec {
    /// All codecs, in the order in which ftfy tries them.
    pub(super) const ALL: [Self; 10] = [
        Self::Latin1,
        Self::Windows1252,
        Self::Windows1251,
        Self::Windows1250,
        Self::Windows1253,
        Self::Windows1254,
        Self::Windows1257,
        Self::Iso8859Part2,
        Self::MacRoman,
        Self::Cp437,
    ];

    /// Encodes a text; `None` if a character is not in the codec.
    pub(super) fn encode(self, text: &str) -> Option<Vec<u8>> {
        let table = &BYTES[self as usize];
        let byte = |c: char| match c {
            '\u{1a}' if self.is_sloppy() => None,
            '\u{fffd}' if self.is_sloppy() => Some(SUBSTITUTE),
            '\0'..='\x7f' => Some(c as u8),
            _ => table.binary_search_by_key(&c, |entry| entry.0).ok().map(|found| table[found].1),
        };
        text.chars().map(byte).collect()
    }

    /// Returns whether this is a "sloppy" codec of ftfy: it decodes undefined bytes as Latin-1 does, and [`SUBSTITUTE`] as
    /// U+FFFD.
    pub(super) const fn is_sloppy(self) -> bool {
        match self {
            Self::Windows1250
            | Self::Windows1251
            | Self::Windows1252
            | Self::Windows1253
            | Self::Windows1254
            | Self::Windows1257 => true,
            Self::Latin1 | Self::Iso8859Part2 | Self::MacRoman | Self::Cp437 => false,
        }
    }

    /// Decodes a byte.
    pub(super) fn decode(self, byte: u8) -> char {
        let offset = byte.checked_sub(0x80).map(usize::from);
        offset.and_then(|offset| self.upper_half().nth(offset)).unwrap_or(char::from(byte))
    }

    /// Returns the characters of the bytes from 0x80 to 0xff.
    fn upper_half(self) -> impl Iterator<Item = char> {
        self.rows().into_iter().flat_map(str::chars)
    }

    /// Returns the upper half in rows of 16, as in Python's codecs.
    #[expect(clippy::too_many_lines, reason = "ten tables")]
    const fn rows(self) -> [&'static str; 8] {
        match self {
            Self::Latin1 => [
                C1_ROWS[0],
                C1_ROWS[1],
                "\u{a0}¡¢£¤¥¦§¨©ª«¬\u{ad}®¯",
                "°±²³´µ¶·¸¹º»¼½¾¿",
                "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏ",
                "ÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞß",
                "àáâãäåæçèéêëìíîï",
                "ðñòóôõö÷øùúûüýþÿ",
            ],
            Self::Windows1252 => [
                "€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8d}Ž\u{8f}",
                "\u{90}‘’“”•–—˜™š›œ\u{9d}žŸ",
                "\u{a0}¡¢£¤¥¦§¨©ª«¬\u{ad}®¯",
                "°±²³´µ¶·¸¹º»¼½¾¿",
                "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏ",
                "ÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞß",
                "àáâãäåæçèéêëìíîï",
                "ðñòóôõö÷øùúûüýþÿ",
            ],
            Self::Windows1251 => [
                "ЂЃ‚ѓ„…†‡€‰Љ‹ЊЌЋЏ",
                "ђ‘’“”•–—\u{98}™љ›њќћџ",
                "\u{a0}ЎўЈ¤Ґ¦§Ё©Є«¬\u{ad}®Ї",
                "°±Ііґµ¶·ё№є»јЅѕї",
                "АБВГДЕЖЗИЙКЛМНОП",
                "РСТУФХЦЧШЩЪЫЬЭЮЯ",
                "абвгдежзийклмноп",
                "рстуфхцчшщъыьэюя",
            ],
            Self::Windows1250 => [
                "€\u{81}‚\u{83}„…†‡\u{88}‰Š‹ŚŤŽŹ",
                "\u{90}‘’“”•–—\u{98}™š›śťžź",
                "\u{a0}ˇ˘Ł¤Ą¦§¨©Ş«¬\u{ad}®Ż",
                "°±˛ł´µ¶·¸ąş»Ľ˝ľż",
                "ŔÁÂĂÄĹĆÇČÉĘËĚÍÎĎ",
                "ĐŃŇÓÔŐÖ×ŘŮÚŰÜÝŢß",
                "ŕáâăäĺćçčéęëěíîď",
                "đńňóôőö÷řůúűüýţ˙",
            ],
            Self::Windows1253 => [
                "€\u{81}‚ƒ„…†‡\u{88}‰\u{8a}‹\u{8c}\u{8d}\u{8e}\u{8f}",
                "\u{90}‘’“”•–—\u{98}™\u{9a}›\u{9c}\u{9d}\u{9e}\u{9f}",
                "\u{a0}΅Ά£¤¥¦§¨©ª«¬\u{ad}®―",
                "°±²³΄µ¶·ΈΉΊ»Ό½ΎΏ",
                "ΐΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟ",
                "ΠΡÒΣΤΥΦΧΨΩΪΫάέήί",
                "ΰαβγδεζηθικλμνξο",
                "πρςστυφχψωϊϋόύώÿ",
            ],
            Self::Windows1254 => [
                "€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8d}\u{8e}\u{8f}",
                "\u{90}‘’“”•–—˜™š›œ\u{9d}\u{9e}Ÿ",
                "\u{a0}¡¢£¤¥¦§¨©ª«¬\u{ad}®¯",
                "°±²³´µ¶·¸¹º»¼½¾¿",
                "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏ",
                "ĞÑÒÓÔÕÖ×ØÙÚÛÜİŞß",
                "àáâãäåæçèéêëìíîï",
                "ğñòóôõö÷øùúûüışÿ",
            ],
            Self::Windows1257 => [
                "€\u{81}‚\u{83}„…†‡\u{88}‰\u{8a}‹\u{8c}¨ˇ¸",
                "\u{90}‘’“”•–—\u{98}™\u{9a}›\u{9c}¯˛\u{9f}",
                "\u{a0}¡¢£¤¥¦§Ø©Ŗ«¬\u{ad}®Æ",
                "°±²³´µ¶·ø¹ŗ»¼½¾æ",
                "ĄĮĀĆÄÅĘĒČÉŹĖĢĶĪĻ",
                "ŠŃŅÓŌÕÖ×ŲŁŚŪÜŻŽß",
                "ąįāćäåęēčéźėģķīļ",
                "šńņóōõö÷ųłśūüżž˙",
            ],
            Self::Iso8859Part2 => [
                C1_ROWS[0],
                C1_ROWS[1],
                "\u{a0}Ą˘Ł¤ĽŚ§¨ŠŞŤŹ\u{ad}ŽŻ",
                "°ą˛ł´ľśˇ¸šşťź˝žż",
                "ŔÁÂĂÄĹĆÇČÉĘËĚÍÎĎ",
                "ĐŃŇÓÔŐÖ×ŘŮÚŰÜÝŢß",
                "ŕáâăäĺćçčéęëěíîď",
                "đńňóôőö÷řůúűüýţ˙",
            ],
            Self::MacRoman => [
                "ÄÅÇÉÑÖÜáàâäãåçéè",
                "êëíìîïñóòôöõúùûü",
                "†°¢£§•¶ß®©™´¨≠ÆØ",
                "∞±≤≥¥µ∂∑∏π∫ªºΩæø",
                "¿¡¬√ƒ≈∆«»…\u{a0}ÀÃÕŒœ",
                "–—“”‘’÷◊ÿŸ⁄€‹›ﬁﬂ",
                "‡·‚„‰ÂÊÁËÈÍÎÏÌÓÔ",
                "\u{f8ff}ÒÚÛÙıˆ˜¯˘˙˚¸˝˛ˇ",
            ],
            Self::Cp437 => [
                "ÇüéâäàåçêëèïîìÄÅ",
                "ÉæÆôöòûùÿÖÜ¢£¥₧ƒ",
                "áíóúñÑªº¿⌐¬½¼¡«»",
                "░▒▓│┤╡╢╖╕╣║╗╝╜╛┐",
                "└┴┬├─┼╞╟╚╔╩╦╠═╬╧",
                "╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀",
                "αßΓπΣσµτΦΘΩδ∞φε∩",
                "≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}",
            ],
        }
    }
}

/// The rows of the C1 control characters.
const C1_ROWS: [&str; 2] = [
    "\u{80}\u{81}\u{82}\u{83}\u{84}\u{85}\u{86}\u{87}\u{88}\u{89}\u{8a}\u{8b}\u{8c}\u{8d}\u{8e}\u{8f}",
    "\u{90}\u{91}\u{92}\u{93}\u{94}\u{95}\u{96}\u{97}\u{98}\u{99}\u{9a}\u{9b}\u{9c}\u{9d}\u{9e}\u{9f}",
];

/// The characters of the upper half with their bytes, sorted by character, in the order of [`SingleByteCodec::ALL`].
static BYTES: LazyLock<[Vec<(char, u8)>; 10]> = LazyLock::new(|| {
    SingleByteCodec::ALL.map(|codec| {
        let mut bytes: Vec<_> = codec.upper_half().zip(0x80..=0xff).collect();
        bytes.sort_unstable();
        bytes
    })
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_survives_a_round_trip() {
        for codec in SingleByteCodec::ALL {
            assert_eq!(codec.upper_half().count(), 128, "{codec:?}");
            let text: String = (0..=0xff)
                .filter(|&byte| byte != SUBSTITUTE)
                .map(|byte| codec.decode(byte))
                .collect();
            let bytes: Vec<u8> = (0..=0xff).filter(|&byte| byte != SUBSTITUTE).collect();
            assert_eq!(codec.encode(&text), Some(bytes), "{codec:?}");
            assert_eq!(codec.rows().map(|row| row.chars().count()), [16; 8], "{codec:?}");
        }
    }

    #[test]
    fn sloppy_codecs_encode_the_replacement_character() {
        for codec in SingleByteCodec::ALL {
            let [replacement, substitute] = [codec.encode("\u{fffd}"), codec.encode("\u{1a}")];
            let expected = codec.is_sloppy().then(|| vec![SUBSTITUTE]);
            assert_eq!(replacement, expected, "{codec:?}");
            assert_eq!(substitute.is_none(), codec.is_sloppy(), "{codec:?}");
        }
    }

    #[test]
    fn codecs_differ_in_the_upper_half() {
        let decoded =
            |byte| SingleByteCodec::ALL.map(|codec| codec.decode(byte)).iter().collect::<String>();
        assert_eq!(decoded(b'a'), "aaaaaaaaaa");
        assert_eq!(decoded(0x80), "\u{80}€Ђ€€€€\u{80}ÄÇ");
        assert_eq!(decoded(0xe9), "ééйéιéééÈΘ");
        assert_eq!(decoded(0xff), "ÿÿя˙ÿÿ˙˙ˇ\u{a0}");
        assert_eq!(SingleByteCodec::Windows1252.encode("日"), None);
    }
}
