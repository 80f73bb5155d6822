//! The column of ONNX Runtime: the exported graphs, as a bundle has them.

use nocturne_encoder::Memory;
use nocturne_encoder::Runtime;
use nocturne_encoder::caption::{CaptionCondition, Decoder};
use nocturne_psg::caption::CaptionKind;

use super::captions::CaptionCase;
use super::fixtures::Fixtures;
use super::tensors::{Tensors, of_ids};
use crate::model::NO_CONDITION;
use crate::onnx::probe::{Inputs, probe};
use crate::onnx::{GraphOptions, caption_decoder};
use crate::{HostTensor, Result, Weights};

/// Threads of a session; one, so that sums are always taken in the same order.
const THREADS: usize = 1;

/// Computes everything that a fixture may hold and a graph can give.
///
/// A bundle's graphs have the first two steps folded into one: those come from graphs without foldings,
/// and everything else from the graphs as they are shipped.
pub(super) fn compute(runtime: Runtime, weights: &Weights, fixtures: &Fixtures) -> Result<Tensors> {
    let (config, inputs) = (&fixtures.config, &fixtures.inputs);
    let inputs =
        Inputs { signals: &inputs.signals, texts: &inputs.texts, conditions: &inputs.conditions };
    let mut computed = probe(runtime, weights, config, inputs, true)?;
    for (name, tensor) in probe(runtime, weights, config, inputs, false)? {
        computed.entry(name).or_insert(tensor);
    }
    if weights.has_captioner() && !fixtures.captions.is_empty() {
        let captions = generated(runtime, weights, fixtures, &computed["signal_decoder_memory"])?;
        computed.extend(captions);
    }
    Ok(computed)
}

/// Returns the captions of the fixtures as ids, made by the decoder that keeps what it has computed.
fn generated(
    runtime: Runtime,
    weights: &Weights,
    fixtures: &Fixtures,
    memory: &HostTensor,
) -> Result<Tensors> {
    let config = &fixtures.config;
    let graph = caption_decoder(weights, config, None, GraphOptions::default())?.to_bytes();
    let mut decoder = Decoder::from_bytes(runtime, &graph, config.text_cfg.vocab_size, THREADS)?;
    let [tokens, width] = [memory.shape[1], memory.shape[2]];
    let mut computed = Tensors::new();
    for case in &fixtures.captions {
        if let Some(condition) = condition(case)
            && case.is_within(config, fixtures.inputs.epochs())
        {
            let start = case.epoch * tokens * width;
            let memory = Memory::new(width, memory.values[start..][..tokens * width].to_vec());
            let mut dictation = decoder.start(&memory, condition)?;
            let found = case.search().decode(&mut dictation, case.limits(), &mut |_| true)?;
            computed.insert(case.name.clone(), of_ids(&found.ids));
        }
    }
    Ok(computed)
}

/// Returns what the caption is to be about, in the words of a bundle, which knows of up to two kinds.
fn condition(case: &CaptionCase) -> Option<CaptionCondition> {
    let mut kinds = [None; 2];
    if case.condition.len() > kinds.len() {
        return None;
    }
    for (slot, number) in kinds.iter_mut().zip(&case.condition) {
        if *number != NO_CONDITION {
            *slot = Some(*CaptionKind::ALL.get(usize::try_from(*number).ok()?)?);
        }
    }
    Some(if case.condition.is_empty() {
        CaptionCondition::Unconditional
    } else {
        CaptionCondition::Kinds(kinds)
    })
}
