//! Which servers can be written to.

use super::QdrantProblem;
use super::client::Connection;
use crate::error::{Error, Result};

/// The first version that writes a point only where there is none, or only where there is one. Earlier ones pass over
/// such a condition in silence, and two writers would undo each other's work.
const FIRST: (u32, u32) = (1, 17);

/// Refuses servers that know no conditional writes.
pub(super) fn expect_conditional_writes(connection: &Connection) -> Result<()> {
    let answer = connection.ask("reach", |client| async move { client.health_check().await })?;
    if is_new_enough(&answer.version) {
        return Ok(());
    }
    let (place, found) = (connection.place(), answer.version);
    Err(Error::Qdrant(QdrantProblem::OldServer { place, found }))
}

/// A version that cannot be read is none that was ever old.
fn is_new_enough(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().ok());
    match (parts.next().flatten(), parts.next().flatten()) {
        (Some(major), Some(minor)) => (major, minor) >= FIRST,
        (Some(_) | None, None) | (None, Some(_)) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        for (version, expect) in [
            ("1.17.0", true),
            ("1.9.7", false),
            ("1.16.3", false),
            ("1.20.1-dev", true),
            ("2.0.0", true),
            ("0.11.0", false),
            ("dev", true),
        ] {
            assert_eq!(is_new_enough(version), expect, "{version}");
        }
    }
}
