//! Negation and signs in the words of a search.

use nocturne_concepts::Registry;

use super::super::parse_expression;

fn outcome(text: &str) -> String {
    match parse_expression(text, Registry::shipped()) {
        Ok(Some(expression)) => expression.to_string(),
        Ok(None) => "free".to_owned(),
        Err(problem) => format!("refused at {}", problem.text).trim().to_owned(),
    }
}

#[test]
fn negation_and_signs_become_expressions() {
    for (text, expected) in [
        ("N2 sleep without arousals", "N2 & !arousal"),
        ("stage N2 with spindles but no K-complexes", "N2 & spindle & !k_complex"),
        ("REM sleep without rapid eye movements", "R & !rapid_eye_movement"),
        ("rem & !atonia", "R & !atonia"),
        ("apnea & supine", "apnea & supine"),
        ("arousal within 30s after hypopnea", "arousal within 30 s after hypopnea"),
        ("no apneas or hypopneas", "!(apnea or hypopnea)"),
        ("deep sleep free of arousals", "N3 & !arousal"),
        ("arousal-free N3", "!arousal & N3"),
        ("hypopneas with no desaturations", "hypopnea & !desaturation"),
        ("REM sleep without atonia", "rem_without_atonia"),
        ("!arousal", "!arousal"),
        ("(N2 | N3) & spindle", "(N2 or N3) & spindle"),
        ("spindles not in N2", "spindle & !N2"),
    ] {
        assert_eq!(outcome(text), expected, "{text}");
    }
}

#[test]
fn words_without_negation_are_free() {
    for text in [
        "slow waves with a K-complex",
        "a burst of sigma activity",
        "apnea in REM",
        "normal sleep",
        "the sleeper is dozing off",
        "alpha rhythm, 10 Hz",
        "Deep sleep (N3).",
    ] {
        assert_eq!(outcome(text), "free", "{text}");
    }
}

#[test]
fn negation_that_is_not_understood_is_refused() {
    for (text, at) in [
        ("sleep without dreams of flying", "dreams"),
        ("no unusual waves", "unusual"),
        ("not without arousals", "without"),
        ("no increase in arousals", "no increase in"),
        ("N2 & banana", "banana"),
        ("not only apneas", "not only"),
        ("a flat line without artifacts of movement", "flat"),
    ] {
        assert_eq!(outcome(text), format!("refused at {at}"), "{text}");
    }
}
