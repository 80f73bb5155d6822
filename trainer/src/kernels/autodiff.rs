//! The fused CPU operations as nodes of the autodiff graph.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::{Autodiff, Flex};
use burn::tensor::ops::FloatTensor;
use burn::tensor::{Tensor, TensorPrimitive};
use burn_flex::FlexTensor;

use super::flex::{self, AttentionShape, NormInput};
use super::{GridShape, Kernels, TextMask};
use crate::parameters::primitive;

/// Registers the gradients of those inputs that are tracked.
///
/// A macro, because the type of a graph node is not public in `burn`.
macro_rules! register {
    ($gradients:expr, $parents:expr, $values:expr) => {
        for (parent, value) in $parents.into_iter().zip($values) {
            if let Some(parent) = parent {
                $gradients.register::<Flex>(parent.id, value);
            }
        }
    };
}

impl<C: CheckpointStrategy> Kernels for Autodiff<Flex, C> {
    fn swiglu(
        rows: Tensor<Self, 2>,
        gates: Tensor<Self, 2>,
        down: Tensor<Self, 2>,
    ) -> Tensor<Self, 2> {
        let inputs = [rows, gates, down].map(primitive);
        let nodes = inputs.each_ref().map(|input| input.node.clone());
        let state = inputs.map(|input| input.primitive);
        let [rows, gates, down] = &state;
        let out = flex::swiglu(rows, gates, down);
        tensor(match SwiGluBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(state, out),
            OpsKind::UnTracked(prepared) => prepared.finish(out),
        })
    }

    fn add_rms_norm(
        rows: Tensor<Self, 2>,
        update: Tensor<Self, 2>,
        bias: Tensor<Self, 1>,
        weight: Tensor<Self, 1>,
    ) -> Tensor<Self, 2> {
        let (rows, update) = (primitive(rows), primitive(update));
        let (bias, weight) = (primitive(bias), primitive(weight));
        let nodes = [&rows, &update, &bias, &weight].map(|tensor| tensor.node.clone());
        let input =
            NormInput { rows: rows.primitive, update: update.primitive, bias: bias.primitive };
        let out = flex::add_rms_norm(&input, &weight.primitive);
        tensor(match AddRmsNormBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish((input, weight.primitive), out),
            OpsKind::UnTracked(prepared) => prepared.finish(out),
        })
    }

    fn grid_attention(
        qkv: Tensor<Self, 2>,
        angles: Tensor<Self, 2>,
        shape: GridShape,
    ) -> Tensor<Self, 2> {
        let width = qkv.dims()[1] / 3;
        let sequences = AttentionShape::of_grid(shape, width);
        let (qkv, angles) = (primitive(qkv), primitive(angles));
        let nodes = [qkv.node.clone(), angles.node.clone()];
        let out = flex::attention(&qkv.primitive, Some(&angles.primitive), &sequences);
        let state = (qkv.primitive, angles.primitive, sequences);
        tensor(match GridAttentionBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(state, out),
            OpsKind::UnTracked(prepared) => prepared.finish(out),
        })
    }

    fn causal_attention(qkv: Tensor<Self, 2>, heads: usize, mask: TextMask<'_>) -> Tensor<Self, 2> {
        let width = qkv.dims()[1] / 3;
        let sequences = AttentionShape::of_texts(heads, width, mask);
        let qkv = primitive(qkv);
        let out = flex::attention(&qkv.primitive, None, &sequences);
        let state = (qkv.primitive, sequences);
        tensor(
            match CausalAttentionBackward
                .prepare::<C>([qkv.node.clone()])
                .compute_bound()
                .stateful()
            {
                OpsKind::Tracked(prepared) => prepared.finish(state, out),
                OpsKind::UnTracked(prepared) => prepared.finish(out),
            },
        )
    }
}

#[derive(Debug)]
struct SwiGluBackward;

impl Backward<Flex, 3> for SwiGluBackward {
    type State = [FlexTensor; 3];

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let gradient = gradients.consume::<Flex>(&ops.node);
        let [rows, gates, down] = &ops.state;
        register!(gradients, ops.parents, flex::swiglu_gradient(rows, gates, down, &gradient));
    }
}

#[derive(Debug)]
struct AddRmsNormBackward;

impl Backward<Flex, 4> for AddRmsNormBackward {
    type State = (NormInput, FlexTensor);

    fn backward(
        self,
        ops: Ops<Self::State, 4>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let gradient = gradients.consume::<Flex>(&ops.node);
        let (input, weight) = &ops.state;
        let [rows, bias, weight] = flex::add_rms_norm_gradient(input, weight, &gradient);
        // Rows and update have the same gradient.
        register!(gradients, ops.parents, [rows.clone(), rows, bias, weight]);
    }
}

#[derive(Debug)]
struct GridAttentionBackward;

impl Backward<Flex, 2> for GridAttentionBackward {
    type State = (FlexTensor, FlexTensor, AttentionShape);

    fn backward(
        self,
        ops: Ops<Self::State, 2>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let gradient = gradients.consume::<Flex>(&ops.node);
        let (qkv, angles, shape) = &ops.state;
        let values = flex::attention_gradient(qkv, Some(angles), &gradient, shape);
        register!(gradients, ops.parents, values);
    }
}

#[derive(Debug)]
struct CausalAttentionBackward;

impl Backward<Flex, 1> for CausalAttentionBackward {
    type State = (FlexTensor, AttentionShape);

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let gradient = gradients.consume::<Flex>(&ops.node);
        let (qkv, shape) = &ops.state;
        if let [Some(parent)] = ops.parents {
            let [qkv, _] = flex::attention_gradient(qkv, None, &gradient, shape);
            gradients.register::<Flex>(parent.id, qkv);
        }
    }
}

fn tensor<C: CheckpointStrategy, const D: usize>(
    primitive: FloatTensor<Autodiff<Flex, C>>,
) -> Tensor<Autodiff<Flex, C>, D> {
    Tensor::from_primitive(TensorPrimitive::Float(primitive))
}
