//! How a server of Qdrant is spoken to.

use std::fmt;
use std::time::Duration;

use super::{QdrantProblem, QdrantUrl};
use crate::error::{Error, Result};

/// A key of the server, which no message ever shows.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// Takes a key.
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

/// How a server is spoken to.
#[derive(Debug, Clone, PartialEq)]
pub struct QdrantSettings {
    /// The collection.
    pub url: QdrantUrl,
    /// The key, where the server asks for one.
    pub api_key: Option<ApiKey>,
    /// How long an answer may take.
    pub timeout: Duration,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// Points in a request, 1 to 4096; Qdrant advises 64 to 256.
    pub batch: usize,
    /// Requests that are under way at once, 1 to 64; Qdrant advises 2 to 4.
    pub streams: usize,
    /// How often a request is sent before its failure is told, 1 and more.
    pub attempts: usize,
    /// Pause before the second attempt; it doubles each time. A server that is exhausted may ask for another one.
    pub first_pause: Duration,
    /// Longest pause.
    pub longest_pause: Duration,
    /// How long a recording that this writer is at work on is left to it after it was last heard of, 1 ms to a day; see
    /// [`Claims`](crate::Claims).
    pub lease: Duration,
    /// Pause before a recording that another writer is at work on is looked at again.
    pub look_again: Duration,
    /// Most points in an answer to a search, unless more hits are wanted; where a filter leaves too few of so many, the
    /// recordings are read one after the other. A point takes about 2.5 kB.
    pub largest_answer: usize,
    /// Most epochs that a question about nights looks at one by one, before sketches choose among the nights.
    pub full_pass: usize,
}

impl QdrantSettings {
    /// Returns what is fit for most servers: 200 points in a request, three requests at once, six attempts in 10 seconds,
    /// leases of a minute, and a pass over 250,000 epochs.
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
            lease: Duration::from_mins(1),
            look_again: Duration::from_secs(2),
            largest_answer: 16_384,
            full_pass: 250_000,
        }
    }

    /// Refuses numbers that are out of range, and a key that would be readable on the way.
    pub(super) fn check(&self) -> Result<()> {
        let lease_ms = usize::try_from(self.lease.as_millis()).unwrap_or(usize::MAX);
        let ranges = [
            ("lease_ms", lease_ms, 1..=86_400_000, "1 to 86400000"),
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
            return Err(Error::Qdrant(QdrantProblem::PlainKey { place: self.url.to_string() }));
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
        assert!(matches!(error, Error::Qdrant(QdrantProblem::PlainKey { .. })));
        check("qdrant://localhost.example.org/sleep").unwrap_err();
        check("qdrants://192.0.2.7/sleep").unwrap();
        check("qdrant://127.0.0.1/sleep").unwrap();
        check("qdrant://[::1]/sleep").unwrap();
    }
}
