//! Tests of a collection as its users see it.

#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]
mod backup;
mod catalogue;
mod collection;
mod contract;
mod damage;
mod duplicates;
mod durability;
mod filters;
mod join;
mod lock;
#[cfg(target_os = "linux")]
mod memory;
mod qdrant;
mod spaces;
mod support;
mod tracks;
