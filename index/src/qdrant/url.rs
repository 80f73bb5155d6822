//! The address of a collection in Qdrant, or of one of its spaces.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::QdrantProblem;
use crate::error::{Error, Result};
use crate::recording::SpaceName;

/// Port of Qdrant's gRPC interface.
const PORT: u16 = 6334;

/// What the name of the collection of recordings ends with.
const RECORDINGS: &str = "-recordings";

/// What the name of the collection of sketches ends with.
const NIGHTS: &str = "-nights";

/// What stands between the names of a collection and of a space. Qdrant allows it in names, and we allow it in no name of a
/// collection: so no collection has the name of another one's space.
const OF_SPACE: char = '@';

/// What follows the `@` in the alias of the space that is served, and is therefore the name of no space.
const SERVED: &str = "served";

/// Most characters of a name with that of its space: Qdrant makes names of files of it, which may have 255.
const LONGEST: usize = 200;

/// Address of a collection: `qdrant://HOST[:PORT]/COLLECTION`, or `qdrants://…` for an encrypted connection.
///
/// The port is that of gRPC, 6334 where none is given. A collection's name has up to 200 letters, digits, `_`, `.` and `-`.
/// `COLLECTION@SPACE` is the address of one of its spaces, whichever is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QdrantUrl {
    is_encrypted: bool,
    /// With brackets where it is an address of IPv6.
    host: String,
    port: u16,
    name: String,
    /// The space that is asked for by its name.
    space: Option<SpaceName>,
    /// Name of the collection of points: of that space, or of `main`.
    points: String,
}

impl QdrantUrl {
    /// Returns the name of the collection of points: of the space that is named, or of `main`.
    pub fn collection(&self) -> &str {
        &self.points
    }

    /// Returns the space that is asked for by its name; without one, the collection says which is served.
    pub fn space(&self) -> Option<&SpaceName> {
        self.space.as_ref()
    }

    /// Returns the address of a space of the same collection.
    ///
    /// # Errors
    ///
    /// [`QdrantProblem::Url`] where Qdrant cannot have a space of that name.
    pub fn of_space(&self, space: &SpaceName) -> Result<Self> {
        format!("{}{OF_SPACE}{space}", self.of_collection()).parse()
    }

    /// Returns the address of the collection, whichever of its spaces is served.
    pub fn of_collection(&self) -> Self {
        Self { space: None, points: self.name.clone(), ..self.clone() }
    }

    /// Returns whether the server is on this machine, as far as the address tells.
    pub fn is_loopback(&self) -> bool {
        let host = self.host.trim_matches(['[', ']']);
        host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }

    /// Returns the name of the collection of recordings.
    pub(super) fn recordings(&self) -> String {
        format!("{}{RECORDINGS}", self.points)
    }

    /// Returns the name of the collection of sketches.
    pub(super) fn nights(&self) -> String {
        format!("{}{NIGHTS}", self.points)
    }

    /// Returns the alias of the recordings of the space that is served.
    pub(super) fn served(&self) -> String {
        format!("{}{OF_SPACE}{SERVED}", self.name)
    }

    /// Returns the space whose list of recordings a collection of the server is, if it is one of this collection's.
    pub(super) fn space_of(&self, recordings: &str) -> Option<SpaceName> {
        let rest = recordings.strip_prefix(&self.name)?.strip_suffix(RECORDINGS)?;
        match rest.strip_prefix(OF_SPACE) {
            Some(space) => SpaceName::new(space).ok().filter(|space| !space.is_main()),
            None => rest.is_empty().then(SpaceName::main),
        }
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
        write!(f, "{scheme}://{}:{}/{}", self.host, self.port, self.name)?;
        match &self.space {
            Some(space) => write!(f, "{OF_SPACE}{space}"),
            None => Ok(()),
        }
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
    let (name, space) = match collection.split_once(OF_SPACE) {
        Some((name, space)) => (name, Some(parse_space(space)?)),
        None => (collection, None),
    };
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    if name.is_empty() || collection.len() > LONGEST || !name.bytes().all(is_name) {
        return Err("a collection's name has 1 to 200 letters, digits, `_`, `.` and `-`");
    }
    if is_beside(name) {
        return Err(
            "names that end with `-recordings` or `-nights` are for what lies beside a collection",
        );
    }
    let points = match &space {
        Some(space) if !space.is_main() => collection,
        Some(_) | None => name,
    };
    let (host, name, points) = (host.to_owned(), name.to_owned(), points.to_owned());
    Ok(QdrantUrl { is_encrypted, host, port, name, space, points })
}

fn parse_space(space: &str) -> Result<SpaceName, &'static str> {
    if space == SERVED {
        return Err("`served` is no name of a space there: it leads to the one that is served");
    }
    if is_beside(space) {
        return Err(
            "names that end with `-recordings` or `-nights` are for what lies beside a space",
        );
    }
    let problem = "a space's name has 1 to 64 of `a` to `z`, `0` to `9`, `-`, `_` and `.`, a letter or digit first";
    SpaceName::new(space).map_err(|_| problem)
}

fn is_beside(name: &str) -> bool {
    name.ends_with(RECORDINGS) || name.ends_with(NIGHTS)
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
            ("qdrant://localhost/sleep@v2", "qdrant://localhost:6334/sleep@v2"),
            ("qdrant://localhost/sleep@main", "qdrant://localhost:6334/sleep@main"),
        ] {
            assert_eq!(text.parse::<QdrantUrl>().unwrap().to_string(), full);
        }
    }

    #[test]
    fn spaces_have_collections_of_their_own() {
        let sleep: QdrantUrl = "qdrant://localhost/sleep".parse().unwrap();
        let names = |url: &QdrantUrl| {
            [url.collection().to_owned(), url.recordings(), url.nights(), url.served()]
        };
        let main = sleep.of_space(&SpaceName::main()).unwrap();
        assert_eq!(names(&sleep), ["sleep", "sleep-recordings", "sleep-nights", "sleep@served"]);
        assert_eq!(names(&main), names(&sleep));
        let v2 = main.of_space(&SpaceName::new("v2").unwrap()).unwrap();
        let expect = ["sleep@v2", "sleep@v2-recordings", "sleep@v2-nights", "sleep@served"];
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
            "qdrant://localhost/@v2",
            "qdrant://localhost/sleep@",
            "qdrant://localhost/sleep@V2",
            "qdrant://localhost/sleep@v2@v3",
            "qdrant://localhost/sleep@served",
            "qdrant://localhost/sleep@v2-recordings",
            "qdrant://localhost/sleep@v2-nights",
        ] {
            let error = text.parse::<QdrantUrl>().unwrap_err();
            assert!(matches!(error, Error::Qdrant(QdrantProblem::Url { .. })), "{text}: {error}");
        }
        let long = |n| format!("qdrant://localhost/{}@v2", "a".repeat(n)).parse::<QdrantUrl>();
        assert!(long(LONGEST - 3).is_ok() && long(LONGEST - 2).is_err());
    }
}
