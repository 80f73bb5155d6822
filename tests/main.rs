//! End-to-end tests of the program: commands, exit codes, files on disk, and clients of its server.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod bad_input;
mod bundles;
mod caption;
mod cohort;
mod collection;
mod concept;
mod concepts;
mod documents;
mod duplicates;
mod evaluation;
mod explain;
mod filters;
mod inspect;
mod label_files;
mod messages;
mod program;
mod qdrant;
mod server;
mod setup;
mod shared_folder;
mod simulate;
mod spaces;
mod stats;
mod store;
mod tidy;
