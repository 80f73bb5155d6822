//! Where a collection in Qdrant is, and how the server is spoken to.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use super::QdrantProblem;
use crate::{Error, Result};

/// Port of Qdrant's gRPC interface.
const PORT: u16 = 6334;

/// What the name of the collection of recordings ends with.
pub(super) const RECORDINGS: &str = "-recordings";

/// What the name of the collection of sketches ends with.
const NIGHTS: &str = "-nights";

/// Address of a collection: `qdrant://HOST[:PORT]/COLLECTION`, or `qdrants://…` for an encrypted connection.
///
/// The port is that of gRPC, 6334 where none is given. A collection's name has up to 200 letters, digits, `_`, `.` and `-`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QdrantUrl {
    is_encrypted: bool,
    /// With brackets where it is an address of IPv6.
    host: String,
    port: u16,
    collection: String,
}

impl QdrantUrl {
    /// Returns the name of the collection of points.
    pub fn collection(&self) -> &str {
        &self.collection
    }

    /// Returns whether the server is on this machine, as far as the address tells.
    pub fn is_loopback(&self) -> bool {
        let host = self.host.trim_matches(['[', ']']);
        host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
    }

    /// Returns the name of the collection of recordings.
    pub(super) fn recordings(&self) -> String {
        format!("{}{RECORDINGS}", self.collection)
    }

    /// Returns the name of the collection of sketches.
    pub(super) fn nights(&self) -> String {
        format!("{}{NIGHTS}", self.collection)
    }

    /// Returns the server's address as the client of Qdrant takes it.
    pub(super) fn server(&self) -> String {
        let scheme = if self.is_encrypted { "https" } else { "http" };
        format!("{scheme}://{}:{}", self.host, self.port)
    }
}

impl fmt::Display for QdrantUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_encrypted { "qdrants" } else { "qdrant" };
        write!(f, "{scheme}://{}:{}/{}", self.host, self.port, self.collection)
    }
}

impl FromStr for QdrantUrl {
    type Err = Error;

    /// # Errors
    ///
    /// [`QdrantProblem::Url`].
    fn from_str(text: &str) -> Result<Self> {
        parse(text)
            .map_err(|problem| Error::Qdrant(QdrantProblem::Url { url: text.to_owned(), problem }))
    }
}

fn parse(text: &str) -> Result<QdrantUrl, &'static str> {
    let (scheme, rest) = text.split_once("://").ok_or("it has no `://`")?;
    let is_encrypted = match scheme {
        "qdrant" => false,
        "qdrants" => true,
        _ => return Err("it begins with neither `qdrant://` nor `qdrants://`"),
    };
    let (server, collection) = rest.split_once('/').ok_or("it names no collection")?;
    let end_of_host = match server.find(']') {
        Some(bracket) if server.starts_with('[') => bracket + 1,
        Some(_) => return Err("its host is none"),
        None => server.find(':').unwrap_or(server.len()),
    };
    let (host, port) = server.split_at(end_of_host);
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._[]:".contains(&byte);
    if host.is_empty() || !host.bytes().all(is_host) {
        return Err("its host is none");
    }
    let port = match port.strip_prefix(':') {
        Some(port) => port.parse().map_err(|_| "its port is none")?,
        None if port.is_empty() => PORT,
        None => return Err("its port is none"),
    };
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    if !(1..=200).contains(&collection.len()) || !collection.bytes().all(is_name) {
        return Err("a collection's name has 1 to 200 letters, digits, `_`, `.` and `-`");
    }
    if collection.ends_with(RECORDINGS) || collection.ends_with(NIGHTS) {
        return Err(
            "names that end with `-recordings` or `-nights` are for what lies beside a collection",
        );
    }
    Ok(QdrantUrl { is_encrypted, host: host.to_owned(), port, collection: collection.to_owned() })
}

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
        let is_safe = self.url.is_encrypted || self.url.is_loopback();
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
    fn addresses_are_read_and_written() {
        for (text, full) in [
            ("qdrant://localhost/sleep", "qdrant://localhost:6334/sleep"),
            ("qdrants://q.example.org:443/a-b_c.d", "qdrants://q.example.org:443/a-b_c.d"),
            ("qdrant://[::1]:7/x", "qdrant://[::1]:7/x"),
        ] {
            assert_eq!(text.parse::<QdrantUrl>().unwrap().to_string(), full);
        }
    }

    #[test]
    fn addresses_that_are_none_are_refused() {
        for text in [
            "sleep",
            "http://localhost/sleep",
            "qdrant://localhost",
            "qdrant://localhost/",
            "qdrant:///sleep",
            "qdrant://localhost:x/sleep",
            "qdrant://localhost:70000/sleep",
            "qdrant://user@host/sleep",
            "qdrant://localhost/sleep/more",
            "qdrant://localhost/sleep-recordings",
            "qdrant://localhost/sleep-nights",
            "qdrant://[::1/sleep",
        ] {
            let error = text.parse::<QdrantUrl>().unwrap_err();
            assert!(matches!(error, Error::Qdrant(QdrantProblem::Url { .. })), "{text}: {error}");
        }
    }

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
