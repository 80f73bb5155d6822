//! `nocturne export`

use anyhow::Result;
use nocturne_index::{Collection, Recording};
use nocturne_psg::EventKind;
use nocturne_psg::hash::sha256;
use nocturne_psg::montage::{Channel, ChannelMask};
use serde_json::json;

use crate::args::{Export, ExportFormat};
use crate::console;
use crate::error::Outcome;

pub(super) fn run(arguments: &Export) -> Result<Outcome> {
    let collection = Collection::open(&arguments.collection)?;
    match arguments.format {
        ExportFormat::Dump => dump(&collection)?,
    }
    Ok(Outcome::Done)
}

/// Writes a line for each epoch: by name of the recording, then by number.
///
/// Two collections have the same dump where they hold the same, whatever their files look like.
fn dump(collection: &Collection) -> Result<()> {
    for entry in collection.recordings() {
        // A recording is read, written and forgotten, however many there are.
        let recording = collection.read_recording(&entry.id)?;
        dump_recording(&recording)?;
    }
    Ok(())
}

fn dump_recording(recording: &Recording) -> Result<()> {
    let names = |mask: ChannelMask| mask.iter().map(Channel::name).collect::<Vec<_>>();
    for row in 0..recording.n_epochs() {
        let epoch = recording.row(row);
        console::print_json(&json!({
            "recording": recording.id(),
            "epoch": epoch.number.0,
            "vector_sha256": sha256(recording.vectors().row_bytes(row)?),
            "onset_s": epoch.onset_s,
            "stage": epoch.stage,
            "events": epoch.events.iter().map(EventKind::name).collect::<Vec<_>>(),
            "channels": names(epoch.mask),
            "missing": names(epoch.quality.missing),
            "flat": names(epoch.quality.flat),
            "clipped": names(epoch.quality.clipped),
        }))?;
    }
    Ok(())
}
