//! Tests of the grammar: tables of questions with the right reading, and properties of the normal form.

mod properties;
mod searches;

use std::fmt::Write;

use nocturne_concepts::Registry;

use super::{MetadataColumn, Question, Reason, Unreadable, parse_typed, parse_words};

/// Metadata of the collection in the tables.
fn columns() -> Vec<MetadataColumn> {
    ["sex", "age", "bmi", "cohort"].map(MetadataColumn::from).to_vec()
}

fn read(question: &str) -> Result<Question, Unreadable> {
    parse_words(question, Registry::shipped(), &columns())
}

fn reason(problem: &Unreadable) -> &'static str {
    match problem.reason {
        Reason::NotUnderstood => "not_understood",
        Reason::Ambiguous => "ambiguous",
        Reason::NotEnglish => "not_english",
        Reason::UnknownWords => "unknown_words",
        Reason::NotOfEpochs => "not_of_epochs",
        Reason::FreeWords => "free_words",
        Reason::TooLong => "too_long",
        Reason::NotMeasurable => "not_measurable",
        Reason::NoColumn { .. } => "no_column",
    }
}

/// Returns the normal form, or the reason and the words of a refusal.
fn outcome(question: &str) -> String {
    match read(question) {
        Ok(read) => read.to_string(),
        Err(problem) => {
            format!("refused: {} at {}", reason(&problem), problem.text).trim().to_owned()
        }
    }
}

fn rows(table: &str) -> impl Iterator<Item = (&str, &str)> {
    let lines = table.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split_once('\t').unwrap_or((line, "")))
}

/// Checks every row of a table; a reading is also read back from its normal form.
fn check(table: &str) {
    let mut wrong = String::new();
    for (question, reading) in rows(table) {
        let found = outcome(question);
        if found != reading {
            writeln!(wrong, "{question}\n  expected {reading}\n  found    {found}").unwrap();
        }
        if let Ok(read) = read(question) {
            let typed = parse_typed(reading, Registry::shipped());
            if typed.as_ref() != Ok(&read) {
                writeln!(wrong, "{question}\n  typed    {typed:?}\n  words    {read:?}").unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "{} rows are wrong:\n{wrong}", wrong.matches("  found").count());
}

#[test]
fn questions_of_researchers_are_read_or_refused() {
    check(include_str!("questions.tsv"));
}

#[test]
fn further_questions_are_read_or_refused() {
    check(include_str!("more.tsv"));
}

#[test]
fn negation_is_read_as_absence_or_refused() {
    check(include_str!("negated.tsv"));
}

#[test]
fn what_only_looks_like_negation_is_not_read_as_absence() {
    check(include_str!("pseudo.tsv"));
}

#[test]
fn double_negation_is_refused() {
    for (question, _) in rows(include_str!("double.tsv")) {
        assert!(read(question).is_err(), "{question}: {}", outcome(question));
    }
}

#[test]
fn refusals_name_the_position_and_the_nearest_concepts() {
    let problem = read("≥ 5 arosuals per hour").unwrap_err();
    assert_eq!((problem.byte, problem.character, problem.text.as_str()), (6, 5, "arosuals"));
    assert_eq!(problem.nearest[0].id, "arousal");
    assert!(
        problem
            .to_string()
            .starts_with("question, character 5, at `arosuals`: not understood; expected "),
        "{problem}"
    );
    assert!(
        problem.hint().contains("with a similar name is `arousal`")
            || problem.hint().starts_with("known concepts with similar names are `arousal`")
    );
}

#[test]
fn absent_metadata_is_a_precondition_and_named() {
    let problem = parse_words("men with many arousals", Registry::shipped(), &[]).unwrap_err();
    assert_eq!(problem.reason, Reason::NoColumn { column: "sex".to_owned() });
    assert!(problem.is_precondition() && problem.text == "men");
    let own = ["nsrr_sex".into()];
    let question = parse_words("men with many arousals", Registry::shipped(), &own).unwrap();
    assert_eq!(question.filter.as_deref(), Some("nsrr_sex = male"));
}

#[test]
fn men_and_women_are_found_by_the_values_of_the_collection() {
    let filter = |values: &[&str], question: &str| {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        let columns = [MetadataColumn { name: "sex".to_owned(), values }];
        parse_words(question, Registry::shipped(), &columns).map(|it| it.filter.unwrap())
    };
    let men = "men with many arousals";
    assert_eq!(filter(&["M", "F", "unknown"], men).unwrap(), "sex = M");
    assert_eq!(filter(&["M", "male", "f"], men).unwrap(), "(sex = M OR sex = male)");
    assert_eq!(filter(&["F"], "women with many arousals").unwrap(), "sex = F");
    assert_eq!(filter(&["F"], men).unwrap(), "sex = male");
    let problem = filter(&["1", "2", "M"], men).unwrap_err();
    assert!(problem.expected.contains("where sex = 1"), "{problem}");
}

#[test]
fn quantities_without_a_meaning_are_refused() {
    for (typed, expected) in [
        ("rate(R), highest first", "`share(R)`"),
        ("count(N3) > 2", "stages and states are not counted"),
        ("time(arousal) > 10 min", "events are counted, not timed"),
        ("share(arousal) > 3 %", "`rate(arousal)`"),
        ("waso in the second half > 60 min", "`time(W)` in a part of it"),
        ("sleep_efficiency in supine, highest first", "`sleep_efficiency` of the whole night"),
        ("rem_latency from 23:00 to 02:00 > 60", "`rem_latency` of the whole night"),
        ("share(R) of sleep > 200 %", "at most 100 %"),
    ] {
        let problem = parse_typed(typed, Registry::shipped()).unwrap_err();
        assert!(problem.expected.contains(expected), "{typed}: {problem}");
    }
    assert!(read("WASO in the second half").is_err());
    for typed in ["tst in the first half > 60 min", "mean_spo2 in R, lowest first"] {
        assert!(parse_typed(typed, Registry::shipped()).is_ok(), "{typed}");
    }
}

#[test]
fn long_questions_are_refused() {
    let long = "many arousals and ".repeat(200);
    assert_eq!(read(&long).unwrap_err().reason, Reason::TooLong);
}

#[test]
fn sentences_say_how_a_question_was_read() {
    for (question, expected) in [
        (
            "severe sleep apnea",
            "Nights with at least 30 apneas or hypopneas per hour of sleep (severe), highest first.",
        ),
        (
            "nights with few arousals",
            "Nights by the number of arousals per hour of sleep, lowest first.",
        ),
        ("no apneas", "Nights with no apneas, lowest first."),
        (
            "men over 60 with sleep efficiency below 85%",
            "Nights whose sleep efficiency is less than 85 %, lowest first, of recordings where sex = male and age > 60.",
        ),
        (
            "mild to moderate sleep apnea",
            "Nights with at least 5 and less than 30 apneas or hypopneas per hour of sleep (mild to moderate), highest first.",
        ),
        (
            "apneas worse on the back",
            "Nights by the ratio of the number of apneas per hour of sleep in supine position to the number of apneas per hour of sleep outside of supine, highest first.",
        ),
    ] {
        assert_eq!(read(question).unwrap().sentence(Registry::shipped()), expected);
    }
}
