//! A folder in memory that fails on demand and knows what a power cut would leave of it; for tests.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Item, Lock, Locking, Storage, StorageFile};
use crate::error::Holder;

/// A folder in memory; clones are the same folder.
///
/// It keeps apart what was done and what was made durable, so that [`crash`](Self::crash) can forget the rest.
#[derive(Debug, Clone, Default)]
pub struct Simulated {
    state: Arc<Mutex<State>>,
    locked: Arc<Mutex<BTreeSet<String>>>,
}

/// Which operations fail. They are counted from 0, over every method but `path` and `lock`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Fault {
    /// None.
    #[default]
    None,
    /// The one of that number, as of a disk that hiccups; a write that fails leaves half of its bytes.
    At(usize),
    /// The one of that number and all that follow, as of a machine that loses power.
    From(usize),
}

/// What a power cut spares of all that was not made durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrashImage {
    /// Nothing.
    Durable,
    /// Everything, as after `kill -9`.
    Everything,
    /// Some names and some beginnings of files, drawn with this seed.
    Some(u64),
}

#[derive(Debug, Clone, Default)]
struct State {
    /// Every file that ever had a name.
    files: Vec<Bytes>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    /// Changes of names that no `sync_folder` has made durable, in order.
    pending: Vec<Change>,
    operations: usize,
    fault: Fault,
}

#[derive(Debug, Clone, Default)]
struct Bytes {
    live: Vec<u8>,
    /// Files only grow, so what is durable is a beginning.
    n_durable: usize,
}

#[derive(Debug, Clone)]
enum Change {
    Put { name: String, file: usize },
    Rename { from: String, to: String, file: usize },
    Remove { name: String },
}

impl Simulated {
    /// Decides which operations fail from now on; their count starts again at 0.
    pub fn set_fault(&self, fault: Fault) {
        let mut state = self.state();
        state.operations = 0;
        state.fault = fault;
    }

    /// Returns how many operations were asked for since the fault was last set.
    pub fn operations(&self) -> usize {
        self.state().operations
    }

    /// Returns the folder that is found after a power cut at this moment; this one stays as it is.
    pub fn crash(&self, image: CrashImage) -> Self {
        let mut state = self.state().clone();
        let mut draw = Draw::new(image);
        for change in std::mem::take(&mut state.pending) {
            if draw.spares() {
                change.apply(&mut state.durable_names);
            }
        }
        for file in &mut state.files {
            let spared = draw.length(file.live.len()).max(file.n_durable);
            file.live.truncate(spared);
            file.n_durable = spared;
        }
        state.names.clone_from(&state.durable_names);
        state.fault = Fault::None;
        Self { state: Arc::new(Mutex::new(state)), locked: Arc::default() }
    }

    /// Changes a file behind everybody's back, durably.
    ///
    /// # Panics
    ///
    /// Panics where there is no such file.
    pub fn tamper(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.state();
        let file = state.names[name];
        let bytes = &mut state.files[file];
        change(&mut bytes.live);
        bytes.n_durable = bytes.live.len();
    }

    /// Returns the names of all files, with their folders, in alphabetical order.
    pub fn files(&self) -> Vec<String> {
        self.state().names.keys().cloned().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change of the state is a single step, so a panic elsewhere leaves it sound.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn operate(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.state();
        let number = state.operations;
        state.operations += 1;
        let fails = match state.fault {
            Fault::None => false,
            Fault::At(at) => number == at,
            Fault::From(from) => number >= from,
        };
        if fails { Err(io::Error::other("simulated failure")) } else { Ok(state) }
    }
}

impl Storage for Simulated {
    fn path(&self, name: &str) -> PathBuf {
        let root = PathBuf::from("simulated");
        if name.is_empty() { root } else { root.join(name) }
    }

    fn create_folder(&self, _: &str) -> io::Result<()> {
        self.operate().map(|_| ())
    }

    /// Folders are there as long as they hold a file.
    fn remove_folder(&self, _: &str) -> io::Result<()> {
        self.operate().map(|_| ())
    }

