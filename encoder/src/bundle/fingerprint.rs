//! The fingerprint of a bundle: a hash of everything that changes a vector.
//!
//! It is the SHA-256 of these fields, in this order, as lower-case hexadecimal.
//! Each field is its length in bytes as an unsigned 64-bit little-endian integer, followed by its bytes in UTF-8, so that
//! no two lists of fields have the same bytes.
//!
//! | field | example |
//! |---|---|
//! | the words `nocturne bundle` | `nocturne bundle` |
//! | SHA-256 of `signal.onnx`, in lower-case hexadecimal | `49d7…` |
//! | SHA-256 of `text.onnx` | `b0ee…` |
//! | SHA-256 of the vocabulary | `9246…` |
//! | `preprocessing.montage` | `sleeplm-10` |
//! | `preprocessing.z_score`: `recording` or `epoch` | `recording` |
//! | `tokenizer.kind` | `clip-bpe` |
//! | `tokenizer.context`, in decimal | `256` |
//! | `tokenizer.vocabulary_size`, in decimal | `49408` |
//! | `embedding_dim`, in decimal | `64` |

use nocturne_psg::ZScore;
use nocturne_psg::hash::hex;
use sha2::{Digest, Sha256};

use super::manifest::{BundleManifest, Preprocessing, TokenizerSpec};
use super::{SIGNAL_TOWER, TEXT_TOWER, VOCABULARY};

/// Returns the fingerprint of a bundle with this manifest.
pub(super) fn fingerprint(manifest: &BundleManifest) -> String {
    let Preprocessing { montage, z_score } = &manifest.preprocessing;
    let TokenizerSpec { kind, context, vocabulary_size } = &manifest.tokenizer;
    let hash_of =
        |name| manifest.files.get(name).map_or_else(String::new, |hash| hash.to_ascii_lowercase());
    let z_score = match z_score {
        ZScore::Recording => "recording",
        ZScore::Epoch => "epoch",
    };
    let fields = [
        "nocturne bundle",
        &hash_of(SIGNAL_TOWER),
        &hash_of(TEXT_TOWER),
        &hash_of(VOCABULARY),
        montage,
        z_score,
        kind,
        &context.to_string(),
        &vocabulary_size.to_string(),
        &manifest.embedding_dim.to_string(),
    ];
    let mut hash = Sha256::new();
    for field in fields {
        hash.update((field.len() as u64).to_le_bytes());
        hash.update(field);
    }
    hex(hash.finalize())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::manifest::{FORMAT, Training};
    use super::*;

    fn manifest() -> BundleManifest {
        let file = |name: &str, digit: &str| (name.to_owned(), digit.repeat(64));
        let files = [file(SIGNAL_TOWER, "1"), file(TEXT_TOWER, "2"), file(VOCABULARY, "3")].into();
        let z_score = ZScore::Recording;
        BundleManifest {
            format: FORMAT,
            name: "tiny".to_owned(),
            embedding_dim: 64,
            logit_scale: 10.0,
            preprocessing: Preprocessing { montage: "sleeplm-10".to_owned(), z_score },
            tokenizer: TokenizerSpec {
                kind: "clip-bpe".to_owned(),
                context: 256,
                vocabulary_size: 49_408,
            },
            parameters: BTreeMap::new(),
            training: Training {
                data: String::new(),
                licence: String::new(),
                command: String::new(),
            },
            files,
            precision: None,
        }
    }

    /// The expected value was computed in Python from the module documentation.
    #[test]
    fn fingerprint_has_its_documented_bytes() {
        assert_eq!(
            fingerprint(&manifest()),
            "68b5935079d2e92e25feae0b93e7cfdf1499f43a0869f8f882da865c692109c6"
        );
    }

    #[test]
    fn fingerprint_changes_with_everything_that_changes_a_vector() {
        let original = fingerprint(&manifest());
        let changes: [fn(&mut BundleManifest); 8] = [
            |it| it.embedding_dim = 65,
            |it| it.preprocessing.montage.push('1'),
            |it| it.preprocessing.z_score = ZScore::Epoch,
            |it| it.tokenizer.kind.clear(),
            |it| it.tokenizer.context = 77,
            |it| it.tokenizer.vocabulary_size = 1,
            |it| drop(it.files.insert(SIGNAL_TOWER.to_owned(), "4".repeat(64))),
            |it| drop(it.files.insert(TEXT_TOWER.to_owned(), "4".repeat(64))),
        ];
        for change in changes {
            let mut changed = manifest();
            change(&mut changed);
            assert_ne!(fingerprint(&changed), original);
        }
        let mut renamed = manifest();
        renamed.name = "other".to_owned();
        renamed.logit_scale = 1.0;
        assert_eq!(fingerprint(&renamed), original);
    }

    #[test]
    fn case_of_a_file_hash_does_not_matter() {
        let [mut lower, mut upper] = [manifest(), manifest()];
        lower.files.insert(TEXT_TOWER.to_owned(), "ab".repeat(32));
        upper.files.insert(TEXT_TOWER.to_owned(), "AB".repeat(32));
        assert_eq!(fingerprint(&lower), fingerprint(&upper));
    }
}
