//! Models for tests, without ONNX Runtime: texts are encoded by a table.

use std::collections::BTreeMap;

use nocturne_encoder::bundle::{Manifest, Preprocessing, TokenizerSpec, Training};
use nocturne_psg::ZScore;

/// The manifest of a bundle with embeddings of `dim` numbers and no calibration.
pub(crate) fn manifest(dim: usize) -> Manifest {
    Manifest {
        format: 1,
        name: "small".to_owned(),
        embedding_dim: dim,
        logit_scale: 1.0,
        preprocessing: Preprocessing {
            montage: "sleeplm-10".to_owned(),
            z_score: ZScore::Recording,
        },
        tokenizer: TokenizerSpec {
            kind: "clip-bpe".to_owned(),
            context: 256,
            vocabulary_size: 49_408,
        },
        parameters: BTreeMap::new(),
        training: Training { data: String::new(), licence: String::new(), command: String::new() },
        files: BTreeMap::new(),
        precision: None,
        calibration: BTreeMap::new(),
    }
}
