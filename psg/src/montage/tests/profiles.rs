//! The form of a profile is checked.

use crate::montage::{Profile, embedded_profiles};

#[test]
fn embedded_profiles_are_sound() {
    for ((file, _), profile) in embedded_profiles::FILES.iter().zip(Profile::embedded()) {
        assert_eq!(format!("{}.toml", profile.name), *file);
        assert!(profile.rules.iter().all(|rule| !rule.source.is_empty()), "{file}");
        let is_for_all_files = matches!(profile.name.as_str(), "general" | "stages" | "homepap");
        let n_detected_by = profile.detect.certain.len() + profile.detect.labels.len();
        assert_eq!(n_detected_by == 0, is_for_all_files, "{file}");
    }
}

#[test]
fn no_label_is_detected_by_twice() {
    for profile in Profile::embedded() {
        let detect = &profile.detect;
        let mut labels = [&detect.certain[..], &detect.labels, &detect.also].concat();
        let n = labels.len();
        labels.sort_unstable();
        labels.dedup();
        assert_eq!(labels.len(), n, "{}", profile.name);
    }
}

/// Adds a text to the smallest sound profile and returns what is wrong with it.
fn problem_with(text: &str) -> String {
    let text = format!("name = \"x\"\ntitle = \"x\"\nsource = \"x\"\n{text}");
    Profile::parse("x.toml", &text).unwrap_err().to_string()
}

#[test]
fn labels_with_two_meanings_are_refused() {
    let belt = |more: &str| {
        problem_with(&format!(
            "[[channel]]\nname = \"ABD\"\nconfidence = \"exact\"\nsources = [\"Belt\"]\n{more}"
        ))
    };
    assert_eq!(
        belt("[[channel]]\nname = \"THX\"\nconfidence = \"exact\"\nsources = [\"BELT\"]"),
        "`x.toml`: the label `BELT` means both ABD and THX"
    );
    assert_eq!(
        belt("[other]\nspo2 = [\"belt\"]"),
        "`x.toml`: the label `belt` means both ABD and spo2"
    );
    assert_eq!(
        belt(
            "[[channel]]\nname = \"THX\"\nconfidence = \"exact\"\nsources = [{ plus = \"a\", minus = \"belt\" }]"
        ),
        "`x.toml`: the label `belt` means both ABD and reference"
    );
    assert_eq!(
        problem_with("[other]\nspo2 = [\"SAT\"]\npulse = [\"sat\"]"),
        "`x.toml`: the label `SAT` means both pulse and spo2"
    );
}

#[test]
fn mistakes_are_named_with_their_line_field_and_value() {
    let check = |text: &str, expected: &str| {
        let found = problem_with(text);
        assert!(found.starts_with(&format!("`x.toml`: {expected}")), "{found}");
    };
    check(
        "colour = \"red\"",
        "line 4, `colour = \"red\"`: unknown field `colour`, expected one of",
    );
    let row = |text: &str| format!("[[channel]]\nname = \"ECG\"\n{text}");
    check(
        &row("confidence = \"sure\"\nsources = [\"a\"]"),
        "line 6, `confidence = \"sure\"`: unknown variant `sure`, expected one of",
    );
    check(
        &row("confidence = \"exact\"\nsources = [1]"),
        "line 7, `sources = [1]`: the source 1 is no label; expected",
    );
    check(
        &row("confidence = \"exact\"\nsources = []"),
        "the `sources` of ECG are empty; expected at least one label",
    );
    check(
        &row("confidence = \"exact\"\nsources = [\"a\"]\nunits = \"uV\""),
        "line 8, `units = \"uV\"`: unknown field `units`, expected one of",
    );
    check(
        &row("confidence = \"exact\"\nsources = [\"a\"]\nrate_hz = -1"),
        "the `rate_hz` of ECG is -1; expected 1 to 20000",
    );
    check(
        "[[channel]]\nname = \"EEG\"\nconfidence = \"exact\"\nsources = [\"a\"]",
        "line 5, `name = \"EEG\"`: unknown variant `EEG`, expected one of",
    );
    check(
        "[[channel]]\nname = \"POS\"\nconfidence = \"exact\"\nsources = [\"a\"]\npolarity = \"inverted\"",
        "the `polarity` of POS is `inverted`; codes have no sign",
    );
    check(
        "[position]\nsource = \"x\"\ncodes = { \"one\" = \"left\" }",
        "`one` is no position code; expected a whole number",
    );
    check(
        "[detect]\nlabels = [\"a\"]",
        "`detect` names `a`, which no `channel` and no `other` explains",
    );
    check("extends = \"mross\"", "`extends` names `mross`; expected one of `general`, ");
}

