//! One writer at a time.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nocturne_index::{CollectionWriter, Error, FolderReader, FolderWriter};

use crate::support::{assert_stored, draft, space};

/// Environment variable with the collection that the child process locks.
const HOLD: &str = "NOCTURNE_TEST_HOLD_COLLECTION";

#[test]
fn second_writer_is_rejected_with_the_process_id_of_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = FolderWriter::create(folder.path(), &space()).unwrap();
    let error = FolderWriter::open(folder.path(), &space()).unwrap_err();
    let (path, pid) = (folder.path().display(), std::process::id());
    assert_eq!(error.to_string(), format!("`{path}` is being written by the process {pid}"));
    first.commit(draft("a", 1, 5)).unwrap();
    assert_stored(&FolderReader::open(folder.path()).unwrap(), &draft("a", 1, 5));
    drop(first);
    FolderWriter::open(folder.path(), &space()).unwrap();
}

#[test]
fn lock_is_released_when_its_process_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    drop(FolderWriter::create(folder.path(), &space()).unwrap());
    let mut child = spawn_lock_holder(folder.path());
    let error = FolderWriter::open(folder.path(), &space()).unwrap_err();
    let pid = child.id();
    assert!(matches!(error, Error::Locked { holder, .. } if holder.pid == Some(pid)), "{error}");
    child.kill().unwrap();
    child.wait().unwrap();
    FolderWriter::open(folder.path(), &space()).unwrap();
}

/// Starts this program again, to lock a collection until it is killed.
fn spawn_lock_holder(folder: &Path) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "lock::locks_a_collection_until_killed", "--nocapture"])
        .env(HOLD, folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.as_mut().unwrap());
    let mut lines = output.lines().map(Result::unwrap);
    assert!(lines.any(|line| line.ends_with("holding")), "the child has the lock");
    child
}

/// Runs in the child process; does nothing in the parent, which has no collection to lock.
#[test]
#[expect(clippy::disallowed_methods, reason = "a test that starts itself has no other argument")]
fn locks_a_collection_until_killed() {
    let Some(folder) = std::env::var_os(HOLD) else { return };
    let _writer = FolderWriter::open(Path::new(&folder), &space()).unwrap();
    println!("holding");
    let _ = std::io::stdin().read_line(&mut String::new());
}
