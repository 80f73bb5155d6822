//! The sections of an evaluation, one module each.

pub(crate) mod by_channels;
pub(crate) mod captions;
pub(crate) mod events;
pub(crate) mod few_shot;
pub(crate) mod localisation;
pub(crate) mod nights;
pub(crate) mod retrieval;
pub(crate) mod stages;
