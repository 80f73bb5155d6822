//! Resident memory of the searched files.

use std::fs;
use std::path::Path;

use nocturne_index::{
    CollectionWriter, ExactIndex, FolderReader, FolderWriter, SearchRequest, VectorIndex,
};
use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;

use crate::support::{plain_draft, plain_epoch, random_embedding, space_of};

const DIM: usize = 64;
const ROWS: u32 = 4000;

/// Returns how many bytes of the mapped files of a folder are resident.
fn resident(folder: &Path) -> usize {
    let folder = folder.canonicalize().unwrap();
    let mut is_of_folder = false;
    let mut n_bytes = 0;
    for line in fs::read_to_string("/proc/self/smaps").unwrap().lines() {
        if let Some(kib) = line.strip_prefix("Rss:") {
            let kib: usize = kib.trim().strip_suffix(" kB").unwrap().parse().unwrap();
            n_bytes += if is_of_folder { 1024 * kib } else { 0 };
        } else if let Some(start) = line.find('/') {
            is_of_folder = Path::new(&line[start..]).starts_with(&folder);
        } else if line.contains('-') {
            // The first line of a mapping without a file.
            is_of_folder = false;
        }
    }
    n_bytes
}

#[test]
fn only_codes_stay_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Pcg64Mcg::seed_from_u64(31);
    let mut writer = FolderWriter::create(folder.path(), &space_of("small", DIM)).unwrap();
    for name in ["a", "b"] {
        let epochs =
            (0..ROWS).map(|number| plain_epoch(number, random_embedding(&mut random, DIM)));
        writer.commit(plain_draft(name, epochs.collect())).unwrap();
    }
    let index = ExactIndex::new(FolderReader::open(folder.path()).unwrap().segments().unwrap());
    let queries: Vec<_> = (0..20).map(|_| random_embedding(&mut random, DIM)).collect();
    for query in &queries {
        index.search(query, &SearchRequest::nearest(100)).unwrap();
    }
    for recording in index.recordings() {
        let recording = recording.unwrap();
        (0..recording.n_epochs()).for_each(|row| drop(recording.cosines(row, &queries).unwrap()));
    }
    let codes = 2 * ROWS as usize * DIM;
    // Per file, one page of up to 64 KiB before the codes and one after them. The vectors, which must not be resident,
    // are twice as large as the codes.
    let pages = 2 * 2 * 65_536;
    let resident = resident(folder.path());
    assert!((codes..=codes + pages).contains(&resident), "{resident} of {codes}");
}
