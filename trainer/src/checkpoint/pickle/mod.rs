//! Python's pickles, as far as checkpoints are made of them, read as data.
//!
//! A pickle is a program for a stack machine (PEP 307, PEP 3154, PEP 574) which may call any Python function.
//! Here nothing is ever called: the few functions of which tensors are made are known by name and done here,
//! some classes are kept as their name alone, and every other name is refused before its arguments are looked at.
//!
//! # Why can no pickle exhaust memory or stack?
//!
//! Every instruction takes at least a byte and makes at most one value; values are small and refer to each other by
//! number, so that nothing is nested in memory; texts are borrowed from the pickle; and the instructions are counted.

mod call;
mod globals;
mod machine;
mod value;

pub(super) use machine::load;
pub(super) use value::{Loaded, StorageId, Value};
