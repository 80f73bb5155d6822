//! Acknowledged is on disk; what is not on disk whole is not there.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use nocturne_index::storage::{
    CrashImage, Fault, Item, LockResult, Simulated, Storage, StorageFile,
};
use nocturne_index::{Collection, CollectionWriter, Error, RecordingDraft, RecordingEntry, Result};

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::support::{assert_kept, draft, id, space};

/// Which recordings there are, with the seed of each; nothing where there is no collection.
type State = Option<BTreeMap<&'static str, u64>>;

#[derive(Debug, Clone, Copy)]
enum Step {
    Commit(&'static str, u64),
    Remove(&'static str),
    Reopen,
    Purge,
}

/// Long enough for the log to be made anew as a whole twice, before and after what is removed.
const SCRIPT: [Step; 14] = [
    Step::Commit("a", 1),
    Step::Commit("b", 2),
    Step::Reopen,
    Step::Commit("a", 3),
    Step::Remove("b"),
    Step::Commit("c", 4),
    Step::Commit("c", 4),
    Step::Reopen,
    Step::Commit("d", 5),
    Step::Commit("a", 1),
    Step::Commit("b", 6),
    Step::Remove("c"),
    Step::Commit("b", 7),
    Step::Commit("c", 8),
];

fn night(name: &str, seed: u64) -> RecordingDraft {
    draft(name, seed, 4)
}

/// Plays the script and keeps account of what was promised.
struct Player {
    storage: Arc<dyn Storage>,
    writer: Option<CollectionWriter>,
    acknowledged: State,
    /// What a step that failed was about to bring about.
    in_flight: Option<State>,
}

impl Player {
    fn play(storage: Arc<dyn Storage>, script: &[Step]) -> Self {
        let mut player = Self { storage, writer: None, acknowledged: None, in_flight: None };
        script.iter().for_each(|step| player.step(*step));
        player.writer = None;
        player
    }

    fn step(&mut self, step: Step) {
        if matches!(step, Step::Reopen) {
            self.writer = None;
        }
        let Some(mut writer) = self.writer.take().or_else(|| self.open()) else { return };
        let mut next = self.acknowledged.clone().unwrap();
        match step {
            Step::Commit(name, seed) => next.insert(name, seed),
            Step::Remove(name) => next.remove(name),
            Step::Reopen | Step::Purge => None,
        };
        let result = match step {
            Step::Commit(name, seed) => writer.commit(night(name, seed)).map(|_| ()),
            Step::Remove(name) => writer.remove(&id(name)),
            Step::Purge => writer.purge().map(|_| ()),
            Step::Reopen => Ok(()),
        };
        match result {
            Ok(()) => self.acknowledge(Some(next)),
            Err(Error::WriterStopped { .. }) => return,
            Err(Error::UnknownRecording { .. }) => {}
            Err(Error::Io { .. }) => self.in_flight = Some(Some(next)),
            Err(error) => panic!("a failing disk makes no such error: {error}"),
        }
        self.writer = Some(writer);
    }

    /// Opens the collection; what the writer then sees counts as acknowledged, for an indexer passes over it.
    fn open(&mut self) -> Option<CollectionWriter> {
        let none_yet = self.acknowledged.is_none().then(|| Some(BTreeMap::new()));
        match CollectionWriter::open_or_create_in(Arc::clone(&self.storage), &space()) {
            Ok(writer) => {
                let seen = Some(writer.recordings().map(name_and_seed).collect());
                assert!(
                    [Some(&self.acknowledged), self.in_flight.as_ref(), none_yet.as_ref()]
                        .contains(&Some(&seen))
                );
                self.acknowledge(seen);
                Some(writer)
            }
            Err(Error::Io { .. }) => {
                self.in_flight = self.in_flight.take().or(none_yet);
                None
            }
            Err(error) => panic!("a failing disk makes no such error: {error}"),
        }
    }

    fn acknowledge(&mut self, state: State) {
        self.acknowledged = state;
        self.in_flight = None;
    }

    /// Returns what is wrong with a folder that is found after a crash.
    fn problem_of(&self, found: &Arc<Simulated>) -> Option<String> {
        let state = match read(found) {
            Ok(state) => state,
            Err(error) => return Some(error.to_string()),
        };
        let is_promised = state == self.acknowledged || Some(&state) == self.in_flight.as_ref();
        (!is_promised)
            .then(|| format!("{state:?}; expected {:?} or {:?}", self.acknowledged, self.in_flight))
    }
}

/// Reads from a recording's entry how it was made.
fn name_and_seed(entry: &RecordingEntry) -> (&'static str, u64) {
    let name = ["a", "b", "c", "d"].into_iter().find(|name| *name == entry.id.as_str());
    let sha256 = entry.annotations_sha256.as_deref().unwrap();
    (name.unwrap(), u64::from_str_radix(sha256, 16).unwrap())
}

/// Reads everything there is, and compares every recording with what was committed.
fn read(storage: &Arc<Simulated>) -> Result<State> {
    let collection = match Collection::open_in(storage.clone()) {
        Err(Error::NotACollection { .. }) => return Ok(None),
        other => other?,
    };
    let state: BTreeMap<_, _> = collection.recordings().map(name_and_seed).collect();
    for (name, seed) in &state {
        collection.recording(&id(name))?;
        assert_kept(&collection, &night(name, *seed));
    }
    Ok(Some(state))
}

fn images() -> impl Iterator<Item = CrashImage> {
    [CrashImage::Durable, CrashImage::Everything].into_iter().chain((0..6).map(CrashImage::Some))
}

/// Plays a script with a fault, then looks at what every kind of crash leaves; returns how many there were.
fn check(script: &[Step], fault: Fault) -> usize {
    let storage = Arc::new(Simulated::default());
    storage.set_fault(fault);
    let player = Player::play(storage.clone(), script);
    let mut n_cases = 0;
    for image in images() {
        let found = Arc::new(storage.crash(image));
        if let Some(problem) = player.problem_of(&found) {
            panic!("{script:?}, {fault:?}, {image:?}: {problem}");
        }
        let mut writer = CollectionWriter::open_or_create_in(found.clone(), &space()).unwrap();
        writer.commit(night("d", 9)).unwrap();
        drop(writer);
        assert_no_rubbish(&found);
        n_cases += 1;
    }
    n_cases
}

/// Opening for writing leaves what the last three generations need and nothing else.
fn assert_no_rubbish(storage: &Arc<Simulated>) {
    drop(CollectionWriter::open_in(storage.clone(), &space()).unwrap());
    let files = storage.files();
    assert!(files.iter().all(|name| !name.contains(".tmp")), "{files:?}");
    // A whole manifest with four changes, and those of which the last three generations still need some.
    assert!(files.iter().filter(|name| name.starts_with("manifest-")).count() <= 7, "{files:?}");
    assert!(files.iter().filter(|name| name.starts_with("segments/")).count() <= 6, "{files:?}");
}

fn n_operations(script: &[Step]) -> usize {
    let storage = Arc::new(Simulated::default());
    Player::play(storage.clone(), script);
    storage.operations()
}

#[test]
fn script_ends_as_it_says() {
    let player = Player::play(Arc::new(Simulated::default()), &SCRIPT);
    let expect = BTreeMap::from([("a", 1), ("b", 7), ("c", 8), ("d", 5)]);
    assert_eq!(player.acknowledged, Some(expect));
}

#[test]
fn any_operation_may_fail() {
    let n = n_operations(&SCRIPT);
    assert!(n > 100, "the script is too short to say much: {n} operations");
    (0..n).for_each(|operation| {
        check(&SCRIPT, Fault::At(operation));
    });
}

#[test]
fn power_may_fail_at_any_operation() {
    (0..=n_operations(&SCRIPT)).for_each(|operation| {
        check(&SCRIPT, Fault::From(operation));
    });
}

/// Draws what a writer does.
fn drawn_script(random: &mut Pcg64Mcg) -> Vec<Step> {
    let n_steps = random.random_range(3..16);
    let step = |_| {
        let name = ["a", "b", "c", "d"][random.random_range(0..4)];
        match random.random_range(0..10) {
            0..6 => Step::Commit(name, random.random_range(1..99)),
            6..8 => Step::Remove(name),
            8 => Step::Reopen,
            _ => Step::Purge,
        }
    };
    (0..n_steps).map(step).collect()
}

#[test]
fn ten_thousand_drawn_crashes_lose_nothing() {
    let mut random = Pcg64Mcg::seed_from_u64(6);
    let mut n_cases = 0;
    while n_cases < 10_000 {
        let script = drawn_script(&mut random);
        let n = n_operations(&script);
        for _ in 0..6 {
            n_cases += check(&script, Fault::From(random.random_range(0..=n)));
            n_cases += check(&script, Fault::At(random.random_range(0..n)));
        }
    }
}

/// Returns how many bytes all manifests took that were ever written.
fn bytes_of_manifests(n_recordings: u64) -> usize {
    let storage = Arc::new(Simulated::default());
    let mut writer = CollectionWriter::create_in(storage.clone(), &space()).unwrap();
    let mut n_bytes = 0;
    for seed in 0..n_recordings {
        writer.commit(draft(&format!("night-{seed:04}"), seed, 0)).unwrap();
        let name = format!("manifest-{:06}.jsonl", writer.generation());
        n_bytes += storage.read(&name).unwrap().len();
    }
    drop(writer);
    let collection = Collection::open_in(storage).unwrap();
    assert_eq!(collection.recordings().len(), n_recordings as usize);
    n_bytes
}

#[test]
fn manifests_do_not_grow_with_the_square_of_the_recordings() {
    let (few, many) = (bytes_of_manifests(100), bytes_of_manifests(800));
    assert!(many < 12 * few, "{few} bytes for 100 recordings, {many} for 800");
}

#[test]
fn full_disk_is_no_damage() {
    let storage = Arc::new(Simulated::default());
    let mut writer = CollectionWriter::create_in(storage.clone(), &space()).unwrap();
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
fn names_that_are_not_confirmed_end_the_writer() {
    let storage = Arc::new(Simulated::default());
    let mut writer = CollectionWriter::create_in(storage.clone(), &space()).unwrap();
    // Create, write, synchronise, rename, and then the folder.
    storage.set_fault(Fault::At(4));
    let error = writer.commit(night("a", 1)).unwrap_err();
    assert_eq!(error.to_string(), "cannot synchronise `simulated/segments`: simulated failure");
    let error = writer.commit(night("a", 1)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no more is written to `simulated`, because the disk failed to confirm an earlier write"
    );
    drop(writer);
    let mut writer = CollectionWriter::open_in(storage, &space()).unwrap();
    writer.commit(night("a", 1)).unwrap();
}

/// A disk that says that it has synchronised, and has not.
#[derive(Debug)]
struct Liar {
    disk: Arc<Simulated>,
    /// Lies about files, otherwise about folders.
    about_files: bool,
}

impl Storage for Liar {
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
        if self.about_files { Ok(Box::new(LyingFile(file))) } else { Ok(file) }
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk.remove(name)
    }

    fn sync_folder(&self, name: &str) -> io::Result<()> {
        if self.about_files { self.disk.sync_folder(name) } else { Ok(()) }
    }

    fn lock(&self, name: &str) -> io::Result<LockResult> {
        self.disk.lock(name)
    }
}

struct LyingFile(Box<dyn StorageFile>);

impl io::Write for LyingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl StorageFile for LyingFile {
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The control: without these calls the same test sees a loss, so they matter and the test can tell.
#[test]
fn power_cut_without_synchronising_loses_recordings() {
    for about_files in [true, false] {
        let disk = Arc::new(Simulated::default());
        let player = Player::play(Arc::new(Liar { disk: disk.clone(), about_files }), &SCRIPT);
        let found = Arc::new(disk.crash(CrashImage::Durable));
        assert!(player.problem_of(&found).is_some());
    }
}
