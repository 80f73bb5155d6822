//! Writes a bundle in a lower precision and measures the effect.

use std::path::Path;

use nocturne_encoder::bundle::{
    self, BundleManifest, CAPTIONER, CosineAgreement, SIGNAL_TOWER, TEXT_TOWER,
};
use nocturne_encoder::{
    BatchOptions, Bundle, Device, Embedding, PromptSet, Runtime, SignalEncoder, TextEncoder,
};
use nocturne_psg::edf::durable;
use nocturne_psg::{Night, Recording, ZScore};
use nocturne_simulator::{NightSpec, simulate};

use crate::error::{Error, Result};
use crate::onnx::{GraphPrecision, OnnxModel};

/// The simulated night on which epoch embeddings are compared.
const NIGHT: NightSpec = NightSpec { seed: 41, night: 1, hours: 4.0, site: None };
/// Every 15th epoch is compared.
const STRIDE: usize = 15;

/// Writes a bundle of 32-bit floats in another precision, and opens it.
///
/// The manifest states the cosines between the embeddings of both bundles, for epochs of a simulated night and for all
/// prompts. The vectors are close but not equal, so the fingerprint differs.
///
/// # Errors
///
/// [`Error::Exists`] if the folder already exists; [`Error::Format`] if a graph was not written by this package or a
/// weight is outside the range of the numbers; [`Error::Io`], [`Error::Recording`], [`Error::Simulator`]
/// and [`Error::Bundle`].
pub fn reduce_bundle(
    bundle: &Bundle,
    folder: &Path,
    precision: GraphPrecision,
    runtime: Runtime,
) -> Result<Bundle> {
    if folder.exists() {
        return Err(Error::Exists { path: folder.to_owned() });
    }
    let temporary = durable::temporary(folder);
    if temporary.exists() {
        std::fs::remove_dir_all(&temporary).map_err(Error::io(&temporary, "remove"))?;
    }
    std::fs::create_dir_all(&temporary).map_err(Error::io(&temporary, "create"))?;
    let manifest = bundle.manifest();
    let files: Vec<&str> = manifest.files.keys().map(String::as_str).collect();
    for name in &files {
        let (from, to) = (bundle.verified(name)?, temporary.join(name));
        if let Some(precision) = precision_of(name, precision) {
            let reduced = OnnxModel::read(&from)?.in_precision(precision);
            reduced.map_err(|problem| Error::format(&from, problem))?.write(&to)?;
        } else {
            let bytes = std::fs::read(&from).map_err(Error::io(&from, "read"))?;
            durable::write(&to, &bytes).map_err(Error::io(&to, "write"))?;
        }
    }
    let reduced = Bundle::seal(&temporary, manifest.clone(), &files)?;
    let night = simulated(&temporary, manifest.preprocessing.z_score)?;
    let measured = bundle::Precision {
        name: precision.to_string(),
        signal: agreement(&epochs(runtime, bundle, &night)?, &epochs(runtime, &reduced, &night)?),
        text: agreement(&prompts(runtime, bundle)?, &prompts(runtime, &reduced)?),
    };
    let manifest = BundleManifest { precision: Some(measured), ..manifest.clone() };
    Bundle::seal(&temporary, manifest, &files)?;
    durable::rename_folder(&temporary, folder).map_err(Error::io(folder, "rename a folder to"))?;
    Ok(Bundle::open(folder)?)
}

/// Returns the precision of a file of a bundle, or `None` if the file is not a graph.
///
/// Signals take the time, a thousand epochs a night. A text is a short row of tokens through many more layers, whose
/// rounding errors add up: with integers the error would be ten times larger, to save milliseconds.
fn precision_of(file: &str, precision: GraphPrecision) -> Option<GraphPrecision> {
    match (file, precision) {
        (TEXT_TOWER | CAPTIONER, GraphPrecision::Int8) => Some(GraphPrecision::Fp16),
        (SIGNAL_TOWER | TEXT_TOWER | CAPTIONER, precision) => Some(precision),
        (
            _,
            GraphPrecision::Fp32
            | GraphPrecision::Fp16
            | GraphPrecision::Bf16
            | GraphPrecision::Int8,
        ) => None,
    }
}

/// Encodes some epochs of a night.
fn epochs(runtime: Runtime, bundle: &Bundle, night: &Night) -> Result<Vec<Embedding>> {
    let mut encoder = SignalEncoder::open(runtime, bundle, Device::Cpu, BatchOptions::default())?;
    let some: Vec<usize> = (0..night.epochs().len()).step_by(STRIDE).collect();
    let mut embeddings = Vec::with_capacity(some.len());
    for batch in some.chunks(BatchOptions::default().batch_size) {
        embeddings.extend(encoder.encode_epochs(night, batch)?);
    }
    Ok(embeddings)
}

/// Simulates the night in a temporary subfolder.
fn simulated(folder: &Path, z_score: ZScore) -> Result<Night> {
    let folder = folder.join("night");
    std::fs::create_dir_all(&folder).map_err(Error::io(&folder, "create"))?;
    let written = simulate(&NIGHT).write(&folder)?;
    let night = Night::read(&Recording::open(&written.recording)?, z_score)?;
    std::fs::remove_dir_all(&folder).map_err(Error::io(&folder, "remove"))?;
    Ok(night)
}

/// Encodes every wording of every prompt set.
fn prompts(runtime: Runtime, bundle: &Bundle) -> Result<Vec<Embedding>> {
    let mut encoder = TextEncoder::open(runtime, bundle, Device::Cpu, BatchOptions::default())?;
    let labels = PromptSet::stages().labels.iter().chain(&PromptSet::events().labels);
    let texts: Vec<&String> =
        labels.flat_map(|label| label.prompts.iter().chain(&label.negatives)).collect();
    let encoded = encoder.encode_all(&texts)?;
    Ok(encoded.into_iter().map(|text| text.embedding).collect())
}

fn agreement(exact: &[Embedding], reduced: &[Embedding]) -> CosineAgreement {
    let cosines = || exact.iter().zip(reduced).map(|(exact, reduced)| exact.cosine(reduced));
    CosineAgreement {
        cosine_min: cosines().fold(1.0, f32::min),
        cosine_mean: cosines().sum::<f32>() / exact.len() as f32,
    }
}
