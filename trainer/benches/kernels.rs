//! Benchmark of the fused CPU kernels against the composed operations, at the shapes of the `tiny` preset.
//!
//! ```text
//! cargo bench --manifest-path trainer/Cargo.toml --bench kernels
//! ```
//!
//! For each kernel, prints the number of calls in a training step of the second stage of `cargo xtask bundle`
//! (64 epochs, all losses), the processor time of one forward and backward pass, fused and composed, and their ratio.
//! The last line compares the whole step with the step in which every kernel is composed; the latter is the measured
//! step plus the difference of each kernel times its calls. Ratios hold across machines better than times do.

#![expect(clippy::print_stdout, reason = "a benchmark prints its results")]

use std::fs;
use std::hint::black_box;

use burn::backend::{Autodiff, Flex};
use burn::tensor::{Device, Tensor, TensorData};
use nocturne_trainer::config::{ModelParts, Preset};
use nocturne_trainer::data::{Batch, EPOCH_LEN};
use nocturne_trainer::kernels::{AdamStep, Axis, Dropout, GridShape, Kernels, TextMask, composed};
use nocturne_trainer::model::{CaptionConditions, SleepLm};
use nocturne_trainer::objective::{CaptionVocabulary, LossWeights};
use nocturne_trainer::optimizer::{AdamW, AdamWOptions};
use nocturne_trainer::positive_pairs::PositivePairs;
use nocturne_trainer::tokens::{TokenBatch, TokenSet};
use nocturne_trainer::training::{GradientOptions, Objective, gradient};
use nocturne_trainer::weights::Weights;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

// The allocator of `nocturne-train`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type TrainBackend = Autodiff<Flex>;
type Rows = Tensor<TrainBackend, 2>;

/// Measurements of each closure, in turns; the fastest counts.
const ROUNDS: usize = 3;
/// Processor time of a measurement in seconds, at least; the kernel counts it in steps of 0.01.
const MEASUREMENT: f64 = 0.5;

const EPOCHS: usize = 64;
const CHANNELS: usize = 10;
const PATCHES: usize = 60;
const SIGNAL_ROWS: usize = EPOCHS * CHANNELS * PATCHES;
const WIDTH: usize = 64;
const HIDDEN: usize = 192;
const HEADS: usize = 2;
/// Positions of a text: its tokens and the class token.
const POSITIONS: usize = 49;
/// Tokens that occur in captions, as with `caption_tokens = "captions"`.
const CAPTION_TOKENS: usize = 400;

/// A kernel, and its processor time in seconds for one forward and backward pass.
struct KernelTimes {
    name: &'static str,
    calls: usize,
    fused: f64,
    composed: f64,
}

fn main() {
    let model: SleepLm<Flex> = model();
    let kernels = [
        swiglu(),
        add_rms_norm(),
        grid_attention("grid_attention, channels", Axis::Channels),
        grid_attention("grid_attention, time", Axis::Time),
        causal_attention(),
        adam_step(Weights::from_model(&model).count("")),
    ];
    println!("{:34}{:>6}{:>12}{:>14}{:>8}", "kernel", "calls", "fused ms", "composed ms", "ratio");
    for KernelTimes { name, calls, fused, composed } in &kernels {
        let ratio = composed / fused;
        println!("{name:34}{calls:6}{:12.2}{:14.2}{ratio:8.2}", fused * 1e3, composed * 1e3);
    }
    let step = step_time(model);
    let difference = |kernel: &KernelTimes| kernel.calls as f64 * (kernel.composed - kernel.fused);
    let composed = step + kernels.iter().map(difference).sum::<f64>();
    let ratio = composed / step;
    println!("{:34}{:6}{:12.2}{:14.2}{ratio:8.2}", "step", 1, step * 1e3, composed * 1e3);
}

fn swiglu() -> KernelTimes {
    let rows: Rows = random(1, [SIGNAL_ROWS, WIDTH]);
    let (gates, down) = (random(2, [2 * HIDDEN, WIDTH]), random(3, [WIDTH, HIDDEN]));
    let inputs = || (rows.clone(), gates.clone(), down.clone());
    compare(
        "swiglu",
        4,
        || {
            let (rows, gates, down) = inputs();
            backward(TrainBackend::swiglu(rows, gates, down));
        },
        || {
            let (rows, gates, down) = inputs();
            backward(composed::swiglu(rows, gates, down, &mut Dropout::off()));
        },
    )
}

fn add_rms_norm() -> KernelTimes {
    let (rows, update) = (random(1, [SIGNAL_ROWS, WIDTH]), random(2, [SIGNAL_ROWS, WIDTH]));
    let (bias, weight) = (random(3, [WIDTH]), random(4, [WIDTH]));
    let inputs = || (rows.clone(), update.clone(), bias.clone(), weight.clone());
    compare(
        "add_rms_norm",
        8,
        || {
            let (rows, update, bias, weight) = inputs();
            backward(TrainBackend::add_rms_norm(rows, update, bias, weight));
        },
        || {
            let (rows, update, bias, weight) = inputs();
            backward(composed::add_rms_norm(rows, update, bias, weight));
        },
    )
}

fn grid_attention(name: &'static str, axis: Axis) -> KernelTimes {
    let tokens = if axis == Axis::Time { PATCHES } else { CHANNELS };
    let shape =
        GridShape { batch: EPOCHS, channels: CHANNELS, patches: PATCHES, heads: HEADS, axis };
    let qkv: Rows = random(1, [SIGNAL_ROWS, 3 * WIDTH]);
    let angles: Rows = random(2, [tokens, WIDTH / HEADS / 2]);
    compare(
        name,
        2,
        || backward(TrainBackend::grid_attention(qkv.clone(), angles.clone(), shape)),
        || {
            let (qkv, angles) = (qkv.clone(), angles.clone());
            backward(composed::grid_attention(qkv, angles, shape, &mut Dropout::off()));
        },
    )
}