#[test]
fn a_profile_without_a_source_is_refused() {
    let refused = |text: &str| Profile::parse("x.toml", text).unwrap_err().to_string();
    let found = refused("name = \"x\"\ntitle = \"x\"");
    assert!(found.contains("missing field `source`"), "{found}");
    let found = refused("name = \"x\"\ntitle = \"x\"\nsource = \" \"");
    assert_eq!(found, "`x.toml`: the field `source` is empty; expected a text");
    let found = problem_with("[position]\ncodes = { \"1\" = \"left\" }");
    assert!(found.contains("missing field `source`"), "{found}");
}

#[test]
fn rows_of_ones_own_come_before_those_of_the_extended_profile() {
    let text = "name = \"lab\"\ntitle = \"Lab\"\nsource = \"manual\"\nextends = \"general\"\n\
        [[channel]]\nname = \"THX\"\nconfidence = \"exact\"\nsources = [\"Abdomen\"]\n\
        [other]\nleg = [\"C3-M2\"]\n";
    let profile = Profile::parse("lab.toml", text).unwrap();
    let header = super::header_with(&["Abdomen", "C3-M2", "C3-A2", "Chest"]);
    let path = tempfile::tempdir().unwrap();
    let path = path.path().join("lab.toml");
    std::fs::write(&path, text).unwrap();
    let choice = crate::montage::ProfileChoice::File(path);
    let montage = crate::montage::ResolvedMontage::resolve_with(&header, &choice).unwrap();
    assert_eq!(montage.profile().title, profile.title);
    assert_eq!(
        super::derivations(&montage, &header),
        [("THX", "Abdomen".to_owned()), ("EEG_C3_A2", "C3-A2".to_owned())]
    );
}

#[test]
fn the_documented_example_is_sound() {
    let (_, example) = include_str!("../mod.rs").split_once("```toml\n").unwrap();
    let (example, _) = example.split_once("//! ```").unwrap();
    let lines: Vec<&str> = example.lines().map(|line| line.trim_start_matches("//!")).collect();
    let profile = Profile::parse("example.toml", &lines.join("\n")).unwrap();
    assert_eq!(profile.name, "our-lab");
    assert_eq!(profile.position(2.0), Some(crate::sleep::Position::Left));
}

#[test]
fn files_that_are_no_profile_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let found = Profile::read(folder.path()).unwrap_err();
    assert!(matches!(found, crate::error::Error::NotAFile { .. }), "{found}");
    let path = folder.path().join("large.toml");
    std::fs::write(&path, vec![b'#'; 2 << 20]).unwrap();
    let found = Profile::read(&path).unwrap_err().to_string();
    assert!(
        found.ends_with("it has 2097152 bytes; expected a profile of at most 1048576"),
        "{found}"
    );
}

#[test]
fn messages_hold_no_control_characters() {
    let text = "name = \"a\"\ntitle = \"b\"\nsource = \"c\"\n[[channel]]\nname = \"\\u001b[2J\"\n";
    let error = Profile::parse("a.toml", text).unwrap_err().to_string();
    assert!(error.contains("unknown variant `\\u{1b}[2J`"), "{error}");
}
