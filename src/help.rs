//! The list of commands in `nocturne --help`, by group.

use std::fmt::Write;

use clap::Command;

/// The groups of commands, each with its commands, in the order of the help.
///
/// clap has no groups of subcommands, so the help template contains this list; a test compares it with the commands.
pub(crate) const GROUPS: [(&str, &[&str]); 6] = [
    ("Ask", &["search", "nights", "label", "caption"]),
    (
        "Collections",
        &[
            "index",
            "list",
            "metadata",
            "duplicates",
            "remove",
            "optimize",
            "verify",
            "backup",
            "restore",
            "copy",
            "export",
            "space",
        ],
    ),
    ("Recordings", &["inspect", "stats", "deid", "simulate"]),
    ("Models", &["concepts", "eval"]),
    ("Service", &["serve"]),
    ("Setup", &["demo", "completions", "man"]),
];

/// Returns the command with its subcommands listed by group in its help.
pub(crate) fn grouped(command: Command) -> Command {
    let styles = command.get_styles();
    let (header, literal) = (styles.get_header(), styles.get_literal());
    let width = command.get_subcommands().map(|it| it.get_name().len()).max().unwrap_or_default();
    let mut template = "{about-with-newline}\n{usage-heading} {usage}\n".to_owned();
    for (group, names) in GROUPS {
        let _ = writeln!(template, "\n{header}{group}:{header:#}");
        for subcommand in names.iter().filter_map(|name| command.find_subcommand(name)) {
            let (name, about) = (subcommand.get_name(), subcommand.get_about());
            let about = about.map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(template, "  {literal}{name:width$}{literal:#}  {about}");
        }
    }
    let _ = write!(template, "\n{header}Options:{header:#}\n{{options}}");
    template.push_str("\n\nRun `nocturne help COMMAND` for the options of a command.\n");
    command.help_template(template)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::args;

    use super::*;

    /// Widest line of a help text, in characters.
    const WIDTH: usize = 100;

    /// Returns the help of a command and of all its subcommands, each under its full name.
    fn helps(command: Command, parent: &str, helps: &mut Vec<(String, String)>) {
        let name = format!("{parent}{}", command.get_name());
        for subcommand in command.get_subcommands().filter(|it| it.get_name() != "help") {
            self::helps(subcommand.clone(), &format!("{name} "), helps);
        }
        // No terminal, so no wrapping at its width.
        let help = command.term_width(WIDTH).render_long_help().to_string();
        helps.push((name, help));
    }

    #[test]
    fn groups_list_every_command_once() {
        let listed: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| *names).copied().collect();
        let command = args::command();
        let commands: BTreeSet<&str> = command.get_subcommands().map(Command::get_name).collect();
        assert_eq!(listed.iter().copied().collect::<BTreeSet<_>>(), commands);
        assert_eq!(listed.len(), commands.len());
    }

    #[test]
    fn help_of_every_command_is_as_reviewed() {
        let mut command = args::command();
        command.build();
        let mut found = Vec::new();
        helps(command, "", &mut found);
        insta::with_settings!({ snapshot_path => "../tests/snapshots/help", prepend_module_to_snapshot => false }, {
            for (name, help) in found {
                insta::assert_snapshot!(name.replace(' ', "-"), help);
            }
        });
    }

    #[test]
    fn help_fits_a_terminal() {
        let mut command = args::command();
        command.build();
        let mut found = Vec::new();
        helps(command, "", &mut found);
        for (name, help) in &found {
            // clap does not wrap the usage.
            let mut lines = help.lines().filter(|line| !line.starts_with("Usage:"));
            let wide = lines.find(|line| line.chars().count() > WIDTH);
            assert_eq!(wide, None, "`{name} --help` is too wide");
        }
    }
}
