//! Floating-point operations of a training step, and the peak rate of the machine.

use std::time::Instant;

use burn::tensor::backend::Backend;
use burn::tensor::{Device, Tensor};

use super::batch_gradient::join;
use super::{GradientOptions, Objective};
use crate::config::{ModelConfig, ReconstructionConfig, TEXT_MLP_RATIO};
use crate::data::Batch;
use crate::objective::CaptionTargets;

/// Returns the floating-point operations of the matrix products in a step; a multiplication and an addition count as
/// two.
///
/// Norms, softmaxes and other operations are not counted, as is usual (Chowdhery et al., arXiv 2204.02311, appendix B).
/// The backward pass counts twice the forward pass, even if only some weights of a tower learn.
pub(super) fn operations(
    config: &ModelConfig,
    batch: &Batch,
    gradient_options: GradientOptions<'_>,
) -> f64 {
    let GradientOptions { objective: Objective { weights, frozen, .. }, vocabulary, .. } =
        gradient_options;
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

/// Returns the peak rate of the device in floating-point operations per second, measured on large matrix products on
/// several threads at once.
pub(super) fn peak_per_s<B: Backend>(threads: usize, device: &Device<B>) -> f64 {
    let fastest = std::thread::scope(|scope| {
        let workers: Vec<_> =
            (0..threads).map(|_| scope.spawn(|| fastest_product_s::<B>(device))).collect();
        let times = workers.into_iter().map(join);
        times.fold(0.0, f64::max)
    });
    threads as f64 * product(SIDE as f64, SIDE, SIDE) / fastest
}

/// Side of the matrices: large enough that memory access is negligible.
const SIDE: usize = 512;
/// Number of products; the fastest counts.
const N_PRODUCTS: usize = 5;

fn fastest_product_s<B: Backend>(device: &Device<B>) -> f64 {
    let matrix = Tensor::<B, 2>::ones([SIDE, SIDE], device);
    let seconds = (0..N_PRODUCTS).map(|_| {
        let start = Instant::now();
        // Reading a number waits for the device.
        let corner = matrix.clone().matmul(matrix.clone()).slice([0..1, 0..1]);
        let _ = corner.into_data();
        start.elapsed().as_secs_f64()
    });
    seconds.fold(f64::INFINITY, f64::min)
}

/// Operations of a product `[rows, inner] · [inner, columns]`.
fn product(rows: f64, inner: usize, columns: usize) -> f64 {
    2.0 * rows * inner as f64 * columns as f64
}

/// Operations of the query, key and value projections, the scores, the weighted values, and the output projection.
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
    use crate::config::{ModelParts, Preset};
    use crate::weights::layout;

    /// Number of elements in the matrices of both towers' blocks.
    fn in_matrices(config: &ModelConfig, start: &str) -> f64 {
        let layout = layout(config, &ModelParts::towers());
        let matrices =
            layout.iter().filter(|(name, shape)| name.starts_with(start) && shape.len() == 2);
        matrices.map(|(_, shape)| shape.iter().product::<usize>() as f64).sum()
    }

    #[test]
    fn each_matrix_element_is_multiplied_once_per_token() {
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
    fn the_peak_rate_is_positive() {
        let peak = peak_per_s::<Flex>(2, &Device::<Flex>::default());
        assert!(peak.is_finite() && peak > 1e6, "{peak}");
    }
}