fn causal_attention() -> KernelTimes {
    let visible = vec![true; EPOCHS * POSITIONS];
    let mask = TextMask { texts: EPOCHS, mutual: 0, visible: &visible };
    let qkv: Rows = random(1, [EPOCHS * POSITIONS, 3 * WIDTH]);
    compare(
        "causal_attention",
        4,
        || backward(TrainBackend::causal_attention(qkv.clone(), HEADS, mask)),
        || backward(composed::causal_attention(qkv.clone(), HEADS, mask)),
    )
}

fn adam_step(weights: usize) -> KernelTimes {
    let tensors: [Tensor<Flex, 1>; 4] = [1, 2, 3, 4].map(|seed| random(seed, [weights]).inner());
    let [values, gradient, first, second] = tensors;
    let second = second.abs();
    let inputs = || [values.clone(), gradient.clone(), first.clone(), second.clone()];
    let step =
        AdamStep { decay: 0.999, first: 0.1, second: 0.02, root: 0.5, epsilon: 1e-6, rate: 1e-3 };
    compare(
        "adam_step, all weights",
        1,
        || {
            black_box(Flex::adam_step(inputs(), step));
        },
        || {
            black_box(composed::adam_step(inputs(), step));
        },
    )
}

/// Returns the model of the preset with all its parts.
fn model() -> SleepLm<Flex> {
    let config = Preset::Tiny.config();
    let parts = ModelParts::all(&config.biosignals_cfg);
    Weights::initial_parts(&config, &parts, 1)
        .to_model(&config, &Device::<Flex>::default())
        .expect("the preset is a valid configuration")
}

/// Measures a training step: the gradient of a batch and a step of `AdamW`.
fn step_time(model: SleepLm<Flex>) -> f64 {
    let device = Device::<TrainBackend>::default();
    let mut random = Pcg64Mcg::seed_from_u64(5);
    let texts: Vec<Vec<i64>> = (0..EPOCHS)
        .map(|_| (1..POSITIONS).map(|_| random.random_range(1..CAPTION_TOKENS as i64)).collect())
        .collect();
    let batch = Batch {
        signals: (0..EPOCHS * EPOCH_LEN).map(|_| random.random_range(-1.5..1.5)).collect(),
        texts: TokenBatch::new(&texts, 256),
        conditions: CaptionConditions::new(&[[0, 1]; EPOCHS]),
        positives: PositivePairs::pairs(EPOCHS),
    };
    let mut tokens = TokenSet::new(Preset::Tiny.config().text_cfg.vocab_size);
    tokens.extend(&batch.texts);
    let vocabulary = CaptionVocabulary::of(&tokens);
    let weights = LossWeights { contrastive: 1.0, caption: 0.5, reconstruction: 0.2 };
    let options = GradientOptions {
        objective: Objective { weights, ..Objective::default() },
        vocabulary: &vocabulary,
        threads: 1,
        micro_batch: 0,
        dropout: 0.0,
        seed: 0,
    };
    let mut optimizer = AdamW::new(AdamWOptions::default());
    let mut model = Some(model);
    let mut step = || {
        let current = model.take().expect("each step leaves a model");
        let batch = gradient::<TrainBackend>(&current, &batch, options, &device);
        model = Some(optimizer.step(current, batch.gradients, 1e-3));
    };
    step();
    (0..ROUNDS).map(|_| measure(&mut step)).fold(f64::INFINITY, f64::min)
}

/// Measures both forms of a kernel in turns.
fn compare(
    name: &'static str,
    calls: usize,
    mut fused: impl FnMut(),
    mut composed: impl FnMut(),
) -> KernelTimes {
    fused();
    composed();
    let mut times = KernelTimes { name, calls, fused: f64::INFINITY, composed: f64::INFINITY };
    for _ in 0..ROUNDS {
        times.fused = times.fused.min(measure(&mut fused));
        times.composed = times.composed.min(measure(&mut composed));
    }
    times
}

/// Returns the processor time of one run of `work` in seconds.
fn measure(work: &mut impl FnMut()) -> f64 {
    let start = processor_time();
    let mut runs = 0;
    loop {
        work();
        runs += 1;
        let elapsed = processor_time() - start;
        if elapsed >= MEASUREMENT {
            return elapsed / f64::from(runs);
        }
    }
}

/// Returns the processor time of all threads of this process in seconds.
fn processor_time() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").expect("Linux has `/proc`");
    let (_, fields) = stat.rsplit_once(") ").expect("the name of the program is in parentheses");
    // `utime` and `stime`, fields 14 and 15 of proc_pid_stat(5), in hundredths of a second.
    let ticks = fields.split(' ').skip(11).take(2).map(str::parse::<u32>);
    ticks.map(|ticks| f64::from(ticks.expect("times are numbers")) / 100.0).sum()
}

/// Runs the backward pass from the sum of `out`.
fn backward(out: Rows) {
    black_box(out.sum().backward());
}

fn random<const D: usize>(seed: u64, shape: [usize; D]) -> Tensor<TrainBackend, D> {
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let values: Vec<f32> =
        (0..shape.iter().product()).map(|_| random.random_range(-1.0..1.0)).collect();
    let device = Device::<TrainBackend>::default();
    Tensor::from_data(TensorData::new(values, shape), &device).require_grad()
}
