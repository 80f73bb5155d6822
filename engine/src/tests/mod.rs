//! Collections and models for tests.

pub(crate) mod collections;
pub(crate) mod models;
