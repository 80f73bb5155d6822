//! Grammatical changes of wordings: articles, capitals, statements, questions.

/// Returns a name without its article.
pub(super) fn bare(name: &str) -> &str {
    ["a ", "an ", "the "].iter().find_map(|article| name.strip_prefix(article)).unwrap_or(name)
}

/// Inserts a name into a sentence: `{name}` without and `{a name}` with its article.
pub(super) fn named(sentence: &str, name: &str) -> String {
    sentence.replace("{a name}", name).replace("{name}", bare(name))
}

/// Returns the words with a capital and a full stop.
pub(super) fn sentence(words: &str) -> String {
    let words = capitalised(words);
    if words.ends_with('.') { words } else { words + "." }
}

/// Capitalises the first letter, also after an opening bracket.
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

/// Turns a clause into a statement: `{who} stop[s] breathing` becomes `the sleeper stops breathing`.
pub(super) fn statement(clause: &str, who: &str) -> String {
    clause.replace("{who}", who).replace(['[', ']'], "")
}

/// Turns a clause into a question without its question word: `does the sleeper stop breathing`, `is the heart fast`.
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
    fn names_keep_or_drop_their_article() {
        assert_eq!(named("There is {a name}.", "an arousal"), "There is an arousal.");
        assert_eq!(named("[{name}] event", "a RERA"), "[RERA] event");
        assert_eq!(named("There is {a name}.", "snoring"), "There is snoring.");
    }

    #[test]
    fn sentences_start_with_a_capital() {
        assert_eq!(sentence("stable light sleep (N2)"), "Stable light sleep (N2).");
        assert_eq!(sentence("[arousal] event."), "[Arousal] event.");
        assert_eq!(sentence("2 spindles"), "2 spindles.");
    }

    #[test]
    fn clauses_become_statements_and_questions() {
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
