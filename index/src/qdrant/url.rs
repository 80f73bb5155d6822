//! The address of a collection in Qdrant, or of one of its spaces.

use std::fmt;
use std::str::FromStr;

use url::{Host, Url};

use super::QdrantError;
use crate::error::{Error, Result};
use crate::recording::SpaceName;

/// Port of the gRPC interface of Qdrant.
const GRPC_PORT: u16 = 6334;

/// Suffix of the collection that holds the manifest.
const RECORDINGS: &str = "-recordings";

/// Suffix of the collection that holds the concept tracks.
const TRACKS: &str = "-tracks";

/// Separates the name of a collection from that of a space. Qdrant allows it in names and this library does not, so that
/// no collection is named like a space of another one.
const SPACE_SEPARATOR: char = '@';

/// Follows the separator in the alias of the served space, and is therefore not the name of a space.
const SERVED: &str = "served";

/// Maximum length of a name with that of its space. Qdrant names files after it, which may have 255 characters.
const MAX_NAME_LENGTH: usize = 200;

/// Address of a collection: `qdrant://HOST[:PORT]/COLLECTION`, or `qdrants://…` for an encrypted connection.
///
/// The port is that of gRPC, 6334 by default. The name of a collection has 1 to 200 letters, digits, `_`, `.` and `-`.
/// `COLLECTION@SPACE` names a specific space; without it, the address refers to the space that is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QdrantUrl {
    is_encrypted: bool,
    /// In brackets if it is an IPv6 address.
    host: String,
    port: u16,
    name: String,
    space: Option<SpaceName>,
    /// Name of the collection of points: that of the space, or of `main` without one.
    points: String,
}

/// What is wrong with an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressProblem {
    /// It is not a URL.
    #[error(transparent)]
    Url(#[from] url::ParseError),
    /// It has another scheme.
    #[error("expected `qdrant://` or `qdrants://`")]
    Scheme,
    /// The host is missing.
    #[error("missing host")]
    Host,
    /// It has more parts than an address has.
    #[error("expected only `qdrant://HOST:PORT/COLLECTION`, without user, query and fragment")]
    ExtraParts,
    /// The name of the collection is missing, too long, or has other characters.
    #[error("the name of a collection has 1 to 200 letters, digits, `_`, `.` and `-`")]
    Collection,
    /// The name belongs to a collection that is stored beside another one.
    #[error("names ending in `-recordings` or `-tracks` are reserved")]
    Reserved,
    /// The name of the space is not allowed.
    #[error(
        "the name of a space has 1 to 64 of `a` to `z`, `0` to `9`, `-`, `_` and `.`, a letter or digit first"
    )]
    SpaceName,
    /// The name of the space is that of the alias.
    #[error("`served` cannot be the name of a space: it refers to the one that is served")]
    Served,
    /// It names a space where the whole collection was expected.
    #[error("it names a space; expected the address of the collection")]
    NamesSpace,
}

impl QdrantUrl {
    /// Returns the name of the collection of points: that of the named space, or of `main`.
    pub fn collection(&self) -> &str {
        &self.points
    }

    /// Returns the space that the address names; `None` if it refers to the served one.
    pub fn space(&self) -> Option<&SpaceName> {
        self.space.as_ref()
    }

    /// Returns the address of a space of the same collection.
    ///
    /// # Errors
    ///
    /// [`QdrantError::Address`] if Qdrant cannot have a space of that name.
    pub fn of_space(&self, space: &SpaceName) -> Result<Self> {
        format!("{}{SPACE_SEPARATOR}{space}", self.of_collection()).parse()
    }

    /// Returns the address of the collection, which refers to its served space.
    pub fn of_collection(&self) -> Self {
        Self { space: None, points: self.name.clone(), ..self.clone() }
    }

    /// Returns whether the host is this machine by its name or address.
    pub fn is_loopback(&self) -> bool {
        match Host::parse(&self.host) {
            Ok(Host::Ipv4(address)) => address.is_loopback(),
            Ok(Host::Ipv6(address)) => address.is_loopback(),
            Ok(Host::Domain(name)) => name == "localhost",
            Err(_) => false,
        }
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }

