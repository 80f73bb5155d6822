//! The gRPC contract of Nocturne: `proto/nocturne/v1/nocturne.proto` and the code generated from it.

/// Version 1 of the contract.
#[allow(
    missing_docs,
    unused_qualifications,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    reason = "generated code, whose every field the `.proto` file documents"
)]
pub mod v1 {
    tonic::include_proto!("nocturne.v1");
}

/// The compiled contract, by which the reflection service tells clients what there is.
pub const FILE_DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
