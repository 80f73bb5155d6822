//! The gRPC contract of Nocturne: `proto/nocturne/v1/nocturne.proto` and the code generated from it.

/// Version 1 of the contract.
#[allow(
    missing_docs,
    unused_qualifications,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    reason = "generated code; the `.proto` file documents every field"
)]
pub mod v1 {
    tonic::include_proto!("nocturne.v1");
}

/// The compiled contract, which the reflection service returns to clients.
pub const FILE_DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
