//! Captions of a fixture as ids, with the parameters of their search.

use std::path::Path;

use nocturne_encoder::caption::{DecodingOptions, DecodingStrategy, TextLimits};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::fixture_tensors::{FixtureTensors, of_ids};
use super::fixtures::{FixtureInputs, Fixtures, json};
use crate::config::ModelConfig;
use crate::error::Result;
use crate::model::NO_CONDITION;

/// A caption that the reference generated.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CaptionCase {
    /// The name of its row.
    pub(super) name: String,
    pub(super) epoch: usize,
    pub(super) condition: Vec<i64>,
    pub(super) strategy: DecodingStrategy,
    pub(super) start: u32,
    pub(super) end: u32,
    /// Minimum number of ids before a text may end.
    pub(super) min_length: usize,
    /// Maximum number of ids.
    pub(super) max_length: usize,
}

const META: &str = "meta.json";
const GENERATION_EOS: &str = "generation_eos.json";

/// The special tokens, and captions that were cut at a fixed length.
#[derive(Deserialize)]
struct GenerationMeta {
    sot: u32,
    eot: u32,
    generation: Option<Generation>,
}

#[derive(Deserialize)]
struct Generation {
    seq_len: usize,
    min_seq_len: usize,
    cases: Vec<MetaCase>,
}

/// Captions of one epoch: `greedy`, and `beam3x3` for three beams in three groups.
#[derive(Deserialize)]
struct MetaCase {
    signal: usize,
    channel_indices: Vec<i64>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

#[derive(Deserialize)]
struct GenerationEos {
    cases: Vec<EosCase>,
}

/// Captions of one epoch, or of all epochs as one batch, with their own end token.
#[derive(Deserialize)]
struct EosCase {
    signal: Value,
    channel_indices: Option<Vec<i64>>,
    eos: u32,
    seq_len: usize,
    min_seq_len: usize,
    beams: usize,
    groups: usize,
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// Reads the captions of a folder; both files may be absent.
pub(super) fn read(folder: &Path, fixtures: &mut Fixtures) -> Result<()> {
    let meta: Option<GenerationMeta> = fixtures.optional(folder, META, json)?;
    let ended: Option<GenerationEos> = fixtures.optional(folder, GENERATION_EOS, json)?;
    let Some(GenerationMeta { sot, eot, generation }) = meta else { return Ok(()) };
    let mut lists = CaptionLists { start: sot, expected: FixtureTensors::new(), cases: Vec::new() };
    if let Some(generation) = generation {
        for (number, case) in generation.cases.iter().enumerate() {
            lists.add_meta(number, case, &generation, eot);
        }
    }
    fixtures.expect(META, std::mem::take(&mut lists.expected));
    for (number, case) in ended.map(|ended| ended.cases).iter().flatten().enumerate() {
        lists.add_ended(number, case, &fixtures.inputs);
    }
    fixtures.expect(GENERATION_EOS, lists.expected);
    fixtures.captions = lists.cases;
    Ok(())
}

/// Collected captions: every list of ids in a file becomes a row.
struct CaptionLists {
    start: u32,
    expected: FixtureTensors,
    cases: Vec<CaptionCase>,
}

impl CaptionLists {
    fn add_meta(&mut self, number: usize, case: &MetaCase, generation: &Generation, end: u32) {
        for (key, ids) in lists_of(&case.others) {
            let name = format!("generation.{number}.{key}");
            self.expected.insert(name.clone(), of_ids(&ids));
            // An unknown search stays a row, which fails because it is not computed.
            let Some(strategy) = strategy_of(key) else { continue };
            self.cases.push(CaptionCase {
                name,
                epoch: case.signal,
                condition: case.channel_indices.clone(),
                strategy,
                start: self.start,
                end,
                min_length: generation.min_seq_len,
                max_length: generation.seq_len,
            });
        }
    }

    fn add_ended(&mut self, number: usize, case: &EosCase, inputs: &FixtureInputs) {
        let EosCase { beams, groups, .. } = *case;
        let of = |name: String, epoch: usize, condition: Vec<i64>, key: &str| CaptionCase {
            name,
            epoch,
            condition,
            strategy: strategy_of(key).unwrap_or_else(|| group_beam_search(beams, groups)),
            start: self.start,
            end: case.eos,
            min_length: case.min_seq_len,
            max_length: case.seq_len,
        };
        let mut found = Vec::new();
        if let (Some(epoch), Some(condition)) = (case.signal.as_u64(), &case.channel_indices) {
            for (key, ids) in lists_of(&case.others) {
                let name = format!("generation_eos.{number}.{key}");
                found.push((of(name, epoch as usize, condition.clone(), key), ids));
            }
        }
        // A batch: one list for each epoch, with the conditions of the inputs.
        for (key, value) in &case.others {
            let rows = value.as_array().into_iter().flatten().map(ids_of);
            for (epoch, mut ids) in rows.enumerate().filter_map(|(epoch, ids)| Some((epoch, ids?)))
            {
                // Ids that end early are padded to the longest of the batch.
                ids.truncate(
                    ids.iter().position(|id| *id == case.eos).map_or(ids.len(), |end| end + 1),
                );
                let name = format!("generation_eos.{number}.{key}.{epoch}");
                let condition = inputs.conditions.get(epoch).cloned().unwrap_or_default();
                found.push((of(name, epoch, condition, key), ids));
            }
        }
        for (case, ids) in found {
            self.expected.insert(case.name.clone(), of_ids(&ids));
            self.cases.push(case);
        }
    }
}

impl CaptionCase {
    /// Returns whether the epoch and every requested kind exist.
    pub(super) fn is_within(&self, config: &ModelConfig, epochs: usize) -> bool {
        let kinds = NO_CONDITION..config.num_caption_channels as i64;
        let ids = 0..config.text_cfg.vocab_size as u32;
        self.epoch < epochs
            && self.condition.iter().all(|kind| kinds.contains(kind))
            && ids.contains(&self.start)
            && ids.contains(&self.end)
            && self.search().check(config.text_cfg.context_length).is_ok()
    }

    pub(super) fn search(&self) -> DecodingOptions {
        let Self { strategy, min_length, max_length, .. } = *self;
        DecodingOptions { strategy, min_length, max_length, end_token: Some(self.end) }
    }

    pub(super) fn limits(&self) -> TextLimits {
        let Self { start, end, min_length, max_length, .. } = *self;
        TextLimits { start_token: start, end_token: end, min_length, max_length }
    }
}

/// Returns the lists of ids of a case.
fn lists_of(fields: &Map<String, Value>) -> impl Iterator<Item = (&str, Vec<u32>)> {
    fields.iter().filter_map(|(key, value)| Some((key.as_str(), ids_of(value)?)))
}

fn ids_of(value: &Value) -> Option<Vec<u32>> {
    value.as_array()?.iter().map(|id| u32::try_from(id.as_u64()?).ok()).collect()
}

/// Reads `greedy`, or `beam6x3`: six beams in three groups.
fn strategy_of(key: &str) -> Option<DecodingStrategy> {
    if key == "greedy" {
        return Some(DecodingStrategy::Greedy);
    }
    let (beams, groups) = key.strip_prefix("beam")?.split_once('x')?;
    Some(group_beam_search(beams.parse().ok()?, groups.parse().ok()?))
}

/// Returns the equivalent of the reference's group beam search.
///
/// The reference has no diversity penalty between groups, so each group finds the same as a single search of its width.
fn group_beam_search(beams: usize, groups: usize) -> DecodingStrategy {
    DecodingStrategy::BeamSearch { beams: beams / groups.max(1) }
}