    fn list(&self, folder: &str) -> io::Result<Vec<Item>> {
        let state = self.operate()?;
        let below = |name: &'_ String| match folder {
            "" => Some(name.clone()),
            folder => Some(name.strip_prefix(folder)?.strip_prefix('/')?.to_owned()),
        };
        let items = state.names.keys().filter_map(below).map(|name| match name.split_once('/') {
            None => (name, true),
            Some((folder, _)) => (folder.to_owned(), false),
        });
        let items: BTreeSet<(String, bool)> = items.collect();
        Ok(items.into_iter().map(|(name, is_file)| Item { name, is_file }).collect())
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let state = self.operate()?;
        let file = *state.names.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(state.files[file].live.clone())
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn StorageFile>> {
        let mut state = self.operate()?;
        let file = state.files.len();
        state.files.push(Bytes::default());
        state.change(Change::Put { name: name.to_owned(), file });
        Ok(Box::new(OpenFile { folder: self.clone(), file }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.operate()?;
        let file = *state.names.get(from).ok_or(io::ErrorKind::NotFound)?;
        state.change(Change::Rename { from: from.to_owned(), to: to.to_owned(), file });
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.operate()?;
        if !state.names.contains_key(name) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.change(Change::Remove { name: name.to_owned() });
        Ok(())
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        let mut state = self.operate()?;
        let State { pending, durable_names, .. } = &mut *state;
        for change in pending.extract_if(.., |change| change.folder() == folder) {
            change.apply(durable_names);
        }
        Ok(())
    }

    fn lock(&self, name: &str) -> io::Result<Locking> {
        let mut locked = self.locked.lock().unwrap_or_else(PoisonError::into_inner);
        if !locked.insert(name.to_owned()) {
            return Ok(Locking::HeldBy(Holder { pid: Some(std::process::id()) }));
        }
        let (locked, name) = (Arc::clone(&self.locked), name.to_owned());
        Ok(Locking::Ours(Lock::new(Unlock { locked, name })))
    }
}

impl State {
    fn change(&mut self, change: Change) {
        change.apply(&mut self.names);
        self.pending.push(change);
    }
}

impl Change {
    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Put { name, file } => {
                names.insert(name.clone(), *file);
            }
            Self::Rename { from, to, file } => {
                names.remove(from);
                names.insert(to.clone(), *file);
            }
            Self::Remove { name } => {
                names.remove(name);
            }
        }
    }

    fn folder(&self) -> &str {
        match self {
            Self::Put { name, .. } | Self::Remove { name } => folder_of(name),
            Self::Rename { to, .. } => folder_of(to),
        }
    }
}

struct OpenFile {
    folder: Simulated,
    file: usize,
}

impl io::Write for OpenFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = match self.folder.operate() {
            Ok(mut state) => {
                state.files[self.file].live.extend_from_slice(bytes);
                return Ok(bytes.len());
            }
            Err(error) => error,
        };
        self.folder.state().files[self.file].live.extend_from_slice(&bytes[..bytes.len() / 2]);
        Err(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl StorageFile for OpenFile {
    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.folder.operate()?;
        let bytes = &mut state.files[self.file];
        bytes.n_durable = bytes.live.len();
        Ok(())
    }
}

#[derive(Debug)]
struct Unlock {
    locked: Arc<Mutex<BTreeSet<String>>>,
    name: String,
}

impl Drop for Unlock {
    fn drop(&mut self) {
        self.locked.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.name);
    }
}

/// Decides what a power cut spares.
struct Draw {
    image: CrashImage,
    state: u64,
}

impl Draw {
    fn new(image: CrashImage) -> Self {
        let state = match image {
            CrashImage::Durable | CrashImage::Everything => 0,
            CrashImage::Some(seed) => seed,
        };
        Self { image, state }
    }

    fn spares(&mut self) -> bool {
        match self.image {
            CrashImage::Durable => false,
            CrashImage::Everything => true,
            CrashImage::Some(_) => self.next() & 1 == 1,
        }
    }

    fn length(&mut self, all: usize) -> usize {
        match self.image {
            CrashImage::Durable => 0,
            CrashImage::Everything => all,
            CrashImage::Some(_) => (self.next() % (all as u64 + 1)) as usize,
        }
    }

    /// `SplitMix64`: small, and the same everywhere.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

fn folder_of(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(folder, _)| folder)
}
