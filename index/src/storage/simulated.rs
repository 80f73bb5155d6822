//! A folder in memory, for tests: it fails on demand and simulates power cuts.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Item, Lock, LockResult, Storage, StorageFile};
use crate::error::LockHolder;

/// A folder in memory; clones are the same folder.
///
/// It tracks which bytes and names were made durable, so that [`crash`](Self::crash) can drop the rest.
#[derive(Debug, Clone, Default)]
pub struct Simulated {
    state: Arc<Mutex<FolderState>>,
    locked: Arc<Mutex<BTreeSet<String>>>,
}

/// Which operations fail. Operations are counted from 0, over all methods except `path` and `lock`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Fault {
    /// None.
    #[default]
    None,
    /// The operation of that number, as on a temporary disk error; a failed write leaves half of its bytes.
    At(usize),
    /// The operation of that number and all later ones, as on a machine that loses power.
    From(usize),
}

/// What a power cut leaves of everything that was not made durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrashImage {
    /// Nothing.
    Durable,
    /// Everything, as after `kill -9`.
    Everything,
    /// A random choice of names and prefixes of files, with this seed.
    Some(u64),
}

#[derive(Debug, Clone, Default)]
struct FolderState {
    /// Every file that ever had a name; names refer to positions.
    files: Vec<Bytes>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    /// Changes of names that are not durable yet, in order.
    pending: Vec<Change>,
    operations: usize,
    fault: Fault,
}

#[derive(Debug, Clone, Default)]
struct Bytes {
    live: Vec<u8>,
    /// Files only grow, so the durable bytes are a prefix.
    n_durable: usize,
}

#[derive(Debug, Clone)]
enum Change {
    Put { name: String, file: usize },
    Rename { from: String, to: String, file: usize },
    Remove { name: String },
}

impl Simulated {
    /// Sets which operations fail from now on, and restarts their count at 0.
    pub fn set_fault(&self, fault: Fault) {
        let mut state = self.state();
        state.operations = 0;
        state.fault = fault;
    }

    /// Returns the number of operations since the fault was last set.
    pub fn operations(&self) -> usize {
        self.state().operations
    }

    /// Returns the folder as found after a power cut at this moment; this folder is unchanged.
    pub fn crash(&self, image: CrashImage) -> Self {
        let mut state = self.state().clone();
        let mut draw = Draw::new(image);
        for change in std::mem::take(&mut state.pending) {
            if draw.survives() {
                change.apply(&mut state.durable_names);
            }
        }
        for file in &mut state.files {
            let n_left = draw.length(file.live.len()).max(file.n_durable);
            file.live.truncate(n_left);
            file.n_durable = n_left;
        }
        state.names.clone_from(&state.durable_names);
        state.fault = Fault::None;
        Self { state: Arc::new(Mutex::new(state)), locked: Arc::default() }
    }

    /// Changes a file durably, as another program or a damaged disk would.
    ///
    /// # Panics
    ///
    /// Panics if there is no such file.
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

    fn state(&self) -> MutexGuard<'_, FolderState> {
        // Every change of the state is a single step, so a panic elsewhere leaves it consistent.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn operate(&self) -> io::Result<MutexGuard<'_, FolderState>> {
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

    /// A folder exists as long as it has a file.
    fn remove_folder(&self, _: &str) -> io::Result<()> {
        self.operate().map(|_| ())
    }

    fn list(&self, folder: &str) -> io::Result<Vec<Item>> {
        let state = self.operate()?;
        let in_folder = |name: &'_ String| match folder {
            "" => Some(name.clone()),
            folder => Some(name.strip_prefix(folder)?.strip_prefix('/')?.to_owned()),
        };
        let items =
            state.names.keys().filter_map(in_folder).map(|name| match name.split_once('/') {
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
        let FolderState { pending, durable_names, .. } = &mut *state;
        for change in pending.extract_if(.., |change| change.folder() == folder) {
            change.apply(durable_names);
        }
        Ok(())
    }

    fn lock(&self, name: &str) -> io::Result<LockResult> {
        let mut locked = self.locked.lock().unwrap_or_else(PoisonError::into_inner);
        if !locked.insert(name.to_owned()) {
            return Ok(LockResult::HeldBy(LockHolder { pid: Some(std::process::id()) }));
        }
        let (locked, name) = (Arc::clone(&self.locked), name.to_owned());
        Ok(LockResult::Acquired(Lock::new(Unlock { locked, name })))
    }
}

impl FolderState {
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
        let error = match self.folder.operate() {
            Ok(mut state) => {
                state.files[self.file].live.extend_from_slice(bytes);
                return Ok(bytes.len());
            }
            Err(error) => error,
        };
        self.folder.state().files[self.file].live.extend_from_slice(&bytes[..bytes.len() / 2]);
        Err(error)
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

/// Draws what survives a power cut.
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

    fn survives(&mut self) -> bool {
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

    /// `SplitMix64`: small, and the same on every platform.
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
