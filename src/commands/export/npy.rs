//! Vectors as a file for `numpy.load`, with a table of their epochs.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};
use nocturne_index::{CollectionReader, Recording, RecordingEntry};
use nocturne_psg::EventKind;
use nocturne_psg::edf::durable::AtomicFile;
use nocturne_psg::montage::Channel;
use serde_json::json;

use crate::console;

/// Names of the files in the folder.
const VECTORS: &str = "vectors.npy";
const EPOCHS: &str = "epochs.csv";
const ABOUT: &str = "about.json";

/// Writes the vectors of a collection as an array `[epochs, dimensions]` of 16-bit floats, a table with a row for each of
/// its rows, and where both come from. One recording is in memory at a time.
pub(super) fn write(collection: &dyn CollectionReader, folder: &Path) -> Result<()> {
    for name in [VECTORS, EPOCHS, ABOUT] {
        let path = folder.join(name);
        if path.exists() {
            bail!("`{}` exists; choose another folder", path.display());
        }
    }
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot create `{}`", folder.display()))?;
    let create = |name: &str| {
        let path = folder.join(name);
        AtomicFile::create(&path).with_context(|| format!("cannot create `{}`", path.display()))
    };
    let (mut vectors, mut epochs) = (create(VECTORS)?, create(EPOCHS)?);
    let entries = collection.entries();
    let space = collection.space();
    let n_epochs: usize = entries.iter().map(|entry| entry.n_epochs).sum();
    let in_folder = || format!("cannot write to `{}`", folder.display());
    vectors.write_all(&npy_header(n_epochs, space.dim)).with_context(in_folder)?;
    let columns: BTreeSet<&String> = entries.iter().flat_map(|it| it.metadata.keys()).collect();
    let mut table = csv::Writer::from_writer(&mut epochs);
    let head = ["row", "recording", "epoch", "onset_s", "stage", "events", "channels"];
    table.write_record(head.into_iter().chain(columns.iter().map(|column| column.as_str())))?;
    let bar = console::progress("exporting", entries.len());
    let mut n_rows = 0;
    for entry in &entries {
        let recording = collection.read_epochs(&entry.id)?;
        for row in 0..recording.n_epochs() {
            vectors.write_all(&recording.vectors().row_bytes(row)?).with_context(in_folder)?;
            let first = record(&recording, row, n_rows);
            let metadata = columns.iter().map(|column| of_metadata(entry, column));
            table.write_record(first.into_iter().chain(metadata))?;
            n_rows += 1;
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    if n_rows != n_epochs {
        bail!("the collection has {n_rows} epochs, not {n_epochs} as it says; verify it");
    }
    table.flush().with_context(in_folder)?;
    drop(table);
    let about = json!({
        "program": format!("nocturne {}", env!("CARGO_PKG_VERSION")),
        "bundle": space.bundle,
        "bundle_fingerprint": space.fingerprint,
        "epochs": n_epochs,
        "dimensions": space.dim,
        "type": "16-bit floats; each row has length 1 but for rounding",
    });
    let mut file = create(ABOUT)?;
    file.write_all(serde_json::to_string_pretty(&about)?.as_bytes()).with_context(in_folder)?;
    for file in [vectors, epochs, file] {
        file.commit().with_context(in_folder)?;
    }
    console::print(format_args!(
        "{n_epochs} vectors of {} recordings in {}",
        entries.len(),
        folder.display()
    ))?;
    Ok(())
}

/// Returns the header of version 1.0 of the format, whose length is a multiple of 64 bytes.
fn npy_header(n_rows: usize, dim: usize) -> Vec<u8> {
    const MAGIC: &[u8] = b"\x93NUMPY\x01\x00";
    let text = format!("{{'descr': '<f2', 'fortran_order': False, 'shape': ({n_rows}, {dim}), }}");
    let length = (MAGIC.len() + 2 + text.len() + 1).next_multiple_of(64) - MAGIC.len() - 2;
    let mut header = MAGIC.to_vec();
    header.extend_from_slice(&(length as u16).to_le_bytes());
    header.extend_from_slice(format!("{text:width$}\n", width = length - 1).as_bytes());
    header
}

/// Returns the fields of an epoch.
fn record(recording: &Recording, row: usize, n_rows: usize) -> Vec<String> {
    let epoch = recording.row(row);
    let events: Vec<&str> = epoch.events.iter().map(EventKind::name).collect();
    let channels: Vec<&str> = epoch.mask.iter().map(Channel::name).collect();
    vec![
        n_rows.to_string(),
        recording.id().to_string(),
        epoch.number.0.to_string(),
        epoch.onset_s.to_string(),
        epoch.stage.map(|stage| stage.code().to_owned()).unwrap_or_default(),
        events.join(";"),
        channels.join(";"),
    ]
}

fn of_metadata(entry: &RecordingEntry, column: &str) -> String {
    entry.metadata.get(column).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_is_padded_to_64_bytes() {
        for (n_rows, dim) in [(0, 64), (12_345_678, 512)] {
            let header = npy_header(n_rows, dim);
            assert_eq!(header.len() % 64, 0);
            assert_eq!(header.last(), Some(&b'\n'));
            let length = u16::from_le_bytes([header[8], header[9]]) as usize;
            assert_eq!(header.len(), 10 + length);
        }
    }
}
