//! What the fuzz targets share: a place for an input that is read by its path.

use std::cell::RefCell;
use std::fs::File;
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};

/// A file that holds one input after the other.
struct Slot {
    path: PathBuf,
    file: File,
}

impl Slot {
    /// Makes a file in memory where the system has a place for that, and among the temporary ones otherwise.
    fn new(name: &str) -> Self {
        let memory = PathBuf::from("/dev/shm");
        let parent = if memory.is_dir() { memory } else { std::env::temp_dir() };
        // A folder of its own: the readers look for files beside the one that they are given.
        let folder = parent.join(format!("nocturne-fuzz-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("the folder for inputs can be made");
        let path = folder.join(name);
        let file = File::create(&path).expect("the file for inputs can be made");
        Self { path, file }
    }

    fn fill(&mut self, bytes: &[u8]) {
        self.file.rewind().expect("the file can be written from its begin");
        self.file.write_all(bytes).expect("there is room for the input");
        self.file.set_len(bytes.len() as u64).expect("the file can be cut");
    }
}

/// Lets `read` see the input as a file of that name; a process uses one name.
pub fn with_file(name: &str, bytes: &[u8], read: impl FnOnce(&Path)) {
    thread_local! {
        static SLOT: RefCell<Option<Slot>> = const { RefCell::new(None) };
    }
    SLOT.with_borrow_mut(|slot| {
        let slot = slot.get_or_insert_with(|| Slot::new(name));
        slot.fill(bytes);
        read(&slot.path);
    });
}
