//! Small changes of wordings: articles, capitals, questions.

/// Writes a name without its article.
pub(super) fn bare(name: &str) -> &str {
    ["a ", "an ", "the "].iter().find_map(|article| name.strip_prefix(article)).unwrap_or(name)
}

/// Puts a name into a sentence: `{name}` without its article and `{a name}` with it.
pub(super) fn named(sentence: &str, name: &str) -> String {
    sentence.replace("{a name}", name).replace("{name}", bare(name))
}

/// Begins with a capital and ends with a dot.
pub(super) fn sentence(words: &str) -> String {
    let words = capitalised(words);
    if words.ends_with('.') { words } else { words + "." }
}

/// Makes the first letter a capital, behind a bracket too.
pub(super) fn capitalised(words: &str) -> String {
    let at = usize::from(words.starts_with('['));
    match words[at..].chars().next() {
        None => words.to_owned(),
        Some(first) => {
            let rest = &words[at + first.len_utf8()..];
            format!("{}{}{rest}", &words[..at], first.to_uppercase())
        }
    }
}

/// Says a clause of the data as a statement: `{who} stop[s] breathing` becomes `the sleeper stops breathing`.
pub(super) fn statement(clause: &str, who: &str) -> String {
    clause.replace("{who}", who).replace(['[', ']'], "")
}

/// Says a clause of the data as a question without its question word: `does the sleeper stop breathing`, `is the heart
/// fast`.
pub(super) fn question(clause: &str, who: &str) -> String {
    let clause = clause.replace("{who}", who);
    for verb in ["is", "are"] {
        if let Some((subject, rest)) = clause.split_once(&format!(" [{verb}]")) {
            return format!("{verb} {subject}{rest}");
        }
    }
    let auxiliary = if clause.contains("[]") { "do" } else { "does" };
    let infinitive = clause.replace("[ies]", "y").replace("[es]", "").replace("[s]", "");
    format!("{auxiliary} {}", infinitive.replace("[]", ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_the_article_that_is_written() {
        assert_eq!(named("There is {a name}.", "an arousal"), "There is an arousal.");
        assert_eq!(named("[{name}] event", "a RERA"), "[RERA] event");
        assert_eq!(named("There is {a name}.", "snoring"), "There is snoring.");
    }

    #[test]
    fn sentences_begin_with_a_capital() {
        assert_eq!(sentence("stable light sleep (N2)"), "Stable light sleep (N2).");
        assert_eq!(sentence("[arousal] event."), "[Arousal] event.");
        assert_eq!(sentence("2 spindles"), "2 spindles.");
    }

    #[test]
    fn clauses_are_stated_and_asked() {
        let check = |clause, stated, asked| {
            assert_eq!(statement(clause, "the sleeper"), stated);
            assert_eq!(question(clause, "the sleeper"), asked);
        };
        check(
            "{who} stop[s] breathing",
            "the sleeper stops breathing",
            "does the sleeper stop breathing",
        );
        check("the heart [is] fast", "the heart is fast", "is the heart fast");
        check("the eyes dart[]", "the eyes dart", "do the eyes dart");
        check("the heart rate var[ies]", "the heart rate varies", "does the heart rate vary");
        check(
            "breathing come[s] and go[es]",
            "breathing comes and goes",
            "does breathing come and go",
        );
    }
}
