//! The page on captions shows what is really made.

use std::fmt::Write;
use std::path::Path;

use nocturne_psg::caption::{CaptionKind, EpochFacts, caption, phrase};

/// Returns the text of the first fenced block of a language.
fn block<'a>(page: &'a str, language: &str) -> &'a str {
    let (_, behind) = page.split_once(&format!("```{language}\n")).expect("the block");
    behind.split_once("```").expect("the end of the block").0
}

#[test]
fn examples_are_what_is_made_of_their_facts() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/captions.md");
    let page = std::fs::read_to_string(path).unwrap();
    let facts: EpochFacts = serde_json::from_str(block(&page, "json")).unwrap();
    let examples = block(&page, "text");
    let mut made = String::new();
    for line in examples.lines() {
        let (kind, seed) = line.split_once(':').unwrap().0.split_once(' ').unwrap();
        let seed_number = seed.parse().unwrap();
        let caption = match kind {
            "phrase" => phrase(&facts, seed_number),
            kind => caption(CaptionKind::from_name(kind).unwrap(), &facts, seed_number),
        };
        writeln!(made, "{kind} {seed}: {}", caption.unwrap().text).unwrap();
    }
    assert_eq!(examples, made, "\n{made}");
}

#[test]
fn every_kind_has_an_example() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/captions.md");
    let page = std::fs::read_to_string(path).unwrap();
    let names = CaptionKind::ALL.map(CaptionKind::name);
    for kind in names.into_iter().chain(["phrase"]) {
        let n = block(&page, "text").lines().filter(|line| line.starts_with(kind)).count();
        assert!(n >= 2, "{kind}");
    }
}