    /// Returns the name of the collection that holds the manifest.
    pub(super) fn recordings(&self) -> String {
        format!("{}{RECORDINGS}", self.points)
    }

    /// Returns the name of the collection that holds the concept tracks.
    pub(super) fn tracks(&self) -> String {
        format!("{}{TRACKS}", self.points)
    }

    /// Returns the alias of the manifest of the served space.
    pub(super) fn served(&self) -> String {
        format!("{}{SPACE_SEPARATOR}{SERVED}", self.name)
    }

    /// Returns the space of this collection whose manifest is in a collection of the server.
    pub(super) fn space_of(&self, recordings: &str) -> Option<SpaceName> {
        let rest = recordings.strip_prefix(&self.name)?.strip_suffix(RECORDINGS)?;
        match rest.strip_prefix(SPACE_SEPARATOR) {
            Some(space) => SpaceName::new(space).ok().filter(|space| !space.is_main()),
            None => rest.is_empty().then(SpaceName::main),
        }
    }

    /// Returns the address of the server as the client of Qdrant takes it.
    pub(super) fn server(&self) -> String {
        let scheme = if self.is_encrypted { "https" } else { "http" };
        format!("{scheme}://{}:{}", self.host, self.port)
    }
}

impl fmt::Display for QdrantUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_encrypted { "qdrants" } else { "qdrant" };
        write!(f, "{scheme}://{}:{}/{}", self.host, self.port, self.name)?;
        match &self.space {
            Some(space) => write!(f, "{SPACE_SEPARATOR}{space}"),
            None => Ok(()),
        }
    }
}

impl FromStr for QdrantUrl {
    type Err = Error;

    /// # Errors
    ///
    /// [`QdrantError::Address`].
    fn from_str(text: &str) -> Result<Self> {
        parse(text)
            .map_err(|source| QdrantError::Address { address: text.to_owned(), source }.into())
    }
}

fn parse(text: &str) -> Result<QdrantUrl, AddressProblem> {
    let url = Url::parse(text)?;
    let is_encrypted = match url.scheme() {
        "qdrant" => false,
        "qdrants" => true,
        _ => return Err(AddressProblem::Scheme),
    };
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or(AddressProblem::Host)?;
    let has_user = !url.username().is_empty() || url.password().is_some();
    if has_user || url.query().is_some() || url.fragment().is_some() {
        return Err(AddressProblem::ExtraParts);
    }
    let collection = url.path().strip_prefix('/').unwrap_or_default();
    let (name, space) = match collection.split_once(SPACE_SEPARATOR) {
        Some((name, space)) => (name, Some(parse_space(space)?)),
        None => (collection, None),
    };
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    if name.is_empty() || collection.len() > MAX_NAME_LENGTH || !name.bytes().all(is_allowed) {
        return Err(AddressProblem::Collection);
    }
    expect_unreserved(name)?;
    let points = match &space {
        Some(space) if !space.is_main() => collection,
        Some(_) | None => name,
    };
    Ok(QdrantUrl {
        is_encrypted,
        host: host.to_owned(),
        port: url.port().unwrap_or(GRPC_PORT),
        name: name.to_owned(),
        points: points.to_owned(),
        space,
    })
}

fn parse_space(space: &str) -> Result<SpaceName, AddressProblem> {
    if space == SERVED {
        return Err(AddressProblem::Served);
    }
    expect_unreserved(space)?;
    SpaceName::new(space).map_err(|_| AddressProblem::SpaceName)
}

