//! Names, shapes and counts of the published model.

#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]
#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

use std::collections::BTreeMap;
use std::path::Path;

use nocturne_trainer::weights::{is_buffer, layout};
use nocturne_trainer::{Parts, Preset};
use serde::Deserialize;

#[derive(Deserialize)]
struct Key {
    key: String,
    shape: Vec<usize>,
}

/// Reads a list of keys of the published model, or says that the test is skipped.
fn published(name: &str) -> Option<BTreeMap<String, Vec<usize>>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/goldens").join(name);
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: no `{}`", path.display());
        return None;
    };
    let keys: Vec<Key> = serde_json::from_str(&text).unwrap();
    Some(keys.into_iter().map(|Key { key, shape }| (key, shape)).collect())
}

fn base(parts: fn(&Parts) -> Parts) -> BTreeMap<String, Vec<usize>> {
    let config = Preset::Base.config();
    layout(&config, &parts(&Parts::all(&config.biosignals_cfg)))
}

const WITHOUT_HEAD: fn(&Parts) -> Parts = |all| Parts { reconstruction: None, ..*all };

#[test]
fn base_has_every_published_key_and_no_other() {
    let Some(mut expected) = published("state_dict_keys.json") else { return };
    assert_eq!(base(WITHOUT_HEAD), expected);
    let Some(head) = published("state_dict_keys_signal_decoder.json") else { return };
    expected.extend(head);
    assert_eq!(base(|all| *all), expected);
}

#[test]
fn base_has_the_published_number_of_weights() {
    let count = |layout: &BTreeMap<String, Vec<usize>>, is_counted: fn(&str) -> bool| -> usize {
        let counted = layout.iter().filter(|(name, _)| !is_buffer(name) && is_counted(name));
        counted.map(|(_, shape)| shape.iter().product::<usize>()).sum()
    };
    let model = base(WITHOUT_HEAD);
    assert_eq!(count(&model, |_| true), 385_408_033);
    assert_eq!(count(&model, |name| name.starts_with("biosignals.")), 53_736_480);
    assert_eq!(count(&model, |name| name.starts_with("text.")), 123_592_704);
    assert_eq!(count(&model, |name| name.starts_with("text_decoder.")), 208_074_240);
    assert_eq!(count(&model, |name| !name.contains('.') || name == "logit_scale"), 4_609);
    assert_eq!(count(&base(|all| *all), |_| true), 402_549_409);
}

#[test]
fn towers_alone_have_nothing_of_the_other_parts() {
    let towers = layout(&Preset::Base.config(), &Parts::towers());
    assert!(towers.keys().all(|name| {
        ["text.", "biosignals.", "logit_scale"].iter().any(|begin| name.starts_with(begin))
    }));
}
