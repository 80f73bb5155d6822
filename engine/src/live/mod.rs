//! The collection as it changes: snapshots, refresh, and the switch to a promoted space.

pub(crate) mod live_collection;
pub(crate) mod refresh;
pub(crate) mod snapshot;
pub(crate) mod switch;
pub(crate) mod track_cache;
