//! The weights in a bundle, from which training can continue.
//!
//! The graphs hold products of weights and cannot be trained further. Of the two tables over the vocabulary, the file
//! has only the rows of tokens seen in training; the others are noise and are initialised again.

use nocturne_encoder::Bundle;
use nocturne_encoder::bundle::{CONFIG, TRAINED_TOKENS, WEIGHTS};

use crate::config::ModelConfig;
use crate::error::{Error, Result};
use crate::host_tensor::HostTensor;
use crate::tokens::TokenSet;
use crate::weights::Weights;

/// Table of token embeddings, `[vocabulary, width]`.
const VECTORS: &str = "text.token_embedding.weight";
/// Projection to the vocabulary, `[width, vocabulary]`.
const PROJECTION: &str = "text_decoder.text_projection";
/// Seed of the rows that are initialised again.
const SEED: u64 = 1;

/// Adds weights and configuration to a bundle exported from them, so that training can start from it.
///
/// # Errors
///
/// [`Error::Io`] and [`Error::Bundle`].
pub fn keep_weights(
    bundle: &Bundle,
    weights: &Weights,
    config: &ModelConfig,
    trained: Option<&TokenSet>,
) -> Result<Bundle> {
    let mut kept = weights.clone();
    if let Some(tokens) = trained {
        for (name, is_row) in [(VECTORS, true), (PROJECTION, false)] {
            if let Some(table) = weights.get(name) {
                let HostTensor { shape, values } = taken(table, is_row, tokens);
                kept.insert(name, shape, values);
            }
        }
    }
    kept.write(&bundle.file(WEIGHTS))?;
    config.write(&bundle.file(CONFIG))?;
    let manifest = bundle.manifest().clone();
    let mut files: Vec<String> = manifest.files.keys().cloned().collect();
    files.extend([WEIGHTS, CONFIG].map(str::to_owned));
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    Ok(Bundle::seal(bundle.folder(), manifest, &files)?)
}

/// Returns the configuration, the weights and the seen tokens of a bundle with weights.
///
/// # Errors
///
/// [`Error::NoWeights`] if the bundle has none, [`Error::Io`], [`Error::Parse`] and [`Error::Format`].
pub(crate) fn read_weights(bundle: &Bundle) -> Result<(ModelConfig, Weights, TokenSet)> {
    if !bundle.manifest().files.contains_key(WEIGHTS) {
        return Err(Error::NoWeights { path: bundle.folder().to_owned() });
    }
    let config = ModelConfig::read(&bundle.verified(CONFIG)?)?;
    let mut weights = Weights::read(&bundle.verified(WEIGHTS)?)?;
    let size = config.text_cfg.vocab_size;
    if !bundle.manifest().files.contains_key(TRAINED_TOKENS) {
        return Ok((config, weights, TokenSet::all(size)));
    }
    let path = bundle.verified(TRAINED_TOKENS)?;
    let bits = std::fs::read(&path).map_err(Error::io(&path, "read"))?;
    let tokens = TokenSet::from_bytes(bits, size).ok_or_else(|| {
        Error::format(&path, format!("its length does not match a vocabulary of {size} tokens"))
    })?;
    let drawn = Weights::initial_parts(&config, &weights.parts(&config.biosignals_cfg), SEED);
    for (name, is_row) in [(VECTORS, true), (PROJECTION, false)] {
        let (Some(kept), Some(table)) = (weights.get(name), drawn.get(name)) else { continue };
        let expected = taken(table, is_row, &tokens).shape;
        if kept.shape != expected {
            let problem = format!("`{name}` has shape {:?}; expected {expected:?}", kept.shape);
            return Err(Error::format(&bundle.file(WEIGHTS), problem));
        }
        let HostTensor { shape, values } = put_back(table.clone(), kept, is_row, &tokens);
        weights.insert(name, shape, values);
    }
    Ok((config, weights, tokens))
}

/// Returns the flat indices of the numbers of some tokens, which are rows or columns of a table.
fn places(table: &[usize], is_row: bool, tokens: &TokenSet) -> Vec<usize> {
    let [rows, columns] = [table[0], table[1]];
    if is_row {
        tokens.tokens().flat_map(|row| row * columns..(row + 1) * columns).collect()
    } else {
        (0..rows)
            .flat_map(|row| tokens.tokens().map(move |column| row * columns + column))
            .collect()
    }
}

fn taken(table: &HostTensor, is_row: bool, tokens: &TokenSet) -> HostTensor {
    let values = places(&table.shape, is_row, tokens).into_iter().map(|place| table.values[place]);
    let n = tokens.len();
    let shape = if is_row { vec![n, table.shape[1]] } else { vec![table.shape[0], n] };
    HostTensor { shape, values: values.collect() }
}

fn put_back(
    mut table: HostTensor,
    kept: &HostTensor,
    is_row: bool,
    tokens: &TokenSet,
) -> HostTensor {
    for (place, value) in places(&table.shape, is_row, tokens).into_iter().zip(&kept.values) {
        table.values[place] = *value;
    }
    table
}
