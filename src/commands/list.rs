//! `nocturne list`

use anyhow::Result;
use nocturne_index::{Catalogue, CollectionReader, Facet, ListingPage, Location, RecordingEntry};
use nocturne_psg::montage::{Channel, ChannelMask};
use nocturne_psg::{EPOCH_S, RecordingId};
use serde_json::json;

use crate::args::List;
use crate::console;
use crate::error::CommandOutcome;
use crate::table::table;

const SECONDS_PER_HOUR: f64 = 3600.0;

pub(super) fn run(arguments: &List) -> Result<CommandOutcome> {
    let filter = arguments.filter.on(&[])?;
    let location = arguments.collection.location();
    let collection = location.open()?;
    let catalogue = Catalogue::new(&*collection, &filter)?;
    if arguments.facets.is_empty() {
        list(arguments, &location, &*collection, &catalogue)
    } else {
        count(arguments, &*collection, &catalogue)
    }
}

/// Returns the name of the bundle, with the space if there are several and the location names none.
fn bundle(location: &Location, collection: &dyn CollectionReader) -> Result<String> {
    let bundle = collection.space().bundle.clone();
    if location.space_name().is_some() {
        return Ok(bundle);
    }
    Ok(match location.spaces()?.names()?.len() {
        1 => bundle,
        n => format!("{bundle}, space {} of {n}", collection.space_name()),
    })
}

fn list(
    arguments: &List,
    location: &Location,
    collection: &dyn CollectionReader,
    catalogue: &Catalogue<'_>,
) -> Result<CommandOutcome> {
    let page_size = arguments.page_size.map_or(usize::MAX, |n| n as usize);
    let token = arguments.page_token.as_deref().unwrap_or_default();
    let page = catalogue.page(page_size, token)?;
    if arguments.json {
        page.recordings.iter().try_for_each(console::print_json)?;
        if arguments.page_size.is_some() {
            let ListingPage { next_token, n_recordings, .. } = &page;
            let end = json!({ "next_page_token": next_token, "total_size": n_recordings });
            console::print_json(&end)?;
        }
        return Ok(outcome(&page.missing));
    }
    let headings = [
        "recording",
        "start",
        ">epochs",
        ">hours",
        ">sleep",
        ">events",
        "channels without a usable signal",
    ];
    console::print(table(&headings, page.recordings.iter().map(|listed| row(listed.entry))))?;
    let n_epochs: usize = page.recordings.iter().map(|listed| listed.n_epochs_allowed).sum();
    let n_listed = page.recordings.len();
    let of_all = match page.n_recordings {
        all if all == n_listed => String::new(),
        all => format!(" of {all}"),
    };
    let bundle = bundle(location, collection)?;
    console::print(format_args!(
        "{n_listed}{of_all} recordings, {n_epochs} epochs, bundle {bundle}"
    ))?;
    if let Some(token) = &page.next_token {
        console::print(format_args!("next page: --page-token {token}"))?;
    }
    Ok(outcome(&page.missing))
}

fn count(
    arguments: &List,
    collection: &dyn CollectionReader,
    catalogue: &Catalogue<'_>,
) -> Result<CommandOutcome> {
    let mut outcome = CommandOutcome::Done;
    for name in &arguments.facets {
        let counts = catalogue.facet(&Facet::of(name, collection)?)?;
        if self::outcome(&counts.missing) == CommandOutcome::PartlyDone {
            outcome = CommandOutcome::PartlyDone;
        }
        if arguments.json {
            console::print_json(&counts)?;
            continue;
        }
        let rows = counts.values.into_iter().map(|it| {
            let value = it.value.unwrap_or_else(|| "–".to_owned());
            vec![value, it.n_recordings.to_string(), it.n_epochs.to_string()]
        });
        console::print(table(&[name, ">recordings", ">epochs"], rows))?;
    }
    Ok(outcome)
}

/// Reports damaged recordings and returns the outcome of the command.
fn outcome(missing: &[RecordingId]) -> CommandOutcome {
    for recording in missing {
        console::note(format_args!("warning: `{recording}` is damaged; skipped"));
    }
    if missing.is_empty() { CommandOutcome::Done } else { CommandOutcome::PartlyDone }
}

fn row(entry: &RecordingEntry) -> Vec<String> {
    let unknown = || "–".to_owned();
    let hours = |seconds: f64| format!("{:.1}", seconds / SECONDS_PER_HOUR);
    vec![
        entry.id.to_string(),
        entry.start.map_or_else(unknown, |start| start.to_string()),
        entry.n_epochs.to_string(),
        hours(entry.n_epochs as f64 * EPOCH_S),
        entry.sleep_s.map_or_else(unknown, hours),
        entry.n_events.map_or_else(unknown, |n| n.to_string()),
        unusable_channels(entry.mask),
    ]
}

/// Returns the channels without a usable signal in the whole recording.
fn unusable_channels(mask: ChannelMask) -> String {
    let names: Vec<&str> = Channel::ALL
        .into_iter()
        .filter(|channel| !mask.contains(*channel))
        .map(Channel::name)
        .collect();
    names.join(" ")
}