fn expect_unreserved(name: &str) -> Result<(), AddressProblem> {
    let is_reserved = name.ends_with(RECORDINGS) || name.ends_with(TRACKS);
    if is_reserved { Err(AddressProblem::Reserved) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_parsed_and_written() {
        for (text, full) in [
            ("qdrant://localhost/sleep", "qdrant://localhost:6334/sleep"),
            ("qdrants://q.example.org:443/a-b_c.d", "qdrants://q.example.org:443/a-b_c.d"),
            ("qdrant://[::1]:7/x", "qdrant://[::1]:7/x"),
            ("qdrant://localhost/sleep@v2", "qdrant://localhost:6334/sleep@v2"),
            ("qdrant://localhost/sleep@main", "qdrant://localhost:6334/sleep@main"),
            ("qdrant://192.0.2.7/sleep", "qdrant://192.0.2.7:6334/sleep"),
        ] {
            assert_eq!(text.parse::<QdrantUrl>().unwrap().to_string(), full);
        }
    }

    #[test]
    fn spaces_have_collections_of_their_own() {
        let sleep: QdrantUrl = "qdrant://localhost/sleep".parse().unwrap();
        let names = |url: &QdrantUrl| {
            [url.collection().to_owned(), url.recordings(), url.tracks(), url.served()]
        };
        let main = sleep.of_space(&SpaceName::main()).unwrap();
        assert_eq!(names(&sleep), ["sleep", "sleep-recordings", "sleep-tracks", "sleep@served"]);
        assert_eq!(names(&main), names(&sleep));
        let v2 = main.of_space(&SpaceName::new("v2").unwrap()).unwrap();
        let expect = ["sleep@v2", "sleep@v2-recordings", "sleep@v2-tracks", "sleep@served"];
        assert_eq!(names(&v2), expect);
        assert_eq!(v2.of_collection(), sleep);
        for url in [&sleep, &v2] {
            assert_eq!(url.space_of("sleep-recordings"), Some(SpaceName::main()));
            assert_eq!(url.space_of("sleep@v2-recordings"), Some(SpaceName::new("v2").unwrap()));
        }
        for other in ["sleep", "sleep@v2", "sleep2-recordings", "sleep@main-recordings", "a"] {
            assert_eq!(sleep.space_of(other), None, "{other}");
        }
    }

    #[test]
    fn invalid_addresses_are_refused() {
        for text in [
            "sleep",
            "http://localhost/sleep",
            "qdrant://localhost",
            "qdrant://localhost/",
            "qdrant:///sleep",
            "qdrant://localhost:x/sleep",
            "qdrant://localhost:70000/sleep",
            "qdrant://user@host/sleep",
            "qdrant://localhost/sleep?x",
            "qdrant://localhost/sleep#x",
            "qdrant://local host/sleep",
            "qdrant://localhost/sl%65ep",
            "qdrant://localhost/sleep/more",
            "qdrant://localhost/sleep-recordings",
            "qdrant://localhost/sleep-tracks",
            "qdrant://[::1/sleep",
            "qdrant://localhost/@v2",
            "qdrant://localhost/sleep@",
            "qdrant://localhost/sleep@V2",
            "qdrant://localhost/sleep@v2@v3",
            "qdrant://localhost/sleep@served",
            "qdrant://localhost/sleep@v2-recordings",
            "qdrant://localhost/sleep@v2-tracks",
        ] {
            let error = text.parse::<QdrantUrl>().unwrap_err();
            let error = QdrantError::of(&error).expect("an error of Qdrant");
            assert!(matches!(error, QdrantError::Address { .. }), "{text}: {error}");
        }
        let long = |n| format!("qdrant://localhost/{}@v2", "a".repeat(n)).parse::<QdrantUrl>();
        assert!(long(MAX_NAME_LENGTH - 3).is_ok() && long(MAX_NAME_LENGTH - 2).is_err());
    }

    #[test]
    fn addresses_of_this_machine_are_recognised() {
        let is_loopback = |url: &str| url.parse::<QdrantUrl>().unwrap().is_loopback();
        for url in ["qdrant://localhost/x", "qdrant://127.0.0.1/x", "qdrant://[::1]/x"] {
            assert!(is_loopback(url), "{url}");
        }
        for url in ["qdrant://localhost.example.org/x", "qdrant://192.0.2.7/x", "qdrant://[::2]/x"]
        {
            assert!(!is_loopback(url), "{url}");
        }
    }
}
