//! The examples in `docs/captions.md` are what the generator produces.

use std::fmt::Write;
use std::path::Path;

use nocturne_psg::caption::{CaptionKind, EpochFacts, caption, phrase};

/// Returns the text of the first fenced block in a language.
fn block<'a>(page: &'a str, language: &str) -> &'a str {
    let (_, rest) = page.split_once(&format!("```{language}\n")).expect("the page has the block");
    rest.split_once("```").expect("the block ends").0
}

#[test]
fn examples_equal_generated_captions() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/captions.md");
    let page = std::fs::read_to_string(path).unwrap();
    let facts: EpochFacts = serde_json::from_str(block(&page, "json")).unwrap();
    let examples = block(&page, "text");
    let mut generated = String::new();
    for line in examples.lines() {
        let (kind, seed) = line.split_once(':').unwrap().0.split_once(' ').unwrap();
        let seed_number = seed.parse().unwrap();
        let caption = match kind {
            "phrase" => phrase(&facts, seed_number),
            kind => caption(CaptionKind::from_name(kind).unwrap(), &facts, seed_number),
        };
        writeln!(generated, "{kind} {seed}: {}", caption.unwrap().text).unwrap();
    }
    assert_eq!(examples, generated, "\n{generated}");
}

#[test]
fn every_kind_has_two_examples() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/captions.md");
    let page = std::fs::read_to_string(path).unwrap();
    let names = CaptionKind::ALL.map(CaptionKind::name);
    for kind in names.into_iter().chain(["phrase"]) {
        let n = block(&page, "text").lines().filter(|line| line.starts_with(kind)).count();
        assert!(n >= 2, "{kind}");
    }
}
