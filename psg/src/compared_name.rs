//! The form in which names written by recorders and scorers are compared.

/// Returns a name for comparison: lower case, without accents, a blank for every run of blanks, `_`, `-`, `/`, `:` and `.`,
/// and none before a number (`Chin 1` is `Chin1`). A number alone is as written, with its sign.
pub(crate) fn compared_name(name: &str) -> String {
    let name = name.trim();
    if name.parse::<f64>().is_ok() {
        return name.to_owned();
    }
    let is_separator = |c: char| c.is_whitespace() || ['_', '-', '/', ':', '.'].contains(&c);
    let mut text = String::with_capacity(name.len());
    for part in name.split(is_separator).filter(|part| !part.is_empty()) {
        let is_number = part.chars().all(|c| c.is_ascii_digit());
        let follows_name = text.chars().next_back().is_some_and(char::is_alphabetic);
        if !(text.is_empty() || is_number && follows_name) {
            text.push(' ');
        }
        for c in part.chars().flat_map(char::to_lowercase) {
            match without_accent(c) {
                Some(letters) => text.push_str(letters),
                None => text.push(c),
            }
        }
    }
    text
}

/// Returns the letters of a lower-case letter with an accent, in the languages in which sleep is scored.
const fn without_accent(c: char) -> Option<&'static str> {
    Some(match c {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' => "a",
        'ç' => "c",
        'è' | 'é' | 'ê' | 'ë' => "e",
        'ì' | 'í' | 'î' | 'ï' => "i",
        'ñ' => "n",
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' => "o",
        'ù' | 'ú' | 'û' | 'ü' => "u",
        'ý' | 'ÿ' => "y",
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_separators_and_accents_make_no_difference() {
        for name in ["Sleep stage N2", "SLEEP_STAGE_N2", " sleep-stage: n 2", "Sléep  stage.N2"] {
            assert_eq!(compared_name(name), "sleep stage n2", "{name}");
        }
        assert_eq!(compared_name("Éveil"), "eveil");
        assert_eq!(compared_name("Größe|4"), "grosse|4");
    }

    #[test]
    fn numbers_keep_their_sign() {
        assert_eq!(["-1", " 1 ", "1.5"].map(compared_name), ["-1", "1", "1.5"]);
    }
}
