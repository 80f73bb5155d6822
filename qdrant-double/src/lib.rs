//! A Qdrant server for tests.
//!
//! [`QdrantDouble`] answers the gRPC services that `qdrant-client` calls, on a free port of this machine. It keeps its
//! points in memory, searches them exactly, and can fail at a call that the test chooses ([`Faults`]).
//!
//! It behaves like Qdrant 1.19 where Nocturne depends on it: conditional writes, filters, aliases, pages. Requests that
//! Nocturne never sends get `UNIMPLEMENTED`. It cannot show how a real server builds its graphs, how much memory it uses,
//! or how a cluster behaves.

#![expect(clippy::unwrap_used, reason = "a panic fails the test, as it should")]

mod aliases;
mod collection;
mod engine;
mod faults;
mod filter;
mod point;
mod server;
mod services;
mod store;

pub use collection::StoredCollection;
pub use faults::{Fault, Faults, When};
pub use point::{Payload, StoredPoint};
pub use server::QdrantDouble;
pub use store::Store;
