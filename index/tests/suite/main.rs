//! Tests of a collection as its users see it.

#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]

mod backup;
mod collection;
mod contract;
mod damage;
mod durability;
mod lock;
mod support;
