//! The program from outside: commands, exit codes, files on disk, and clients of its server.

#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]

mod bad_input;
mod bundles;
mod caption;
mod cohort;
mod collection;
mod concept;
mod documents;
mod duplicates;
mod evaluation;
mod filters;
mod inspect;
mod program;
mod qdrant;
mod server;
mod simulate;
mod spaces;
mod spaces_in_qdrant;
mod store;
mod tidy;
