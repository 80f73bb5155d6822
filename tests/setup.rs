//! Colours, `nocturne completions` and `nocturne man`.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use crate::program::{nocturne, run, text};

/// Returns whether the help has escape sequences, given these environment variables.
fn is_coloured(environment: &[(&str, &str)]) -> bool {
    let mut command = nocturne(["--help"]);
    let output = command.envs(environment.iter().copied()).output().unwrap();
    assert!(output.status.success());
    output.stdout.contains(&0x1b)
}

#[test]
fn colours_follow_the_environment() {
    // The output of a test is not a terminal.
    assert!(!is_coloured(&[]));
    assert!(!is_coloured(&[("CLICOLOR", "1")]));
    assert!(is_coloured(&[("CLICOLOR_FORCE", "1")]));
    assert!(!is_coloured(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
}

#[test]
fn completions_are_written_for_every_shell() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = run(["completions", shell]).expect_code(0).stdout;
        assert!(script.contains("backfill") && script.contains("collection"), "{shell}: {script}");
    }
    run(["completions", "cmd"]).expect_code(2);
}

#[cfg(unix)]
#[test]
fn completions_for_bash_are_valid() {
    use std::io::Write;

    let script = run(["completions", "bash"]).expect_code(0).stdout;
    // `-n` parses the script without running it.
    let shell = Command::new("bash").arg("-n").stdin(Stdio::piped()).spawn();
    let mut shell = shell.expect("the repository's scripts need bash");
    shell.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    assert!(shell.wait().unwrap().success());
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("man");
    run(["man", "--out", text(&out)]).expect_code(0);
    let names = std::fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name());
    let names: BTreeSet<String> = names.map(|name| name.into_string().unwrap()).collect();
    for command in ["nocturne", "nocturne-search", "nocturne-space", "nocturne-space-backfill"] {
        let page = std::fs::read_to_string(out.join(format!("{command}.1"))).unwrap();
        assert!(page.contains(&format!(".TH {command} 1")), "{page}");
    }
    let help = run(["--help"]).expect_code(0).stdout;
    // Commands are indented by two spaces, descriptions of options by more.
    let commands = help.lines().filter_map(|line| line.strip_prefix("  "));
    let commands = commands.filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()));
    for command in commands.filter_map(|line| line.split_whitespace().next()) {
        assert!(names.contains(&format!("nocturne-{command}.1")), "`{command}` has no page");
    }
}
