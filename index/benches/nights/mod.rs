//! Nights to measure with, made from a seed: epochs lie in clusters, as stages and subjects make them.

use std::path::Path;

use anyhow::Result;
use nocturne_encoder::Embedding;
use nocturne_encoder::bundle::Preprocessing;
use nocturne_index::{CollectionWriter, EpochPoint, RecordingDraft, Space};
use nocturne_psg::montage::ChannelMask;
use nocturne_psg::{EpochNumber, EventSet, Quality, RecordingId, ZScore};
use rand::RngExt;
use rand_pcg::Pcg64Mcg;

/// Epochs of one recording.
const NIGHT: usize = 960;
/// Clusters in which epochs lie.
const CLUSTERS: usize = 200;

/// Returns the middles of the clusters.
pub(crate) fn centres(dim: usize, random: &mut Pcg64Mcg) -> Vec<Vec<f32>> {
    (0..CLUSTERS).map(|_| direction(dim, random)).collect()
}

/// Writes nights of epochs that lie in clusters.
pub(crate) fn fill(
    folder: &Path,
    n_epochs: usize,
    centres: &[Vec<f32>],
    random: &mut Pcg64Mcg,
) -> Result<()> {
    let mut writer = CollectionWriter::create(folder, &space(centres[0].len()))?;
    for night in 0..n_epochs.div_ceil(NIGHT) {
        let n = NIGHT.min(n_epochs - night * NIGHT);
        writer.commit(draft(night, n, centres, random)?)?;
    }
    Ok(())
}

/// Returns a space of vectors of so many numbers.
pub(crate) fn space(dim: usize) -> Space {
    Space {
        bundle: "bench".into(),
        fingerprint: "bench".into(),
        dim,
        preprocessing: Preprocessing { montage: "sleeplm-10".into(), z_score: ZScore::Recording },
    }
}

/// Returns a night of so many epochs.
pub(crate) fn draft(
    night: usize,
    n_epochs: usize,
    centres: &[Vec<f32>],
    random: &mut Pcg64Mcg,
) -> Result<RecordingDraft> {
    let epochs = (0..n_epochs).map(|number| -> Result<EpochPoint> {
        Ok(EpochPoint {
            number: EpochNumber(number as u32),
            onset_s: 30.0 * number as f64,
            mask: ChannelMask::ALL,
            quality: Quality::default(),
            stage: None,
            events: EventSet::EMPTY,
            vector: near_one_of(centres, random)?,
        })
    });
    Ok(RecordingDraft {
        id: RecordingId::new(format!("night-{night:05}"))?,
        source: format!("night-{night:05}.edf"),
        source_sha256: String::new(),
        annotations_sha256: None,
        start: None,
        metadata: std::collections::BTreeMap::default(),
        montage: serde_json::Value::Null,
        events: None,
        epochs: epochs.collect::<Result<_>>()?,
        captions: vec![],
    })
}

/// Returns an epoch of one of the clusters.
pub(crate) fn near_one_of(centres: &[Vec<f32>], random: &mut Pcg64Mcg) -> Result<Embedding> {
    let centre = &centres[random.random_range(0..centres.len())];
    let away = direction(centre.len(), random);
    let vector = centre.iter().zip(away).map(|(centre, away)| centre + 0.5 * away).collect();
    Ok(Embedding::new(vector)?)
}

/// Returns a direction that is uniform enough: numbers of a cube, brought to length 1.
fn direction(dim: usize, random: &mut Pcg64Mcg) -> Vec<f32> {
    let vector: Vec<f32> = (0..dim).map(|_| random.random_range(-1.0..1.0)).collect();
    let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
    vector.into_iter().map(|number| number / length).collect()
}
