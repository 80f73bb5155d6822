//! Finds what tests need from outside the repository, and records each test that is skipped without it.
//!
//! Some tests need a resource that a machine may not have: ONNX Runtime, real recordings, a Qdrant server.
//! Such a test asks for it with [`require!`] and is skipped if it is absent:
//!
//! ```no_run
//! # use nocturne_testing::require;
//! fn reads_a_real_recording() {
//!     let data = require!(nocturne_testing::shared_data());
//!     assert!(data.join("ucddb018").is_dir());
//! }
//! ```
//!
//! A skipped test counts as passed for the test runner, so two environment variables keep skips visible:
//!
//! - `NOCTURNE_SKIPPED=FILE` appends a line for each skipped test to `FILE`; `cargo xtask test` sets it, counts the lines
//!   and prints them.
//! - `NOCTURNE_REQUIRE=encoder,data` makes a test fail, instead of skipping it, if one of the named resources is absent;
//!   `all` names every resource.

mod absent;
mod locate;
mod resource;
mod skip;

pub use absent::Absent;
pub use locate::{
    case, golden, goldens, onnx_runtime, python_client, root, shared_data, shared_tables,
};
pub use resource::Resource;
pub use skip::report;

/// Evaluates to the resource in a `Result<_, Absent>`; if it is absent, skips the test.
///
/// The test function must return `()`.
#[macro_export]
macro_rules! require {
    ($resource:expr) => {
        match $resource {
            Ok(resource) => resource,
            Err(absent) => $crate::skip!(absent),
        }
    };
}

/// Evaluates to `Some` resource in a `Result<_, Absent>`; if it is absent, records the skip and evaluates to `None`.
///
/// For helpers that several tests call first: a test that gets `None` returns.
///
/// # Panics
///
/// If `NOCTURNE_REQUIRE` names the resource.
#[macro_export]
macro_rules! available {
    ($resource:expr) => {
        match $resource {
            Ok(resource) => Some(resource),
            Err(absent) => {
                $crate::report(env!("CARGO_PKG_NAME"), &absent);
                None
            }
        }
    };
}

/// Skips the test because a resource is absent: records the skip and returns from the test function.
///
/// # Panics
///
/// If `NOCTURNE_REQUIRE` names the resource.
#[macro_export]
macro_rules! skip {
    ($absent:expr) => {{
        $crate::report(env!("CARGO_PKG_NAME"), &$absent);
        return;
    }};
}
