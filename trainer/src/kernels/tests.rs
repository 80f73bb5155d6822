//! The operations by hand against the composed ones, values and gradients.

use burn::backend::{Autodiff, Flex};
use burn::tensor::{Device, Tensor, TensorData};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::{AdamStep, Axis, GridShape, Kernels, TextMask, composed};
use crate::model::Dropout;

type Tracked = Autodiff<Flex>;

fn random<const D: usize>(seed: u64, shape: [usize; D]) -> Tensor<Tracked, D> {
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let values = (0..shape.iter().product()).map(|_| random.random_range(-2.0f32..2.0)).collect();
    let device = Device::<Tracked>::default();
    Tensor::from_data(TensorData::new::<f32, _>(values, shape), &device).require_grad()
}

/// Compares outputs and the gradients of a random projection of them.
fn check<const A: usize, const B: usize>(
    inputs: (Tensor<Tracked, A>, Tensor<Tracked, B>),
    ours: impl Fn(Tensor<Tracked, A>, Tensor<Tracked, B>) -> Tensor<Tracked, 2>,
    reference: impl Fn(Tensor<Tracked, A>, Tensor<Tracked, B>) -> Tensor<Tracked, 2>,
) {
    let (a, b) = inputs;
    let run = |out: Tensor<Tracked, 2>| {
        let gradients = (out.clone() * random(9, out.dims())).sum().backward();
        let flat = |data: TensorData| data.into_vec::<f32>().unwrap();
        let of_b = b.grad(&gradients).map_or_else(Vec::new, |grad| flat(grad.into_data()));
        [flat(out.into_data()), flat(a.grad(&gradients).unwrap().into_data()), of_b]
    };
    let ours = run(ours(a.clone(), b.clone()));
    let reference = run(reference(a.clone(), b.clone()));
    for (ours, reference) in ours.iter().zip(&reference) {
        assert_eq!(ours.len(), reference.len());
        let largest = reference.iter().fold(1.0f32, |largest, value| largest.max(value.abs()));
        for (ours, reference) in ours.iter().zip(reference) {
            assert!((ours - reference).abs() < 1e-5 * largest, "{ours} {reference} of {largest}");
        }
    }
}

#[test]
fn projection_is_the_composed_one() {
    check((random(1, [301, 48]), random(2, [32, 48])), Tracked::project, composed::project);
}

#[test]
fn swiglu_is_the_composed_one_for_the_rows_and_the_gates() {
    let down = random(3, [32, 48]);
    check(
        (random(1, [701, 32]), random(2, [2 * 48, 32])),
        |rows, gates| Tracked::swiglu(rows, gates, down.clone()),
        |rows, gates| composed::swiglu(rows, gates, down.clone(), &mut Dropout::off()),
    );
}

#[test]
fn swiglu_is_the_composed_one_for_down() {
    let gates = random(3, [2 * 48, 32]);
    check(
        (random(1, [701, 32]), random(2, [32, 48])),
        |rows, down| Tracked::swiglu(rows, gates.clone(), down),
        |rows, down| composed::swiglu(rows, gates.clone(), down, &mut Dropout::off()),
    );
}

#[test]
fn norm_is_the_composed_one_for_the_stream_and_the_weight() {
    let (update, bias) = (random(3, [7, 40]), random(4, [40]));
    check(
        (random(1, [7, 40]), random(2, [40])),
        |rows, weight| Tracked::add_rms_norm(rows, update.clone(), bias.clone(), weight),
        |rows, weight| composed::add_rms_norm(rows, update.clone(), bias.clone(), weight),
    );
}

#[test]
fn norm_is_the_composed_one_for_the_update_and_the_bias() {
    let (rows, weight) = (random(3, [7, 40]), random(4, [40]));
    check(
        (random(1, [7, 40]), random(2, [40])),
        |update, bias| Tracked::add_rms_norm(rows.clone(), update, bias, weight.clone()),
        |update, bias| composed::add_rms_norm(rows.clone(), update, bias, weight.clone()),
    );
}

#[test]
fn grid_attention_is_the_composed_one() {
    for axis in [Axis::Channels, Axis::Time] {
        let shape = GridShape { batch: 2, channels: 5, patches: 19, heads: 2, axis };
        let tokens = if axis == Axis::Time { 19 } else { 5 };
        check(
            (random(1, [2 * 5 * 19, 3 * 32]), random(2, [tokens, 8])),
            |qkv, angles| Tracked::grid_attention(qkv, angles, shape),
            |qkv, angles| composed::grid_attention(qkv, angles, shape, &mut Dropout::off()),
        );
    }
}

#[test]
fn causal_attention_is_the_composed_one() {
    let mut visible = vec![true; 3 * 11];
    for hidden in [4, 9, 10, 11 + 1, 22 + 7, 22 + 8] {
        visible[hidden] = false;
    }
    for mutual in [0, 3] {
        let mask = TextMask { texts: 3, mutual, visible: &visible };
        check(
            (random(1, [3 * 11, 3 * 32]), random(2, [1])),
            |qkv, _| Tracked::causal_attention(qkv, 2, mask),
            |qkv, _| composed::causal_attention(qkv, 2, mask),
        );
    }
}

#[test]
fn adam_step_is_the_composed_one() {
    let step =
        AdamStep { kept: 0.99, first: 0.1, second: 0.02, root: 0.2, epsilon: 1e-6, rate: 0.05 };
    let tensors = || {
        let [values, gradient, first, second] = [1, 2, 3, 4].map(|seed| random(seed, [37]).inner());
        [values, gradient, first, second.abs()]
    };
    let ours = Flex::adam_step(tensors(), step);
    for (ours, reference) in ours.into_iter().zip(composed::adam_step(tensors(), step)) {
        assert!((ours - reference).abs().max().into_scalar() < 1e-6);
    }
}
