//! Reads Python pickles as data, as far as checkpoints need them.
//!
//! A pickle is a program for a stack machine (PEP 307, PEP 3154, PEP 574) that may call any Python function. Nothing is
//! called here: the few functions that build tensors are known by name and reimplemented, some classes are kept as
//! their name only, and every other name is rejected before its arguments are examined.
//!
//! # Why can a pickle not exhaust memory or stack?
//!
//! Every instruction takes at least one byte and creates at most one value. Values are small and refer to each other by
//! index, so nothing is nested in memory. Texts are borrowed from the pickle. The instructions are counted.

mod globals;
mod known_calls;
mod stack_machine;
mod value;

pub(super) use stack_machine::load;
pub(super) use value::{PickleHeap, PickleValue, StorageRef};
