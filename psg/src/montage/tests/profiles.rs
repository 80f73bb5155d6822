//! Profile files are checked, and the embedded ones are valid.

use crate::montage::{Profile, embedded_profiles};

#[test]
fn embedded_profiles_are_valid() {
    for ((file, _), profile) in embedded_profiles::FILES.iter().zip(Profile::embedded()) {
        assert_eq!(format!("{}.toml", profile.name), *file);
        assert!(profile.rules.iter().all(|rule| !rule.source.is_empty()), "{file}");
        let is_for_all_files = matches!(profile.name.as_str(), "general" | "stages" | "homepap");
        let n_detected_by = profile.detect.certain.len() + profile.detect.labels.len();
        assert_eq!(n_detected_by == 0, is_for_all_files, "{file}");
    }
}

#[test]
fn detection_labels_are_unique_within_a_profile() {
    for profile in Profile::embedded() {
        let detect = &profile.detect;
        let mut labels = [&detect.certain[..], &detect.labels, &detect.also].concat();
        let n = labels.len();
        labels.sort_unstable();
        labels.dedup();
        assert_eq!(labels.len(), n, "{}", profile.name);
    }
}

/// Adds a text to a minimal profile and returns the error.
fn problem_with(text: &str) -> String {
    let text = format!("name = \"x\"\ntitle = \"x\"\nsource = \"x\"\n{text}");
    Profile::parse("x.toml", &text).unwrap_err().to_string()
}

#[test]
fn rejects_labels_with_two_meanings() {
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
fn errors_name_line_field_and_value() {
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
        "line 7, `sources = [1]`: 1 is not a source; expected",
    );
    check(
        &row("confidence = \"exact\"\nsources = []"),
        "the field `sources` of ECG is empty; expected at least one label",
    );
    check(
        &row("confidence = \"exact\"\nsources = [\"a\"]\nunits = \"uV\""),
        "line 8, `units = \"uV\"`: unknown field `units`, expected one of",
    );
    check(
        &row("confidence = \"exact\"\nsources = [\"a\"]\nrate_hz = -1"),
        "the field `rate_hz` of ECG is -1; expected 1 to 20000",
    );
    check(
        "[[channel]]\nname = \"EEG\"\nconfidence = \"exact\"\nsources = [\"a\"]",
        "line 5, `name = \"EEG\"`: unknown variant `EEG`, expected one of",
    );
    check(
        "[[channel]]\nname = \"POS\"\nconfidence = \"exact\"\nsources = [\"a\"]\npolarity = \"inverted\"",
        "the field `polarity` of POS is `inverted`; expected `upright`, because codes have no sign",
    );
    check(
        "[position]\nsource = \"x\"\ncodes = { \"one\" = \"left\" }",
        "`one` is not a position code; expected an integer",
    );
    check(
        "[detect]\nlabels = [\"a\"]",
        "`detect` names `a`; expected a label of a `channel` or of `other`",
    );
    check("extends = \"mross\"", "`extends` names `mross`; expected one of `general`, ");
}

#[test]
fn rejects_profiles_without_a_source() {
    let error = |text: &str| Profile::parse("x.toml", text).unwrap_err().to_string();
    let found = error("name = \"x\"\ntitle = \"x\"");
    assert!(found.contains("missing field `source`"), "{found}");
    let found = error("name = \"x\"\ntitle = \"x\"\nsource = \" \"");
    assert_eq!(found, "`x.toml`: the field `source` is empty; expected a text");
    let found = problem_with("[position]\ncodes = { \"1\" = \"left\" }");
    assert!(found.contains("missing field `source`"), "{found}");
}

#[test]
fn own_rules_precede_those_of_the_extended_profile() {
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
fn documented_example_is_valid() {
    let (_, example) = include_str!("../mod.rs").split_once("```toml\n").unwrap();
    let (example, _) = example.split_once("//! ```").unwrap();
    let lines: Vec<&str> = example.lines().map(|line| line.trim_start_matches("//!")).collect();
    let profile = Profile::parse("example.toml", &lines.join("\n")).unwrap();
    assert_eq!(profile.name, "our-lab");
    assert_eq!(profile.position(2.0), Some(crate::sleep::Position::Left));
}

#[test]
fn rejects_folders_and_large_files() {
    let folder = tempfile::tempdir().unwrap();
    let found = Profile::read(folder.path()).unwrap_err();
    assert!(matches!(found, crate::error::Error::NotAFile { .. }), "{found}");
    let path = folder.path().join("large.toml");
    std::fs::write(&path, vec![b'#'; 2 << 20]).unwrap();
    let found = Profile::read(&path).unwrap_err().to_string();
    assert!(found.ends_with("the file has 2097152 bytes; expected at most 1048576"), "{found}");
}

#[test]
fn messages_contain_no_control_characters() {
    let text = "name = \"a\"\ntitle = \"b\"\nsource = \"c\"\n[[channel]]\nname = \"\\u001b[2J\"\n";
    let error = Profile::parse("a.toml", text).unwrap_err().to_string();
    assert!(error.contains("unknown variant `\\u{1b}[2J`"), "{error}");
}

#[test]
fn unknown_format_of_scored_families_is_an_error() {
    assert_eq!(
        problem_with("[scored]\nfamilies = [\"arousal\"]\nannotations = \"nsrr\"")
            .split(", ")
            .next(),
        Some(
            "`x.toml`: the field `annotations` of `scored` is `nsrr`; expected one of `EDF+ annotations`"
        )
    );
}
