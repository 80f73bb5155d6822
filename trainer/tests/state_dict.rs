//! Names, shapes and counts of the published model.

use std::collections::BTreeMap;

use nocturne_testing::{Absent, golden, require};
use nocturne_trainer::weights::{is_buffer, layout};
use nocturne_trainer::{ModelParts, Preset};
use serde::Deserialize;

#[derive(Deserialize)]
struct Key {
    key: String,
    shape: Vec<usize>,
}

/// Reads a list of keys of the published model, or returns why it is absent.
fn published(name: &str) -> Result<BTreeMap<String, Vec<usize>>, Absent> {
    let text = std::fs::read_to_string(golden(name)?).unwrap();
    let keys: Vec<Key> = serde_json::from_str(&text).unwrap();
    Ok(keys.into_iter().map(|Key { key, shape }| (key, shape)).collect())
}

fn base(parts: fn(&ModelParts) -> ModelParts) -> BTreeMap<String, Vec<usize>> {
    let config = Preset::Base.config();
    layout(&config, &parts(&ModelParts::all(&config.biosignals_cfg)))
}

const WITHOUT_HEAD: fn(&ModelParts) -> ModelParts =
    |all| ModelParts { reconstruction: None, ..*all };

#[test]
fn base_has_exactly_the_published_keys() {
    let mut expected = require!(published("state_dict_keys.json"));
    assert_eq!(base(WITHOUT_HEAD), expected);
    let head = require!(published("state_dict_keys_signal_decoder.json"));
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
fn towers_have_no_weights_of_other_parts() {
    let towers = layout(&Preset::Base.config(), &ModelParts::towers());
    assert!(towers.keys().all(|name| {
        ["text.", "biosignals.", "logit_scale"].iter().any(|prefix| name.starts_with(prefix))
    }));
}
