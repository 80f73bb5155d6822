//! `nocturne concepts add`

use std::path::Path;

use anyhow::{Context, Result};
use nocturne_concepts::Registry;
use nocturne_psg::edf::durable;

use crate::args::ConceptsAdd;
use crate::console;
use crate::error::CommandOutcome;

/// The first lines of a new file.
const HEADER: &str = "# Concepts of your own, beside the shipped ones.\n\nversion = 1\n";

pub(super) fn add(arguments: &ConceptsAdd) -> Result<CommandOutcome> {
    let ConceptsAdd { file, own } = arguments;
    let new = read(file)?;
    let existing = if own.exists() { read(own)? } else { HEADER.to_owned() };
    let entries = entries(&new);
    let joined = format!("{}\n\n{}\n", existing.trim_end(), entries.trim());
    // Both files are checked on their own first, so that an error names the file that it is in.
    Registry::with_files(std::slice::from_ref(file))?;
    let name = own.display().to_string();
    let registry = Registry::with_text(&name, &joined)?;
    durable::write(own, joined.as_bytes())
        .with_context(|| format!("cannot write `{}`", own.display()))?;
    let n_own = registry.concepts().len() - Registry::shipped().concepts().len();
    console::print(format_args!("{}: {n_own} concepts of your own", own.display()))?;
    console::note(format_args!(
        "use them with `--concepts {}` or NOCTURNE_CONCEPTS",
        own.display()
    ));
    Ok(CommandOutcome::Done)
}

fn read(file: &Path) -> Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("cannot read `{}`", file.display()))
}

/// Returns a file from its first concept on: without its version and the comments before.
fn entries(text: &str) -> &str {
    text.find("[[concept]]").map_or("", |at| &text[at..])
}
