//! The commands in the documentation exist, with their flags.

use std::collections::BTreeSet;

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
        "docs/qdrant.md",
        "docs/simulator.md",
        "docs/spaces.md",
    ];
    let commands: BTreeSet<String> = documents.into_iter().flat_map(commands).collect();
    assert!(commands.len() >= 12, "{commands:?}");
    for command in commands {
        let without_comment = command.split(" #").next().unwrap_or_default();
        let mut words = without_comment.split_whitespace();
        let mut name = vec![words.next().unwrap()];
        // `space` has subcommands with their own arguments.
        if name == ["space"] {
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
