//! Shared by the fuzz targets: a file with the input, as the readers take a path.

use std::cell::RefCell;
use std::fs::File;
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};

/// A file that is overwritten with each input.
struct InputFile {
    path: PathBuf,
    file: File,
}

impl InputFile {
    /// Creates a file in memory if the system has a folder for that, or else in the folder of temporary files.
    fn new(name: &str) -> Self {
        let memory = PathBuf::from("/dev/shm");
        let parent = if memory.is_dir() { memory } else { std::env::temp_dir() };
        // In a folder of its own: the readers search for annotation files beside a recording.
        let folder = parent.join(format!("nocturne-fuzz-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("the folder for inputs can be created");
        let path = folder.join(name);
        let file = File::create(&path).expect("the file for inputs can be created");
        Self { path, file }
    }

    fn fill(&mut self, bytes: &[u8]) {
        self.file.rewind().expect("the file can be rewound");
        self.file.write_all(bytes).expect("the input can be written");
        self.file.set_len(bytes.len() as u64).expect("the file can be truncated");
    }
}

/// Calls `read` with the path of a file that contains the input. All calls of a process must use one name.
pub fn with_file(name: &str, bytes: &[u8], read: impl FnOnce(&Path)) {
    thread_local! {
        static FILE: RefCell<Option<InputFile>> = const { RefCell::new(None) };
    }
    FILE.with_borrow_mut(|file| {
        let file = file.get_or_insert_with(|| InputFile::new(name));
        file.fill(bytes);
        read(&file.path);
    });
}
