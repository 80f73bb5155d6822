//! Durability: acknowledged recordings survive crashes, and incomplete ones are not visible.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use nocturne_index::storage::{
    CrashImage, Fault, Item, LockResult, Simulated, Storage, StorageFile,
};
use nocturne_index::{
    CollectionReader, CollectionWriter, Error, FolderReader, FolderWriter, RecordingDraft,
    RecordingEntry, Result,
};

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::support::{assert_stored, draft, id, space};

/// The seed of each recording; `None` if the collection does not exist.
type Contents = Option<BTreeMap<&'static str, u64>>;

#[derive(Debug, Clone, Copy)]
enum ScriptStep {
    Commit(&'static str, u64),
    Remove(&'static str),
    Reopen,
    Purge,
}

/// Long enough for two compactions of the log, before and after the removals.
const SCRIPT: [ScriptStep; 14] = [
    ScriptStep::Commit("a", 1),
    ScriptStep::Commit("b", 2),
    ScriptStep::Reopen,
    ScriptStep::Commit("a", 3),
    ScriptStep::Remove("b"),
    ScriptStep::Commit("c", 4),
    ScriptStep::Commit("c", 4),
    ScriptStep::Reopen,
    ScriptStep::Commit("d", 5),
    ScriptStep::Commit("a", 1),
    ScriptStep::Commit("b", 6),
    ScriptStep::Remove("c"),
    ScriptStep::Commit("b", 7),
    ScriptStep::Commit("c", 8),
];

fn night(name: &str, seed: u64) -> RecordingDraft {
    draft(name, seed, 4)
}

/// Runs a script and records which changes were acknowledged.
struct ScriptRun {
    storage: Arc<dyn Storage>,
    writer: Option<FolderWriter>,
    acknowledged: Contents,
    /// The contents after the failed step, if it took effect.
    in_flight: Option<Contents>,
}

impl ScriptRun {
    fn start(storage: Arc<dyn Storage>, script: &[ScriptStep]) -> Self {
        let mut run = Self { storage, writer: None, acknowledged: None, in_flight: None };
        script.iter().for_each(|step| run.apply(*step));
        run.writer = None;
        run
    }

    fn apply(&mut self, step: ScriptStep) {
        if matches!(step, ScriptStep::Reopen) {
            self.writer = None;
        }
        let Some(mut writer) = self.writer.take().or_else(|| self.open()) else { return };
        let mut next = self.acknowledged.clone().unwrap();
        match step {
            ScriptStep::Commit(name, seed) => next.insert(name, seed),
            ScriptStep::Remove(name) => next.remove(name),
            ScriptStep::Reopen | ScriptStep::Purge => None,
        };
        let result = match step {
            ScriptStep::Commit(name, seed) => writer.commit(night(name, seed)).map(|_| ()),
            ScriptStep::Remove(name) => writer.remove(&id(name)),
            ScriptStep::Purge => writer.purge().map(|_| ()),
            ScriptStep::Reopen => Ok(()),
        };
        match result {
            Ok(()) => self.acknowledge(Some(next)),
            Err(Error::WriterStopped { .. }) => return,
            Err(Error::UnknownRecording { .. }) => {}
            Err(Error::Io { .. }) => self.in_flight = Some(Some(next)),
            Err(error) => panic!("unexpected error of a failing disk: {error}"),
        }
        self.writer = Some(writer);
    }

    /// Opens the collection. The recordings in it count as acknowledged, because an indexer would skip them.
    fn open(&mut self) -> Option<FolderWriter> {
        let empty = self.acknowledged.is_none().then(|| Some(BTreeMap::new()));
        match FolderWriter::open_or_create_in(Arc::clone(&self.storage), &space()) {
            Ok(writer) => {
                let opened = Some(writer.entries().into_iter().map(name_and_seed).collect());
                assert!(
                    [Some(&self.acknowledged), self.in_flight.as_ref(), empty.as_ref()]
                        .contains(&Some(&opened))
                );
                self.acknowledge(opened);
                Some(writer)
            }
            Err(Error::Io { .. }) => {
                self.in_flight = self.in_flight.take().or(empty);
                None
            }
            Err(error) => panic!("unexpected error of a failing disk: {error}"),
        }
    }

    fn acknowledge(&mut self, state: Contents) {
        self.acknowledged = state;
        self.in_flight = None;
    }

    /// Returns how the storage after a crash differs from the acknowledged contents; `None` if it does not.
    fn problem_of(&self, found: &Arc<Simulated>) -> Option<String> {
        let state = match read(found) {
            Ok(state) => state,
            Err(error) => return Some(error.to_string()),
        };
        let is_expected = state == self.acknowledged || Some(&state) == self.in_flight.as_ref();
        (!is_expected)
            .then(|| format!("{state:?}; expected {:?} or {:?}", self.acknowledged, self.in_flight))
    }
}

/// Returns the name and the seed of a recording from its entry.
fn name_and_seed(entry: &RecordingEntry) -> (&'static str, u64) {
    let name = ["a", "b", "c", "d"].into_iter().find(|name| *name == entry.id.as_str());
    let sha256 = entry.annotations_sha256.as_deref().unwrap();
    (name.unwrap(), u64::from_str_radix(sha256, 16).unwrap())
}

/// Reads the collection and compares every recording with the committed one.
fn read(storage: &Arc<Simulated>) -> Result<Contents> {
    let collection = match FolderReader::open_in(storage.clone()) {
        Err(Error::NotACollection { .. }) => return Ok(None),
        other => other?,
    };
    let state: BTreeMap<_, _> = collection.entries().into_iter().map(name_and_seed).collect();
    for (name, seed) in &state {
        collection.recording(&id(name))?;
        assert_stored(&collection, &night(name, *seed));
    }
    Ok(Some(state))
}

fn images() -> impl Iterator<Item = CrashImage> {
    [CrashImage::Durable, CrashImage::Everything].into_iter().chain((0..6).map(CrashImage::Some))
}

/// Runs a script with a fault and checks the storage after every kind of crash; returns the number of crashes.
fn check(script: &[ScriptStep], fault: Fault) -> usize {
    let storage = Arc::new(Simulated::default());
    storage.set_fault(fault);
    let run = ScriptRun::start(storage.clone(), script);
    let mut n_cases = 0;
    for image in images() {
        let found = Arc::new(storage.crash(image));
        if let Some(problem) = run.problem_of(&found) {
            panic!("{script:?}, {fault:?}, {image:?}: {problem}");
        }
        let mut writer = FolderWriter::open_or_create_in(found.clone(), &space()).unwrap();
        writer.commit(night("d", 9)).unwrap();
        drop(writer);
        assert_no_leftovers(&found);
        n_cases += 1;
    }
    n_cases
}

/// Checks that opening for writing deletes all files that the last three generations do not need.
fn assert_no_leftovers(storage: &Arc<Simulated>) {
    drop(FolderWriter::open_in(storage.clone(), &space()).unwrap());
    let files = storage.files();
    assert!(files.iter().all(|name| !name.contains(".tmp")), "{files:?}");
    // A compacted manifest with four changes, and older ones that the last three generations still need.
    assert!(files.iter().filter(|name| name.starts_with("manifest-")).count() <= 7, "{files:?}");
    assert!(files.iter().filter(|name| name.starts_with("segments/")).count() <= 6, "{files:?}");
}

fn n_operations(script: &[ScriptStep]) -> usize {
    let storage = Arc::new(Simulated::default());
    ScriptRun::start(storage.clone(), script);
    storage.operations()
}

#[test]
fn script_without_faults_is_acknowledged() {
    let run = ScriptRun::start(Arc::new(Simulated::default()), &SCRIPT);
    let expect = BTreeMap::from([("a", 1), ("b", 7), ("c", 8), ("d", 5)]);
    assert_eq!(run.acknowledged, Some(expect));
}

#[test]
fn failure_of_any_operation_loses_nothing() {
    let n = n_operations(&SCRIPT);
    assert!(n > 100, "the script is too short: {n} operations");
    (0..n).for_each(|operation| {
        check(&SCRIPT, Fault::At(operation));
    });
}

#[test]
fn power_failure_at_any_operation_loses_nothing() {
    (0..=n_operations(&SCRIPT)).for_each(|operation| {
        check(&SCRIPT, Fault::From(operation));
    });
}

/// Returns a random script.
fn random_script(random: &mut Pcg64Mcg) -> Vec<ScriptStep> {
    let n_steps = random.random_range(3..16);
    let step = |_| {
        let name = ["a", "b", "c", "d"][random.random_range(0..4)];
        match random.random_range(0..10) {
            0..6 => ScriptStep::Commit(name, random.random_range(1..99)),
            6..8 => ScriptStep::Remove(name),
            8 => ScriptStep::Reopen,
            _ => ScriptStep::Purge,
        }
    };
    (0..n_steps).map(step).collect()
}

#[test]
fn ten_thousand_random_crashes_lose_nothing() {
    let mut random = Pcg64Mcg::seed_from_u64(6);
    let mut n_cases = 0;
    while n_cases < 10_000 {
        let script = random_script(&mut random);
        let n = n_operations(&script);
        for _ in 0..6 {
            n_cases += check(&script, Fault::From(random.random_range(0..=n)));
            n_cases += check(&script, Fault::At(random.random_range(0..n)));
        }
    }
}

/// Returns the total size in bytes of all manifests written for this number of recordings.
fn bytes_of_manifests(n_recordings: u64) -> usize {
    let storage = Arc::new(Simulated::default());
    let mut writer = FolderWriter::create_in(storage.clone(), &space()).unwrap();
    let mut n_bytes = 0;
    for seed in 0..n_recordings {
        writer.commit(draft(&format!("night-{seed:04}"), seed, 0)).unwrap();
        let name = format!("manifest-{:06}.jsonl", writer.generation());
        n_bytes += storage.read(&name).unwrap().len();
    }
    drop(writer);
    let collection = FolderReader::open_in(storage).unwrap();
    assert_eq!(collection.entries().len(), n_recordings as usize);
    n_bytes
}

#[test]
fn manifests_do_not_grow_quadratically() {
    let (few, many) = (bytes_of_manifests(100), bytes_of_manifests(800));
    assert!(many < 12 * few, "{few} bytes for 100 recordings, {many} for 800");
}

#[test]
fn full_disk_causes_no_damage() {
    let storage = Arc::new(Simulated::default());
    let mut writer = FolderWriter::create_in(storage.clone(), &space()).unwrap();
    writer.commit(night("a", 1)).unwrap();
    for operation in 0..3 {
        // Creating, writing and synchronising the segment.
        storage.set_fault(Fault::At(operation));
        let error = writer.commit(night("b", 2)).unwrap_err();
        assert!(matches!(error, Error::Io { action: "write", .. }), "{error}");
    }
    storage.set_fault(Fault::None);
    writer.commit(night("b", 2)).unwrap();
    assert_eq!(read(&storage).unwrap(), Some(BTreeMap::from([("a", 1), ("b", 2)])));
}

#[test]
fn writer_stops_after_an_unconfirmed_rename() {
    let storage = Arc::new(Simulated::default());
    let mut writer = FolderWriter::create_in(storage.clone(), &space()).unwrap();
    // Create, write, synchronise, rename, and then the folder.
    storage.set_fault(Fault::At(4));
    let error = writer.commit(night("a", 1)).unwrap_err();
    assert_eq!(error.to_string(), "cannot synchronise `simulated/segments`: simulated failure");
    let error = writer.commit(night("a", 1)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "writing to `simulated` has stopped, because the disk failed to confirm an earlier write"
    );
    drop(writer);
    let mut writer = FolderWriter::open_in(storage, &space()).unwrap();
    writer.commit(night("a", 1)).unwrap();
}

/// A disk that confirms synchronisation without doing it.
#[derive(Debug)]
struct FalseSync {
    disk: Arc<Simulated>,
    /// Whether files are not synchronised; otherwise folders are not.
    skips_files: bool,
}

impl Storage for FalseSync {
    fn path(&self, name: &str) -> PathBuf {
        self.disk.path(name)
    }

    fn create_folder(&self, name: &str) -> io::Result<()> {
        self.disk.create_folder(name)
    }

    fn remove_folder(&self, name: &str) -> io::Result<()> {
        self.disk.remove_folder(name)
    }

    fn list(&self, folder: &str) -> io::Result<Vec<Item>> {
        self.disk.list(folder)
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        self.disk.read(name)
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn StorageFile>> {
        let file = self.disk.create(name)?;
        if self.skips_files { Ok(Box::new(FalseSyncFile(file))) } else { Ok(file) }
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk.remove(name)
    }

    fn sync_folder(&self, name: &str) -> io::Result<()> {
        if self.skips_files { self.disk.sync_folder(name) } else { Ok(()) }
    }

    fn lock(&self, name: &str) -> io::Result<LockResult> {
        self.disk.lock(name)
    }
}

struct FalseSyncFile(Box<dyn StorageFile>);

impl io::Write for FalseSyncFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl StorageFile for FalseSyncFile {
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The control: without synchronisation the same check finds a loss.
#[test]
fn power_failure_without_synchronisation_loses_recordings() {
    for skips_files in [true, false] {
        let disk = Arc::new(Simulated::default());
        let run =
            ScriptRun::start(Arc::new(FalseSync { disk: disk.clone(), skips_files }), &SCRIPT);
        let found = Arc::new(disk.crash(CrashImage::Durable));
        assert!(run.problem_of(&found).is_some());
    }
}
