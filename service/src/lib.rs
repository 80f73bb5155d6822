//! Serves an [`Engine`](nocturne_engine::Engine) over gRPC.
//!
//! [`serve`] offers the service of the contract (`proto/nocturne/v1/nocturne.proto`) on a socket, with health and
//! reflection beside it.
//!
//! # Modules
//!
//! From the ground up; each uses only those above it.
//!
//! - `error`, `options`.
//! - `status`: errors of the engine as gRPC codes.
//! - `messages`: messages of the contract to and from the types of the engine.
//! - `grpc`: the methods of the service.
//! - `health`: the health of the service, which follows the collection.
//! - `server`: the socket.

mod error;
mod grpc;
mod health;
mod messages;
mod options;
mod server;
mod status;

pub use error::{Error, Result};
pub use options::ServeOptions;
pub use server::serve;
