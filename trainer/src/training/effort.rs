//! How many operations a step takes, and how much of what the machine can do that is.

use std::time::Instant;

use burn::tensor::backend::Backend;
use burn::tensor::{Device, Tensor};

use super::gradient::joined;
use super::{Objective, Work};
use crate::config::TEXT_MLP_RATIO;
use crate::data::Batch;
use crate::objective::CaptionTargets;
use crate::{ModelConfig, ReconstructionConfig};

/// Floating-point operations of the matrix products in a step, a multiplication and an addition being two.
///
/// Everything else, such as norms and softmaxes, is not counted, as is usual (Chowdhery et al., arXiv 2204.02311,
/// appendix B). The way back takes twice the way forward, also where of a tower little learns.
pub(super) fn operations(config: &ModelConfig, batch: &Batch, work: Work<'_>) -> f64 {
    let Work { objective: Objective { weights, frozen, .. }, vocabulary, .. } = work;
    let n = batch.positives.len() as f64;
    let passes = |learns: bool| if learns { 3.0 } else { 1.0 };
    let positions = batch.texts.length() + 1;
    let mut operations = n * passes(!frozen.signal) * signal(config);
    operations += n * passes(!frozen.text) * text(config, positions);
    if weights.caption > 0.0 {
        operations += 3.0 * n * captions(config, positions - 2);
        let n_targets = CaptionTargets::new(&batch.texts, vocabulary).len() as f64;
        operations += 3.0 * product(n_targets, config.multimodal_cfg.width, vocabulary.len());
    }
    if weights.reconstruction > 0.0 {
        operations += 3.0 * n * reconstruction(config);
    }
    operations
}

/// Returns the floating-point operations that the device takes each second in products of large matrices, on so many
/// threads at once: the peak that a step is compared with.
pub(super) fn peak_per_s<B: Backend>(threads: usize, device: &Device<B>) -> f64 {
    let fastest = std::thread::scope(|scope| {
        let workers: Vec<_> =
            (0..threads).map(|_| scope.spawn(|| fastest_product_s::<B>(device))).collect();
        let times = workers.into_iter().map(joined);
        times.fold(0.0, f64::max)
    });
    threads as f64 * product(SIDE as f64, SIDE, SIDE) / fastest
}

/// Side of the matrices: large enough that reading them is nothing beside multiplying them.
const SIDE: usize = 512;
/// Products of which the fastest counts.
const TRIES: usize = 5;

fn fastest_product_s<B: Backend>(device: &Device<B>) -> f64 {
    let matrix = Tensor::<B, 2>::ones([SIDE, SIDE], device);
    let seconds = (0..TRIES).map(|_| {
        let begin = Instant::now();
        // Whoever reads a number waits for the device.
        let corner = matrix.clone().matmul(matrix.clone()).slice([0..1, 0..1]);
        let _ = corner.into_data();
        begin.elapsed().as_secs_f64()
    });
    seconds.fold(f64::INFINITY, f64::min)
}

/// Operations of a product `[rows, inner] · [inner, columns]`.
fn product(rows: f64, inner: usize, columns: usize) -> f64 {
    2.0 * rows * inner as f64 * columns as f64
}

/// Of queries, keys and values of all rows, their scores, the mixed values, and the projection behind.
fn attention(rows: usize, keys: usize, width: usize) -> f64 {
    let (n_rows, n_keys) = (rows as f64, keys as f64);
    product(2.0 * n_rows + 2.0 * n_keys, width, width) + 2.0 * product(n_rows, width, keys)
}

fn signal(config: &ModelConfig) -> f64 {
    let of = &config.biosignals_cfg;
    let (channels, patches, width) = (of.input_channels, of.patches(), of.transformer_width);
    let tokens = (channels * patches) as f64;
    let gated = product(3.0 * tokens, width, of.hidden());
    let along_channels = patches as f64 * attention(channels, channels, width);
    let along_time = channels as f64 * attention(patches, patches, width);
    let block = along_channels + gated + of.num_temporal_layers as f64 * (along_time + gated);
    let pooled =
        [1, of.decoder_tokens].map(|queries| attention(queries, channels * patches, width));
    product(tokens, of.patch_size, of.conv_embed_dim)
        + product(tokens, of.conv_embed_dim, width)
        + of.transformer_layers as f64 * block
        + pooled.iter().sum::<f64>()
        + attention(1, of.decoder_tokens, width)
        + product(1.0, width, config.embed_dim)
}

fn text(config: &ModelConfig, positions: usize) -> f64 {
    let of = &config.text_cfg;
    let mlp = 2.0 * product(positions as f64, of.width, TEXT_MLP_RATIO * of.width);
    of.layers as f64 * (attention(positions, positions, of.width) + mlp)
        + product(1.0, of.width, config.embed_dim)
}

fn captions(config: &ModelConfig, length: usize) -> f64 {
    let of = &config.multimodal_cfg;
    let rows = config.prefix_len + length;
    let mlp = 2.0 * product(rows as f64, of.width, of.hidden());
    let own = attention(rows, rows, of.width) + mlp;
    let cross = attention(rows, config.biosignals_cfg.decoder_tokens, of.width) + mlp;
    of.layers as f64 * (own + cross)
}

fn reconstruction(config: &ModelConfig) -> f64 {
    let of = &config.biosignals_cfg;
    let ReconstructionConfig { layers, feed_forward, hidden } = ReconstructionConfig::published(of);
    let (tokens, width) = (of.decoder_tokens, of.transformer_width);
    let mlp = 2.0 * product(tokens as f64, width, feed_forward);
    layers as f64 * (attention(tokens, tokens, width) + mlp)
        + product(1.0, width, hidden)
        + product(1.0, hidden, of.input_channels * of.signal_length)
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;

    use super::*;
    use crate::weights::layout;
    use crate::{Parts, Preset};

    /// Numbers in the matrices of both towers' blocks.
    fn in_matrices(config: &ModelConfig, begin: &str) -> f64 {
        let layout = layout(config, &Parts::towers());
        let matrices =
            layout.iter().filter(|(name, shape)| name.starts_with(begin) && shape.len() == 2);
        matrices.map(|(_, shape)| shape.iter().product::<usize>() as f64).sum()
    }

    #[test]
    fn each_number_of_a_block_is_multiplied_once_for_each_token() {
        let config = Preset::Small.config();
        let (positions, of) = (40, &config.text_cfg);
        let scores = 4.0 * (positions * positions * of.width * of.layers) as f64;
        let last = product(1.0, of.width, config.embed_dim);
        let blocks = 2.0 * positions as f64 * in_matrices(&config, "text.transformer.");
        assert_eq!(text(&config, positions), blocks + scores + last);

        let of = &config.biosignals_cfg;
        let tokens = (of.input_channels * of.patches()) as f64;
        let blocks = 2.0 * tokens * in_matrices(&config, "biosignals.transformer_blocks.");
        let found = signal(&config);
        assert!(found > blocks && found < 1.4 * blocks, "{found} {blocks}");
    }

    #[test]
    fn a_device_takes_some_operations_each_second() {
        let peak = peak_per_s::<Flex>(2, &Device::<Flex>::default());
        assert!(peak.is_finite() && peak > 1e6, "{peak}");
    }
}
