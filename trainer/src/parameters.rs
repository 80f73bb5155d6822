//! Walks over the parameters of a module by name.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Tensor, TensorPrimitive};

/// Tensors by the name of their parameter, flattened.
pub type NamedTensors<B> = BTreeMap<String, Tensor<B, 1>>;

/// Calls `see` with the name, the shape and the flattened values of every parameter, in order.
pub fn visit<B: Backend, M: Module<B>>(module: &M, see: impl FnMut(&str, &[usize], Tensor<B, 1>)) {
    module.visit(&mut Visitor { path: Path::default(), see });
}

/// Returns the name and the shape of every parameter, in order, without asking for its values.
pub fn shapes<B: Backend, M: Module<B>>(module: &M) -> Vec<(String, Vec<usize>)> {
    let mut shapes = Shapes { path: Path::default(), found: Vec::new() };
    module.visit(&mut shapes);
    shapes.found
}

/// Replaces the flattened values of every parameter by what `change` makes of them.
///
/// Whether gradients are wanted is lost; [`require_gradients`] says so anew.
pub fn map<B: Backend, M: Module<B>>(
    module: M,
    change: impl FnMut(&str, &[usize], Tensor<B, 1>) -> Tensor<B, 1>,
) -> M {
    module.map(&mut Mapper { path: Path::default(), change })
}

/// Makes every parameter that `wanted` names a leaf of a new graph.
pub fn require_gradients<B: AutodiffBackend, M: Module<B>>(
    module: M,
    wanted: impl FnMut(&str) -> bool,
) -> M {
    module.map(&mut Leaves { path: Path::default(), wanted })
}

/// Takes the gradient of every parameter that has one out of `gradients`.
pub fn take_gradients<B: AutodiffBackend, M: Module<B>>(
    module: &M,
    gradients: &mut B::Gradients,
) -> NamedTensors<B::InnerBackend> {
    let mut taker = Taker::<B> { path: Path::default(), gradients, taken: BTreeMap::new() };
    module.visit(&mut taker);
    taker.taken
}

/// The names of the fields on the way to a parameter.
#[derive(Default)]
struct Path(Vec<String>);

impl Path {
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

struct Visitor<F> {
    path: Path,
    see: F,
}

impl<B: Backend, F: FnMut(&str, &[usize], Tensor<B, 1>)> ModuleVisitor<B> for Visitor<F> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let tensor = param.val();
        let shape = tensor.dims();
        (self.see)(&self.path.name(), &shape, flat(tensor));
    }
}

struct Shapes {
    path: Path,
    found: Vec<(String, Vec<usize>)>,
}

impl<B: Backend> ModuleVisitor<B> for Shapes {
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

struct Mapper<F> {
    path: Path,
    change: F,
}

impl<B: Backend, F> ModuleMapper<B> for Mapper<F>
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

struct Leaves<F> {
    path: Path,
    wanted: F,
}

impl<B: AutodiffBackend, F: FnMut(&str) -> bool> ModuleMapper<B> for Leaves<F> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
        let (id, tensor, mapper) = param.consume();
        let leaf = Tensor::from_inner(tensor.inner());
        let leaf = leaf.set_require_grad((self.wanted)(&self.path.name()));
        Param::from_mapped_value(id, leaf, mapper)
    }
}

struct Taker<'a, B: AutodiffBackend> {
    path: Path,
    gradients: &'a mut B::Gradients,
    taken: NamedTensors<B::InnerBackend>,
}

impl<B: AutodiffBackend> ModuleVisitor<B> for Taker<'_, B> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        if let Some(gradient) = param.val().grad_remove(self.gradients) {
            self.taken.insert(self.path.name(), flat(gradient));
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
