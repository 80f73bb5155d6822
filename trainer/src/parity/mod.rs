//! Compares what a checkpoint computes here with what the published code computed of the same inputs.
//!
//! A folder of fixtures holds a configuration, inputs, and numbers that were written down by the reference:
//! `config.json`, `inputs.safetensors`, `outputs.safetensors`, and where there are any
//! `meta.json` and `generation_eos.json` (captions as ids), `train.safetensors` and `train.json`
//! (losses, gradients and a step of the optimizer).
//! Every number that is written down becomes a part of a [`Row`]; a tensor that nothing here computes is a row that fails.

mod captions;
mod compare;
mod derived;
mod fixtures;
mod onnx_runtime;
mod report;
mod tensors;
mod trainer;
mod training;

use std::path::Path;

pub use compare::{Comparison, Outcome, Tolerance};
pub use report::{Report, Row, Runtime};

use crate::{Checkpoint, Import, Result};
use fixtures::Fixtures;

/// Compares a checkpoint with the fixtures in a folder, in the trainer and, where it is given, in ONNX Runtime.
///
/// # Errors
///
/// Where a fixture or the checkpoint cannot be read: [`Error::Io`](crate::Error::Io),
/// [`Error::Format`](crate::Error::Format) and those of [`Checkpoint::open`];
/// where the weights are not those of the folder's configuration, those of [`Import::new`];
/// [`Error::Bundle`](crate::Error::Bundle) where ONNX Runtime fails.
pub fn parity(
    checkpoint: &Path,
    folder: &Path,
    runtime: Option<nocturne_encoder::Runtime>,
) -> Result<Report> {
    let mut fixtures = Fixtures::read(folder)?;
    let checkpoint = Checkpoint::open(checkpoint)?;
    let import = Import::new(&checkpoint, Some(&fixtures.config))?;
    fixtures.config = import.config().clone();
    let weights = import.read(&mut |_| ())?;
    let logit_scale = weights.need("logit_scale")?.values[0];
    let mut trainer = trainer::compute(&weights, &fixtures)?;
    derived::derive(&mut trainer, &fixtures, logit_scale);
    let mut report = Report::new(&fixtures);
    report.fill(&fixtures, Runtime::Trainer, &trainer);
    drop(trainer);
    if let Some(runtime) = runtime {
        let mut found = onnx_runtime::compute(runtime, &weights, &fixtures)?;
        derived::derive(&mut found, &fixtures, logit_scale);
        report.fill(&fixtures, Runtime::OnnxRuntime, &found);
    }
    Ok(report)
}
