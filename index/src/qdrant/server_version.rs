//! Which versions of Qdrant can be written to.

use super::QdrantError;
use super::connection::Connection;
use crate::error::Result;

/// The first version that supports `update_mode`. Older servers ignore it, and two writers would overwrite each other.
const MIN_VERSION: (u32, u32) = (1, 17);

/// Refuses servers without conditional writes.
pub(super) fn expect_conditional_writes(connection: &Connection) -> Result<()> {
    let answer =
        connection.ask("connect to", |client| async move { client.health_check().await })?;
    if is_new_enough(&answer.version) {
        return Ok(());
    }
    Err(QdrantError::OldServer { address: connection.address(), found: answer.version }.into())
}

/// A version that cannot be parsed is a development build, not an old release.
fn is_new_enough(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().ok());
    match (parts.next().flatten(), parts.next().flatten()) {
        (Some(major), Some(minor)) => (major, minor) >= MIN_VERSION,
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
