//! Model sizes inferred from weights, and errors for weights that do not match.

use nocturne_testing::require;
use nocturne_trainer::import::{CheckpointParts, layout};
use nocturne_trainer::{Checkpoint, Error, Import, ModelConfig, Preset, Weights, check_vocabulary};

use crate::checkpoint::{open, shared, torch};

/// Returns a model without a caption decoder in which all sizes differ.
fn config() -> ModelConfig {
    let mut config = Preset::Tiny.config();
    config.embed_dim = 24;
    config.text_cfg.vocab_size = 50;
    config.text_cfg.width = 96;
    config.text_cfg.heads = 3;
    config.text_cfg.layers = 1;
    config.text_cfg.context_length = 40;
    config.biosignals_cfg.num_temporal_layers = 3;
    config.biosignals_cfg.mlp_ratio = 2.5;
    config
}

fn weights() -> Weights {
    Weights::initial(&config(), 5)
}

/// Opens weights as a checkpoint of PyTorch.
fn checkpoint(weights: &Weights) -> Checkpoint {
    open(&torch::bytes(weights.iter())).unwrap()
}

/// Opens weights as a safetensors file, in which aliases are separate tensors.
fn safetensors(weights: &Weights) -> Checkpoint {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.pt");
    weights.write(&path).unwrap();
    Checkpoint::open(&path).unwrap()
}

/// Returns the weights with one tensor replaced or added.
fn with(name: &str, shape: &[usize], value: f32) -> Weights {
    let mut weights = weights();
    weights.insert(name, shape.to_vec(), vec![value; shape.iter().product()]);
    weights
}

fn without(name: &str) -> Weights {
    let mut rest = Weights::default();
    for (other, tensor) in weights().iter().filter(|(other, _)| *other != name) {
        rest.insert(other, tensor.shape.clone(), tensor.values.clone());
    }
    rest
}

fn error(weights: &Weights, given: Option<&ModelConfig>) -> String {
    Import::new(&safetensors(weights), given).unwrap_err().to_string()
}

#[test]
fn infers_all_sizes_of_the_published_layout() {
    let path = require!(shared("model_checkpoint.pt"));
    let checkpoint = Checkpoint::open(&path).unwrap();
    let import = Import::new(&checkpoint, None).unwrap();
    let published = ModelConfig::read(&shared("config.json").unwrap()).unwrap();
    assert_eq!(*import.config(), published);
    assert_eq!(import.parts(), CheckpointParts { captions: true, reconstruction: true });
    assert_eq!(
        import.notices(),
        [
            "the weights do not determine the heads of the text tower: \
             assuming 4 of width 16, as in the signal tower",
            "the weights do not determine the heads of the caption decoder: \
             assuming 4 of width 16, as in the signal tower",
        ]
    );
    let mut read = 0;
    let weights = import.read(&mut |n| read = n).unwrap();
    assert_eq!((read, weights.iter().count()), (183, 183));
    let error = check_vocabulary(import.config()).unwrap_err();
    assert!(matches!(error, Error::Config { field: "text_cfg.vocab_size", .. }), "{error}");
}

#[test]
fn base_layout_matches_the_published_keys() {
    let path = require!(shared("../state_dict_keys.json"));
    let keys: Vec<serde_json::Value> =
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let shape = |key: &serde_json::Value| {
        let axes = key["shape"].as_array().unwrap().iter();
        axes.map(|length| length.as_u64().unwrap() as usize).collect::<Vec<_>>()
    };
    let published: torch::Shapes =
        keys.iter().map(|key| (key["key"].as_str().unwrap().to_owned(), shape(key))).collect();
    let parts = CheckpointParts { captions: true, reconstruction: false };
    assert_eq!(layout(&Preset::Base.config(), parts), published);
}

#[test]
fn overrides_the_fields_that_the_published_demo_overrides() {
    let path = require!(shared("model_checkpoint.pt"));
    let checkpoint = Checkpoint::open(&path).unwrap();
    let mut given = ModelConfig::read(&shared("config.json").unwrap()).unwrap();
    (given.prefix_len, given.num_caption_channels) = (1, 12);
    let import = Import::new(&checkpoint, Some(&given)).unwrap();
    assert_eq!((import.config().prefix_len, import.config().num_caption_channels), (2, 5));
    assert_eq!(
        import.notices(),
        [
            "`num_caption_channels` is 12 in the configuration; the weights have 5, which is used",
            "`prefix_len` is 1 in the configuration; the published demo has 2, which is used",
        ]
    );
}

