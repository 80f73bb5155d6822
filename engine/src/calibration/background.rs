//! What a search finds for texts about things that no night shows.

use nocturne_concepts::EncodedNight;
use nocturne_concepts::calibration::Background;

use crate::error::Result;
use crate::live::live_collection::PinnedSpace;

/// Texts about things that no night of sleep shows in its signals; half of them are about medicine.
const ABSENT: &str = include_str!("absent_texts.txt");
/// Share of the texts that reach less than the background.
const SHARE: f64 = 0.95;
/// Maximum number of epochs that each text is compared with, evenly spread over the nights.
const MAX_EPOCHS: usize = 50_000;

/// Measures the best cosine of each absent text.
pub(super) fn measure(space: &PinnedSpace, nights: &[EncodedNight]) -> Result<Background> {
    let texts: Vec<&str> = ABSENT.lines().filter(|line| !line.is_empty()).collect();
    let all: Vec<&[f32]> =
        nights.iter().flat_map(|night| &night.embeddings).map(Vec::as_slice).collect();
    let stride = all.len().div_ceil(MAX_EPOCHS).max(1);
    let mut best: Vec<f32> = Vec::with_capacity(texts.len());
    for text in &texts {
        let text = space.bundle.texts.encode_one(text)?.embedding;
        let cosine = |epoch: &&[f32]| -> f32 {
            text.as_slice().iter().zip(*epoch).map(|(a, b)| a * b).sum()
        };
        let cosines = all.iter().step_by(stride).map(cosine);
        best.push(cosines.fold(f32::NEG_INFINITY, f32::max));
    }
    best.sort_by(f32::total_cmp);
    let rank = ((best.len() as f64 * SHARE).ceil() as usize).clamp(1, best.len());
    Ok(Background { cosine: best[rank - 1], texts: best.len() })
}
