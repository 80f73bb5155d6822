//! Messages of the contract to and from the types of the engine.

pub(crate) mod answers;
pub(crate) mod generate;
pub(crate) mod requests;
