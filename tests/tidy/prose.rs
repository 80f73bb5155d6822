//! Words that a native engineer would not write in documentation, messages or comments.
//!
//! The patterns are markers of translated English, not of bad style in general: each has a standard replacement.

use std::path::PathBuf;

use regex::Regex;

use super::{find, root, shown};

/// A pattern and what to write instead.
const MARKERS: [(&str, &str); 15] = [
    (r"\b(is|are|was|were) no [a-z]", "`is not a …`, `there is no …`"),
    (r"\b([Tt]old|[Tt]ells?|[Tt]elling)\b", "`reports`, `says`, `shows`"),
    (r"\b(is|are|was|were|be) said\b|\bsaid of\b", "the thing itself: `metadata`, `entry`"),
    (r"\b([Ww]hoever|[Nn]obody|[Aa]nybody)\b", "`users`, `no one`, or the actor's name"),
    (r"\bgreat(er|est)?\b", "`large`"),
    (r"\b([Tt]he|[Ii]ts|[Tt]heir|[Ee]ach) begin\b", "`start`, `onset`"),
    (r"\b[Aa]new\b", "`again`, `rebuilt`"),
    (r"\bof before\b", "`previous`"),
    (r"\bby chance\b", "`random`, `at random`"),
    (r"\b[Ss]o many\b", "the number"),
    (r"\b[Dd]ear\b", "`expensive`"),
    (r"\b[Ll]ack(s|ed|ing)?\b", "`missing`, `without`, `does not have`"),
    (r"\b[Ss]t(ands?|ood) for\b", "`represents`, `means`"),
    (r"\b[Mm]end(s|ed|ing)?\b", "`fix`, `repair`"),
    (r"\bfor want of\b|\bin peace\b|\bas (you|one) likes?\b", "a plain sentence"),
];

/// Standard English that the patterns match as well.
const ALLOWED: [&str; 7] = [
    "there is no ",
    "there are no ",
    "there was no ",
    "there were no ",
    "is no longer ",
    "are no longer ",
    "greater than",
];

fn texts() -> Vec<PathBuf> {
    let mut files = Vec::new();
    find(root(), &["rs", "md", "toml", "proto", "py", "cff", "sh"], &mut files);
    files.retain(|path| {
        let name = shown(path);
        // The wordings of captions and prompts are data that the shipped bundle was trained on; cards are output.
        let is_data = ["psg/data/captions/", "encoder/prompts/", "models/nocturne-tiny/cards/"]
            .iter()
            .any(|folder| name.starts_with(folder));
        !is_data && name != "tests/tidy/prose.rs"
    });
    files
}

#[test]
fn prose_has_no_marker_of_translated_english() {
    let markers = MARKERS.map(|(pattern, instead)| (Regex::new(pattern).unwrap(), instead));
    let mut found = Vec::new();
    for path in texts() {
        let text = std::fs::read_to_string(&path).unwrap();
        for (number, line) in text.lines().enumerate() {
            let mut line = line.to_owned();
            for allowed in ALLOWED {
                line = line.replace(allowed, "");
                let mut capital = allowed.to_owned();
                capital[..1].make_ascii_uppercase();
                line = line.replace(&capital, "");
            }
            for (marker, instead) in &markers {
                if let Some(hit) = marker.find(&line) {
                    let (path, number) = (shown(&path), number + 1);
                    found.push(format!("{path}:{number}: `{}`; write {instead}", hit.as_str()));
                }
            }
        }
    }
    assert!(found.is_empty(), "{} places:\n{}", found.len(), found.join("\n"));
}

#[test]
fn markers_match_the_sentences_they_are_meant_for() {
    let matches =
        |text: &str| MARKERS.iter().any(|(pattern, _)| Regex::new(pattern).unwrap().is_match(text));
    for sentence in [
        "the last 3 bytes are no whole data record",
        "what is said of a recording",
        "Whoever reads it is told.",
        "a great collection",
        "the begin of the epoch",
        "the space lacks 3 recordings",
    ] {
        assert!(matches(sentence), "{sentence}");
    }
    for sentence in ["a large collection", "the epoch starts here", "3 recordings are missing"] {
        assert!(!matches(sentence), "{sentence}");
    }
}
