//! The fused operations match the composed ones in values and gradients.

use burn::backend::{Autodiff, Flex};
use burn::tensor::{Device, Tensor, TensorData};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::{AdamStep, Axis, Dropout, GridShape, Kernels, TextMask, composed};

type AutodiffFlex = Autodiff<Flex>;

fn random<const D: usize>(seed: u64, shape: [usize; D]) -> Tensor<AutodiffFlex, D> {
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let values = (0..shape.iter().product()).map(|_| random.random_range(-2.0f32..2.0)).collect();
    let device = Device::<AutodiffFlex>::default();
    Tensor::from_data(TensorData::new::<f32, _>(values, shape), &device).require_grad()
}

/// Compares the outputs of two operations, and the gradients of a random weighted sum of the outputs.
fn assert_same<const A: usize, const B: usize>(
    inputs: (Tensor<AutodiffFlex, A>, Tensor<AutodiffFlex, B>),
    fused: impl Fn(Tensor<AutodiffFlex, A>, Tensor<AutodiffFlex, B>) -> Tensor<AutodiffFlex, 2>,
    reference: impl Fn(Tensor<AutodiffFlex, A>, Tensor<AutodiffFlex, B>) -> Tensor<AutodiffFlex, 2>,
) {
    let (a, b) = inputs;
    let run = |out: Tensor<AutodiffFlex, 2>| {
        let gradients = (out.clone() * random(9, out.dims())).sum().backward();
        let flat = |data: TensorData| data.into_vec::<f32>().unwrap();
        let b_gradient = b.grad(&gradients).map_or_else(Vec::new, |grad| flat(grad.into_data()));
        [flat(out.into_data()), flat(a.grad(&gradients).unwrap().into_data()), b_gradient]
    };
    let fused = run(fused(a.clone(), b.clone()));
    let reference = run(reference(a.clone(), b.clone()));
    for (fused, reference) in fused.iter().zip(&reference) {
        assert_eq!(fused.len(), reference.len());
        let largest = reference.iter().fold(1.0f32, |largest, value| largest.max(value.abs()));
        for (fused, reference) in fused.iter().zip(reference) {
            let tolerance = 1e-5 * largest;
            assert!(
                (fused - reference).abs() < tolerance,
                "{fused}, not {reference} ± {tolerance}"
            );
        }
    }
}

#[test]
fn swiglu_matches_the_composed_one_for_rows_and_gates() {
    let down = random(3, [32, 48]);
    assert_same(
        (random(1, [701, 32]), random(2, [2 * 48, 32])),
        |rows, gates| AutodiffFlex::swiglu(rows, gates, down.clone()),
        |rows, gates| composed::swiglu(rows, gates, down.clone(), &mut Dropout::off()),
    );
}

#[test]
fn swiglu_matches_the_composed_one_for_down() {
    let gates = random(3, [2 * 48, 32]);
    assert_same(
        (random(1, [701, 32]), random(2, [32, 48])),
        |rows, down| AutodiffFlex::swiglu(rows, gates.clone(), down),
        |rows, down| composed::swiglu(rows, gates.clone(), down, &mut Dropout::off()),
    );
}

#[test]
fn norm_matches_the_composed_one_for_rows_and_weight() {
    let (update, bias) = (random(3, [7, 40]), random(4, [40]));
    assert_same(
        (random(1, [7, 40]), random(2, [40])),
        |rows, weight| AutodiffFlex::add_rms_norm(rows, update.clone(), bias.clone(), weight),
        |rows, weight| composed::add_rms_norm(rows, update.clone(), bias.clone(), weight),
    );
}

#[test]
fn norm_matches_the_composed_one_for_update_and_bias() {
    let (rows, weight) = (random(3, [7, 40]), random(4, [40]));
    assert_same(
        (random(1, [7, 40]), random(2, [40])),
        |update, bias| AutodiffFlex::add_rms_norm(rows.clone(), update, bias, weight.clone()),
        |update, bias| composed::add_rms_norm(rows.clone(), update, bias, weight.clone()),
    );
}

#[test]
fn grid_attention_matches_the_composed_one() {
    for axis in [Axis::Channels, Axis::Time] {
        let shape = GridShape { batch: 2, channels: 5, patches: 19, heads: 2, axis };
        let tokens = if axis == Axis::Time { 19 } else { 5 };
        assert_same(
            (random(1, [2 * 5 * 19, 3 * 32]), random(2, [tokens, 8])),
            |qkv, angles| AutodiffFlex::grid_attention(qkv, angles, shape),
            |qkv, angles| composed::grid_attention(qkv, angles, shape, &mut Dropout::off()),
        );
    }
}

#[test]
fn causal_attention_matches_the_composed_one() {
    let mut visible = vec![true; 3 * 11];
    for hidden in [4, 9, 10, 11 + 1, 22 + 7, 22 + 8] {
        visible[hidden] = false;
    }
    for mutual in [0, 3] {
        let mask = TextMask { texts: 3, mutual, visible: &visible };
        assert_same(
            (random(1, [3 * 11, 3 * 32]), random(2, [1])),
            |qkv, _| AutodiffFlex::causal_attention(qkv, 2, mask),
            |qkv, _| composed::causal_attention(qkv, 2, mask),
        );
    }
}

#[test]
fn adam_step_matches_the_composed_one() {
    let step =
        AdamStep { decay: 0.99, first: 0.1, second: 0.02, root: 0.2, epsilon: 1e-6, rate: 0.05 };
    let tensors = || {
        let [values, gradient, first, second] = [1, 2, 3, 4].map(|seed| random(seed, [37]).inner());
        [values, gradient, first, second.abs()]
    };
    let fused = Flex::adam_step(tensors(), step);
    for (fused, reference) in fused.into_iter().zip(composed::adam_step(tensors(), step)) {
        assert!((fused - reference).abs().max().into_scalar() < 1e-6);
    }
}