#[test]
fn infers_models_without_captions() {
    let weights = weights();
    let checkpoint = checkpoint(&weights);
    let import = Import::new(&checkpoint, None).unwrap();
    assert_eq!(import.parts(), CheckpointParts { captions: false, reconstruction: false });
    let (actual, expected) = (import.config(), config());
    assert_eq!(actual.embed_dim, expected.embed_dim);
    assert_eq!(actual.text_cfg, expected.text_cfg);
    let mut signal = expected.biosignals_cfg;
    // Fields that weights do not determine have the published values.
    signal.dropout = Preset::Base.config().biosignals_cfg.dropout;
    assert_eq!(actual.biosignals_cfg, signal);
    assert_eq!(import.read(&mut |_| {}).unwrap(), weights);
}

#[test]
fn takes_undetermined_fields_from_the_configuration() {
    let mut given = config();
    given.text_cfg.heads = 8;
    given.biosignals_cfg.dropout = 0.25;
    let checkpoint = checkpoint(&weights());
    let import = Import::new(&checkpoint, Some(&given)).unwrap();
    assert_eq!(*import.config(), given);
    assert!(import.notices().is_empty());
}

#[test]
fn contradictions_are_listed_with_both_values() {
    let mut given = config();
    given.embed_dim = 512;
    given.biosignals_cfg.transformer_heads = 4;
    given.biosignals_cfg.mlp_ratio = 3.0;
    given.text_cfg.layers = 12;
    assert_eq!(
        error(&weights(), Some(&given)),
        "the configuration contradicts the weights: `embed_dim` is 512, in the weights 24; \
         `biosignals_cfg.transformer_heads` is 4, in the weights 2; \
         `biosignals_cfg.mlp_ratio` is 3, in the weights 2.5; \
         `text_cfg.layers` is 12, in the weights 1"
    );
}

#[test]
fn mismatched_names_are_listed() {
    assert_eq!(
        error(&without("text.cls_emb"), None),
        "the weights do not fit the configuration: missing `text.cls_emb`"
    );
    assert_eq!(
        error(&with("text.attn_mask", &[1], 0.0), None),
        "the weights do not fit the configuration: unexpected `text.attn_mask`"
    );
    assert_eq!(
        error(&with("text.cls_emb", &[97], 0.0), None),
        "the weights do not fit the configuration: `text.cls_emb` has shape [97], expected [96]"
    );
    let other = with("x", &[1], 0.0).iter().filter(|(name, _)| *name == "x").fold(
        Weights::default(),
        |mut other, (name, tensor)| {
            other.insert(name, tensor.shape.clone(), tensor.values.clone());
            other
        },
    );
    let actual = error(&other, None);
    assert!(actual.contains("missing `biosignals.patching.conv_patching.weight`, "), "{actual}");
}

#[test]
fn rejects_an_incomplete_caption_decoder() {
    assert_eq!(
        error(&with("padding_embedding", &[64], 0.0), None),
        "the weights do not fit the configuration: missing `channel_embeddings`, \
         `text_decoder.text_projection`, `text_decoder.resblocks.0.mlp.c_fc.weight`"
    );
}

#[test]
fn rejects_undetermined_or_invalid_sizes() {
    assert_eq!(
        error(&with("text.positional_embedding", &[41], 0.0), None),
        "cannot derive the model's sizes from the weights: \
         `text.positional_embedding` has shape [41]; expected 2 non-empty axes"
    );
    assert_eq!(
        error(&with("biosignals.shared_channel_rope.freqs", &[5], 0.0), None),
        "cannot derive the model's sizes from the weights: \
         the width 64 of the signal tower is not a multiple of the head width 10"
    );
    assert_eq!(
        error(&with("biosignals.channel_id_embed.weight", &[12, 64], 0.0), None),
        "the configuration's `biosignals_cfg.input_channels` is `12`; expected 10"
    );
}

#[test]
fn rejects_non_finite_values() {
    let checkpoint = checkpoint(&with("text.cls_emb", &[96], f32::NAN));
    let error = Import::new(&checkpoint, None).unwrap().read(&mut |_| {}).unwrap_err();
    assert_eq!(
        crate::checkpoint::message_of(&error),
        "`x.pt` is invalid: `text.cls_emb` has a non-finite value"
    );
}

#[test]
fn rejects_aliases_of_the_frequencies_that_differ() {
    let name = "biosignals.transformer_blocks.1.channel_attention.rotary_emb.freqs";
    let checkpoint = safetensors(&with(name, &[16], 1.0));
    let error = Import::new(&checkpoint, None).unwrap().read(&mut |_| {}).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "the weights `{name}` and `biosignals.shared_channel_rope.freqs` differ; \
             they are two names of one tensor"
        )
    );
}
