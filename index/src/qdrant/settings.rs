//! Settings of a connection to Qdrant.

use std::fmt;
use std::time::Duration;

use super::{QdrantError, QdrantUrl};
use crate::error::{Error, Result};

/// An API key of the server. No message shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// Wraps a key.
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    pub(super) fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

/// Settings of a connection.
#[derive(Debug, Clone, PartialEq)]
pub struct QdrantSettings {
    /// The collection.
    pub url: QdrantUrl,
    /// The key, if the server requires one.
    pub api_key: Option<ApiKey>,
    /// Deadline of each request.
    pub timeout: Duration,
    /// Deadline of opening the connection.
    pub connect_timeout: Duration,
    /// Points in a write request, 1 to 4096. Qdrant recommends 64 to 256.
    pub batch: usize,
    /// Concurrent requests, 1 to 64. Qdrant recommends 2 to 4.
    pub streams: usize,
    /// How often a request is sent before it fails, 1 to 1000.
    pub attempts: usize,
    /// Pause before the second attempt; it doubles each time. An exhausted server may ask for a longer one.
    pub first_pause: Duration,
    /// Longest pause.
    pub longest_pause: Duration,
    /// Pause between two requests for the indexing status.
    pub poll_interval: Duration,
    /// Maximum number of points in the answer to a search, unless more hits are requested. If a filter leaves too few of
    /// them, the recordings are read one by one. A point takes about 2.5 kB.
    pub largest_answer: usize,
}

impl QdrantSettings {
    /// Returns settings for most servers: 200 points in a request, three concurrent requests, and six attempts within
    /// 10 seconds.
    pub fn at(url: QdrantUrl) -> Self {
        Self {
            url,
            api_key: None,
            timeout: Duration::from_mins(1),
            connect_timeout: Duration::from_secs(10),
            batch: 200,
            streams: 3,
            attempts: 6,
            first_pause: Duration::from_millis(300),
            longest_pause: Duration::from_secs(30),
            poll_interval: Duration::from_secs(1),
            largest_answer: 16_384,
        }
    }

    /// Refuses numbers out of range, and a key that would be sent in plain text to another machine.
    pub(super) fn check(&self) -> Result<()> {
        let ranges = [
            ("batch", self.batch, 1..=4096, "1 to 4096"),
            ("streams", self.streams, 1..=64, "1 to 64"),
            ("attempts", self.attempts, 1..=1000, "1 to 1000"),
        ];
        for (name, value, range, expected) in ranges {
            if !range.contains(&value) {
                return Err(Error::Setting { name, value, expected });
            }
        }
        let is_safe = self.url.is_encrypted() || self.url.is_loopback();
        if self.api_key.is_some() && !is_safe {
            return Err(QdrantError::PlainKey { address: self.url.to_string() }.into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_never_sent_in_plain_text_to_another_machine() {
        let check = |url: &str| {
            let mut settings = QdrantSettings::at(url.parse().unwrap());
            settings.api_key = Some(ApiKey::new("secret"));
            assert!(!format!("{settings:?}").contains("secret"));
            settings.check()
        };
        let error = check("qdrant://192.0.2.7/sleep").unwrap_err();
        assert!(matches!(QdrantError::of(&error), Some(QdrantError::PlainKey { .. })), "{error}");
        check("qdrant://localhost.example.org/sleep").unwrap_err();
        check("qdrants://192.0.2.7/sleep").unwrap();
        check("qdrant://127.0.0.1/sleep").unwrap();
        check("qdrant://[::1]/sleep").unwrap();
    }
}
