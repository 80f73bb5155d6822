//! `nocturne list`

use anyhow::Result;
use nocturne_index::{Collection, RecordingEntry};
use nocturne_psg::EPOCH_S;
use nocturne_psg::montage::{Channel, ChannelMask};

use crate::args::List;
use crate::console;
use crate::error::Outcome;
use crate::table::table;

const SECONDS_PER_HOUR: f64 = 3600.0;

pub(super) fn run(arguments: &List) -> Result<Outcome> {
    let collection = Collection::open(&arguments.collection)?;
    if arguments.json {
        collection.recordings().try_for_each(console::print_json)?;
        return Ok(Outcome::Done);
    }
    let rows = collection.recordings().map(row);
    console::print(table(
        &["recording", "start", ">epochs", ">hours", ">sleep", ">events", "without"],
        rows,
    ))?;
    console::print(format_args!(
        "{} recordings, {} epochs, bundle {}",
        collection.recordings().len(),
        collection.n_epochs(),
        collection.space().bundle
    ))?;
    Ok(Outcome::Done)
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
        missing(entry.mask),
    ]
}

/// Returns the channels that a recording lacks throughout.
fn missing(mask: ChannelMask) -> String {
    let names: Vec<&str> = Channel::ALL
        .into_iter()
        .filter(|channel| !mask.contains(*channel))
        .map(Channel::name)
        .collect();
    names.join(" ")
}
