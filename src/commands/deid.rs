//! `nocturne deid`

use anyhow::{Result, bail};
use nocturne_psg::deidentify::{deidentify, identifying_content};
use nocturne_psg::edf::{DeidentifyOptions, IdentifyingContent};

use crate::args::{Deid, PatientField};
use crate::console;
use crate::error::CommandOutcome;

pub(super) fn run(arguments: &Deid) -> Result<CommandOutcome> {
    let Deid { file, out, keep_date, keep_texts, keep, json, .. } = arguments;
    let options = DeidentifyOptions {
        keep_date: *keep_date,
        keep_texts: *keep_texts,
        keep_sex: keep.contains(&PatientField::Sex),
        keep_age: keep.contains(&PatientField::Age),
    };
    let found = match out {
        Some(copy) => deidentify(file, copy, options)?,
        None => identifying_content(file)?,
    };
    if *json {
        console::print_json(&found)?;
    } else {
        let lines = match out {
            Some(_) => changes(&found, options),
            None => sentences(&found),
        };
        lines.iter().try_for_each(console::print)?;
    }
    match out {
        Some(copy) => console::note(format_args!("wrote {}", copy.display())),
        None if found.is_empty() => {}
        None => bail!("`{}` contains identifying fields", file.display()),
    }
    Ok(CommandOutcome::Done)
}

/// Describes what the copy does not have, and what it has although it may identify a person.
fn changes(found: &IdentifyingContent, options: DeidentifyOptions) -> Vec<String> {
    let IdentifyingContent { patient, recording, start_date, unknown_texts, surplus_bytes } = found;
    let DeidentifyOptions { keep_date, keep_texts, keep_sex, keep_age } = options;
    let patient_field = match (keep_age, keep_sex) {
        (false, false) => "patient field",
        (true, false) => "patient field, but for the age",
        (false, true) => "patient field, but for the sex",
        (true, true) => "patient field, but for age and sex",
    };
    let texts = format!("{unknown_texts} annotation texts other than names of known events");
    let surplus = format!("{surplus_bytes} bytes after the last data record");
    let fields = [
        (*patient, false, patient_field),
        (*recording, false, "recording field"),
        (*start_date, keep_date, "start date"),
        (*unknown_texts > 0, keep_texts, texts.as_str()),
        (*surplus_bytes > 0, false, surplus.as_str()),
    ];
    let present = fields.into_iter().filter(|(is_present, ..)| *is_present);
    let changes: Vec<String> = present
        .map(|(_, is_kept, field)| {
            let change = if is_kept { "kept" } else { "removed" };
            format!("{change}: {field}")
        })
        .collect();
    if changes.is_empty() { vec!["no identifying fields".to_owned()] } else { changes }
}

/// Describes the identifying fields without their contents.
fn sentences(found: &IdentifyingContent) -> Vec<String> {
    let IdentifyingContent { patient, recording, start_date, unknown_texts, surplus_bytes } = found;
    let mut sentences = Vec::new();
    let mut add = |is_present: bool, sentence: String| {
        if is_present {
            sentences.push(sentence);
        }
    };
    add(*patient, "the patient field is not empty".to_owned());
    add(*recording, "the recording field is not empty".to_owned());
    add(*start_date, "there is a start date".to_owned());
    add(
        *unknown_texts > 0,
        format!("{unknown_texts} annotations have texts other than names of known events"),
    );
    add(*surplus_bytes > 0, format!("{surplus_bytes} bytes follow the last data record"));
    if sentences.is_empty() {
        sentences.push("no identifying fields".to_owned());
    }
    sentences
}
