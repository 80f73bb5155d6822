//! `nocturne export`

mod npy;

use anyhow::{Context, Result, bail};
use nocturne_index::Recording;
use nocturne_psg::EventKind;
use nocturne_psg::hash::sha256;
use nocturne_psg::montage::{Channel, ChannelMask};
use serde_json::json;

use crate::args::{Export, ExportFormat};
use crate::console;
use crate::error::CommandOutcome;

pub(super) fn run(arguments: &Export) -> Result<CommandOutcome> {
    let collection = arguments.collection.location().open()?;
    if arguments.format == ExportFormat::Dump && arguments.out.is_some() {
        bail!("`--out` is for `--format npy`; `dump` writes to standard output");
    }
    if arguments.format == ExportFormat::Npy {
        let folder = arguments.out.as_deref().context("name the folder with `--out DIR`")?;
        npy::write(&*collection, folder)?;
        return Ok(CommandOutcome::Done);
    }
    // One recording is in memory at a time.
    for entry in collection.entries() {
        dump(&*collection.read_epochs(&entry.id)?)?;
    }
    Ok(CommandOutcome::Done)
}

/// Writes a line for each epoch, in order.
///
/// Collections with the same contents have the same dump, whatever their files and locations.
fn dump(recording: &Recording) -> Result<()> {
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
