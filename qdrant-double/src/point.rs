//! A point: its payload and its vectors.

use std::collections::{BTreeMap, HashMap};

use qdrant_client::qdrant::Value;

/// The fields of a point.
pub type Payload = HashMap<String, Value>;

/// A point.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StoredPoint {
    /// Its payload.
    pub payload: Payload,
    /// Its vectors by name.
    pub vectors: BTreeMap<String, Vec<f32>>,
}
