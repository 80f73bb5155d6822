//! Visits and maps the parameters of a module by name.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Tensor, TensorPrimitive};

/// Flattened tensors by parameter name.
pub type NamedTensors<B> = BTreeMap<String, Tensor<B, 1>>;

/// Calls `see` with the name, the shape and the flattened values of every parameter, in order.
pub fn visit<B: Backend, M: Module<B>>(
    module: &M,
    visitor: impl FnMut(&str, &[usize], Tensor<B, 1>),
) {
    module.visit(&mut ValueVisitor { path: ParameterPath::default(), visitor });
}

/// Returns the name and the shape of every parameter, in order, without allocating its values.
pub fn shapes<B: Backend, M: Module<B>>(module: &M) -> Vec<(String, Vec<usize>)> {
    let mut shapes = ShapeCollector { path: ParameterPath::default(), found: Vec::new() };
    module.visit(&mut shapes);
    shapes.found
}

/// Replaces the flattened values of every parameter by the result of `change`.
///
/// The parameters no longer require gradients; [`require_gradients`] sets that again.
pub fn map<B: Backend, M: Module<B>>(
    module: M,
    change: impl FnMut(&str, &[usize], Tensor<B, 1>) -> Tensor<B, 1>,
) -> M {
    module.map(&mut ValueMapper { path: ParameterPath::default(), change })
}

/// Makes every parameter for which `wanted` returns true a leaf of a new autodiff graph.
pub fn require_gradients<B: AutodiffBackend, M: Module<B>>(
    module: M,
    requires_gradient: impl FnMut(&str) -> bool,
) -> M {
    module.map(&mut LeafMapper { path: ParameterPath::default(), requires_gradient })
}

/// Removes the gradient of every parameter that has one from `gradients`.
pub fn take_gradients<B: AutodiffBackend, M: Module<B>>(
    module: &M,
    gradients: &mut B::Gradients,
) -> NamedTensors<B::InnerBackend> {
    let mut taker = GradientTaker::<B> {
        path: ParameterPath::default(),
        gradients,
        gradients_by_name: BTreeMap::new(),
    };
    module.visit(&mut taker);
    taker.gradients_by_name
}

/// The field names on the path to a parameter.
#[derive(Default)]
struct ParameterPath(Vec<String>);

impl ParameterPath {
    fn enter(&mut self, name: &str) {
        self.0.push(name.to_owned());
    }

    fn exit(&mut self) {
        self.0.pop();
    }

    fn name(&self) -> String {
        self.0.join(".")
    }
}

struct ValueVisitor<F> {
    path: ParameterPath,
    visitor: F,
}

impl<B: Backend, F: FnMut(&str, &[usize], Tensor<B, 1>)> ModuleVisitor<B> for ValueVisitor<F> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let tensor = param.val();
        let shape = tensor.dims();
        (self.visitor)(&self.path.name(), &shape, flat(tensor));
    }
}

struct ShapeCollector {
    path: ParameterPath,
    found: Vec<(String, Vec<usize>)>,
}

impl<B: Backend> ModuleVisitor<B> for ShapeCollector {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        self.found.push((self.path.name(), param.lazy_shape().dims::<D>().to_vec()));
    }
}

struct ValueMapper<F> {
    path: ParameterPath,
    change: F,
}

impl<B: Backend, F> ModuleMapper<B> for ValueMapper<F>
where
    F: FnMut(&str, &[usize], Tensor<B, 1>) -> Tensor<B, 1>,
{
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
        let (id, tensor, mapper) = param.consume();
        let shape = tensor.dims();
        let changed = (self.change)(&self.path.name(), &shape, flat(tensor)).reshape(shape);
        Param::from_mapped_value(id, changed, mapper)
    }
}

struct LeafMapper<F> {
    path: ParameterPath,
    requires_gradient: F,
}

impl<B: AutodiffBackend, F: FnMut(&str) -> bool> ModuleMapper<B> for LeafMapper<F> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
        let (id, tensor, mapper) = param.consume();
        let leaf = Tensor::from_inner(tensor.inner());
        let leaf = leaf.set_require_grad((self.requires_gradient)(&self.path.name()));
        Param::from_mapped_value(id, leaf, mapper)
    }
}

struct GradientTaker<'a, B: AutodiffBackend> {
    path: ParameterPath,
    gradients: &'a mut B::Gradients,
    gradients_by_name: NamedTensors<B::InnerBackend>,
}

impl<B: AutodiffBackend> ModuleVisitor<B> for GradientTaker<'_, B> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        if let Some(gradient) = param.val().grad_remove(self.gradients) {
            self.gradients_by_name.insert(self.path.name(), flat(gradient));
        }
    }
}

fn flat<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> Tensor<B, 1> {
    let n = tensor.shape().num_elements();
    tensor.reshape([n])
}

/// Returns the primitive of a float tensor that is not quantised.
pub(crate) fn primitive<B: Backend, const D: usize>(
    tensor: Tensor<B, D>,
) -> B::FloatTensorPrimitive {
    match tensor.into_primitive() {
        TensorPrimitive::Float(tensor) => tensor,
        TensorPrimitive::QFloat(tensor) => B::dequantize(tensor, burn::tensor::FloatDType::F32),
    }
}
