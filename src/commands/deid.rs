//! `nocturne deid`

use anyhow::{Result, bail};
use nocturne_psg::edf::{Identity, Keep, deidentify, identity};

use crate::args::Deid;
use crate::console;
use crate::error::CommandOutcome;

pub(super) fn run(arguments: &Deid) -> Result<CommandOutcome> {
    let Deid { file, out, keep_date, keep_texts, json, .. } = arguments;
    let found = match out {
        Some(copy) => deidentify(file, copy, Keep { date: *keep_date, texts: *keep_texts })?,
        None => identity(file)?,
    };
    if *json {
        console::print_json(&found)?;
    } else {
        sentences(&found).iter().try_for_each(console::print)?;
    }
    match out {
        Some(copy) => console::note(format_args!("written: {}", copy.display())),
        None if found.is_empty() => {}
        None => bail!("`{}` holds what may lead to a person", file.display()),
    }
    Ok(CommandOutcome::Done)
}

/// Says what was found, without repeating it.
fn sentences(found: &Identity) -> Vec<String> {
    let Identity { patient, recording, start_date, unknown_texts, surplus_bytes } = found;
    let mut sentences = Vec::new();
    let mut say = |is_there: bool, sentence: String| {
        if is_there {
            sentences.push(sentence);
        }
    };
    say(*patient, "the patient field says something".to_owned());
    say(*recording, "the recording field says something".to_owned());
    say(*start_date, "the start date is given".to_owned());
    say(
        *unknown_texts > 0,
        format!("{unknown_texts} annotations have texts that are no known names"),
    );
    say(*surplus_bytes > 0, format!("{surplus_bytes} bytes lie behind the last record"));
    if sentences.is_empty() {
        sentences.push("nothing that may lead to a person".to_owned());
    }
    sentences
}
