//! The commands in the documentation exist, with their flags, and its questions are read as it says.

use std::collections::BTreeSet;

use nocturne_concepts::Registry;
use nocturne_engine::grammar::{
    MAX_NODES, MAX_QUESTION_BYTES, MetadataColumn, parse_typed, parse_words,
};

use crate::program::{root, run};

/// Returns every command line of the program in the code blocks of a document.
fn commands(document: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(root().join(document)).unwrap();
    let mut is_code = false;
    let mut commands = BTreeSet::new();
    for line in text.lines() {
        if line.starts_with("```") {
            is_code = !is_code;
        } else if let Some(command) =
            line.trim_start_matches("$ ").strip_prefix("nocturne ").filter(|_| is_code)
        {
            commands.insert(command.to_owned());
        }
    }
    commands
}

#[test]
fn commands_in_the_documentation_have_known_flags() {
    let documents = [
        "README.md",
        "docs/captions.md",
        "docs/collections.md",
        "docs/evaluation.md",
        "docs/filters.md",
        "docs/formats.md",
        "docs/localisation.md",
        "docs/qdrant.md",
        "docs/questions.md",
        "docs/simulator.md",
        "docs/spaces.md",
    ];
    let commands: BTreeSet<String> = documents.into_iter().flat_map(commands).collect();
    assert!(commands.len() >= 12, "{commands:?}");
    for command in commands {
        let without_comment = command.split(" #").next().unwrap_or_default();
        let mut words = without_comment.split_whitespace();
        let mut name = vec![words.next().unwrap()];
        // These have subcommands with their own arguments.
        if ["space", "concepts"].contains(&name[0]) {
            name.extend(words.next());
        }
        let help = run(name.iter().chain(&["--help"])).expect_code(0);
        let name = name.join(" ");
        for flag in words.filter(|word| word.starts_with('-') && word.len() > 1) {
            let flag = flag.split('=').next().unwrap_or_default();
            assert!(help.stdout.contains(flag), "`nocturne {name}` has no `{flag}`: {command}");
        }
    }
}

/// Returns the page about questions.
fn questions_page() -> String {
    std::fs::read_to_string(root().join("docs/questions.md")).unwrap()
}

/// Returns the code blocks of a document that start with this fence.
fn blocks(document: &str, fence: &str) -> Vec<String> {
    let start = format!("{fence}\n");
    let rest = document.split(start.as_str()).skip(1);
    rest.map(|rest| rest.split("```").next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn questions_in_the_documentation_are_read_as_it_says() {
    let (page, registry) = (questions_page(), Registry::shipped());
    let columns = ["sex", "age", "bmi", "cohort"].map(MetadataColumn::from);
    let cells = |line: &str| {
        let line = line.strip_prefix("| `")?.strip_suffix("` |")?;
        line.split_once("` | `").map(|(words, typed)| (words.to_owned(), typed.to_owned()))
    };
    let rows: Vec<(String, String)> = page.lines().filter_map(cells).collect();
    assert!(rows.len() >= 40, "{rows:?}");
    for (words, typed) in rows {
        let read = parse_words(&words, registry, &columns).unwrap_or_else(|problem| {
            panic!("{words}: {problem}");
        });
        assert_eq!(read.to_string(), typed, "{words}");
        assert_eq!(parse_typed(&typed, registry).unwrap(), read, "{typed}");
    }
    let examples = blocks(&page, "```question");
    let examples: Vec<&str> = examples.iter().flat_map(|block| block.lines()).collect();
    assert!(examples.len() >= 10, "{examples:?}");
    for example in examples {
        assert!(parse_typed(example, registry).is_ok(), "{example}");
    }
}

#[test]
fn page_about_questions_names_every_concept_and_the_limits_of_the_code() {
    let page = questions_page();
    let ids = Registry::shipped().concepts().iter().map(|concept| &concept.id);
    let missing: Vec<&String> = ids.filter(|id| !page.contains(&format!("`{id}`"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let limits = format!(
        "at most {MAX_QUESTION_BYTES} bytes, and at most {MAX_NODES} conditions and concepts"
    );
    assert!(page.contains(&limits), "{limits}");
    let own = blocks(&page, "```toml").remove(0);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), own).unwrap();
    let with_own = Registry::with_files(&[file.path().to_owned()]).unwrap();
    assert_eq!(with_own.concepts().len(), Registry::shipped().concepts().len() + 1);
    let asked = parse_words("more than 5 graphoelements per hour", &with_own, &[]).unwrap();
    assert_eq!(asked.to_string(), "rate(sleep_graphoelement) > 5");
}
