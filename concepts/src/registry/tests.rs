//! Tests of the registry: the shipped file, files of the user, and their errors.

use nocturne_psg::{EventKind, Stage};

use super::concept::{Kind, Source};
use super::*;

fn own(text: &str) -> Result<Registry> {
    Registry::parse(&[(SHIPPED_NAME, SHIPPED_TEXT), ("own.toml", text)])
}

fn problem(text: &str) -> String {
    own(text).unwrap_err().to_string()
}

#[test]
fn shipped_registry_is_valid() {
    let registry = Registry::parse(&[(SHIPPED_NAME, SHIPPED_TEXT)]).map_err(|it| it.to_string());
    assert!(registry.is_ok_and(|it| it.version() > 0));
}

#[test]
fn every_label_of_the_prompt_sets_is_a_concept() {
    use nocturne_encoder::PromptSet;
    for label in PromptSet::stages().labels.iter().chain(&PromptSet::events().labels) {
        assert!(Registry::shipped().get(&label.name).is_some(), "{}", label.name);
    }
}

#[test]
fn concepts_are_found_by_any_spelling_of_their_names() {
    for (name, id) in [
        ("arousals", "arousal"),
        ("Awakenings", "awakening"),
        ("apnoeas", "apnea"),
        ("K-complexes", "k_complex"),
        ("REM sleep", "R"),
        ("non-REM", "NREM"),
        ("deep sleep", "N3"),
        ("stage 2", "N2"),
        ("wake after sleep onset", "waso"),
        ("apnea-hypopnea index", "ahi"),
        ("PLMS", "periodic_limb_movement"),
        ("snoring", "snore"),
    ] {
        assert_eq!(Registry::shipped().named(name).map(|it| it.id.as_str()), Some(id), "{name}");
    }
    assert_eq!(Registry::shipped().named("banana"), None);
}

#[test]
fn groups_cover_the_events_and_stages_of_their_members() {
    let registry = Registry::shipped();
    let events = registry.events_of("respiratory_event");
    assert!(events.contains(EventKind::Hypopnea) && events.contains(EventKind::MixedApnea));
    assert!(
        !events.contains(EventKind::Rera)
            && !registry.events_of("apnea").contains(EventKind::Hypopnea)
    );
    assert_eq!(registry.stages_of("NREM"), [Stage::N1, Stage::N2, Stage::N3]);
    assert_eq!(registry.stages_of("sleep").len(), 4);
}

#[test]
fn the_model_never_answers_what_no_input_shows() {
    for id in ["periodic_limb_movement", "leg_movement", "snore", "desaturation"] {
        let concept = Registry::shipped().get(id).unwrap();
        assert!(!concept.has_source(Source::Model) && concept.has_source(Source::Scored), "{id}");
    }
}

#[test]
fn awakenings_are_not_arousals() {
    let registry = Registry::shipped();
    assert_ne!(registry.named("awakenings").unwrap().id, registry.named("arousals").unwrap().id);
    assert!(registry.events_of("awakening").is_empty());
}

#[test]
fn misspelt_names_are_suggested() {
    let first = |text: &str| Registry::shipped().nearest(text).first().map(|it| it.id.clone());
    assert_eq!(first("arosuals").as_deref(), Some("arousal"));
    assert_eq!(first("hypopnaes").as_deref(), Some("hypopnea"));
    assert_eq!(first("spindels").as_deref(), Some("spindle"));
    assert_eq!(first("banana"), None);
    assert!(Registry::shipped().nearest("movements of the legs").len() > 1);
}

#[test]
fn own_concepts_are_added_and_change_the_fingerprint() {
    let text = "version = 1\n[[concept]]\nid = 'sigh'\nnames = ['deep breath']\nkind = 'event'\n\
                sources = ['model']\nprompts = ['A sigh.']\nnegatives = ['Regular breathing.']\n";
    let registry = own(text).unwrap();
    let sigh = registry.named("deep breaths").unwrap();
    assert_eq!((sigh.kind, sigh.positive_prompts()), (Kind::Event, &["A sigh.".to_owned()][..]));
    assert_ne!(registry.fingerprint(), Registry::shipped().fingerprint());
    assert_eq!(Registry::shipped().get("arousal").unwrap().label().unwrap().name, "arousal");
}

#[test]
fn comments_do_not_change_the_fingerprint() {
    let text = format!("# A comment.\n{SHIPPED_TEXT}");
    let registry = Registry::parse(&[(SHIPPED_NAME, &text)]).unwrap();
    assert_eq!(registry.fingerprint(), Registry::shipped().fingerprint());
}

#[test]
fn clash_of_names_names_both_concepts_and_files() {
    let text = "version = 1\n[[concept]]\nid = 'stirring'\nnames = ['micro-arousals']\nkind = 'event'\nsources = ['scored']\n";
    assert_eq!(
        problem(text),
        "`own.toml`, concept `stirring`: the name `micro-arousals` already belongs to the concept `arousal` of `registry.toml`"
    );
}

#[test]
fn errors_name_file_entry_field_and_expectation() {
    let entry =
        |fields: &str| format!("version = 1\n[[concept]]\nid = 'x1'\nnames = ['x one']\n{fields}");
    for (fields, expected) in [
        (
            "kind = 'event'\nsources = []",
            "`own.toml`, concept `x1`: `sources` is empty; expected at least one of scored, signal, model",
        ),
        (
            "kind = 'measure'\nsources = ['signal']\nunit = 'minutes'",
            "`own.toml`, concept `x1`: `aggregate` is missing; expected it for a measure, and only there",
        ),
        (
            "kind = 'event'\nsources = ['scored']\nmembers = ['nothing']",
            "`own.toml`, concept `x1`: `members` is `nothing`; expected ids of concepts",
        ),
        (
            "kind = 'event'\nsources = ['scored']\nmembers = ['x1']",
            "`own.toml`, concept `x1`: `members` is `x1`; expected concepts that do not contain this one",
        ),
        (
            "kind = 'event'\nsources = ['model']",
            "`own.toml`, concept `x1`: `prompts` is empty; expected prompts and negatives, because the model answers and no prompt set has a label of that id",
        ),
    ] {
        assert_eq!(problem(&entry(fields)), expected);
    }
    let unknown = problem(&entry("kind = 'dream'\nsources = ['scored']"));
    assert!(
        unknown.starts_with(
            "`own.toml`, concept `x1`: unknown variant `dream`, expected one of `stage`"
        ),
        "{unknown}"
    );
    assert!(
        problem("version = 1\n[[concept]]\nnames = []")
            .starts_with("`own.toml`, concept `#1`: missing field `id`")
    );
    assert_eq!(
        problem("concept = []"),
        "`own.toml`: `version` is missing; expected a number, which grows with every change"
    );
}

#[test]
fn files_are_read_from_paths() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.toml");
    assert!(matches!(Registry::with_files(std::slice::from_ref(&path)), Err(Error::Io { .. })));
    std::fs::write(&path, "version = 1\nconcept = []\n").unwrap();
    assert_eq!(
        Registry::with_files(&[path]).unwrap().concepts().len(),
        Registry::shipped().concepts().len()
    );
}
