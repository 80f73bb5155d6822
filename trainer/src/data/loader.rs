//! Makes batches ahead on a thread of its own.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use super::{Batch, BatchMaker};
use crate::Result;

/// Batches that may wait: making one takes a fraction of the time in which one is used.
const WAITING: usize = 2;

/// Gives batches in order of their numbers.
#[derive(Debug)]
pub struct Loader {
    batches: Receiver<Result<Batch>>,
}

impl Loader {
    /// Begins to make batches from a number on. The thread ends with the loader.
    ///
    /// # Panics
    ///
    /// Where the system has no thread left.
    pub fn start(maker: Arc<BatchMaker>, first: u64) -> Self {
        let (to_user, batches) = sync_channel(WAITING);
        thread::Builder::new()
            .name("batches".to_owned())
            .spawn(move || {
                for number in first.. {
                    if to_user.send(maker.batch(number)).is_err() {
                        break;
                    }
                }
            })
            .expect("the system has a thread for batches");
        Self { batches }
    }

    /// Returns the next batch.
    ///
    /// # Errors
    ///
    /// Those of [`BatchMaker::batch`].
    ///
    /// # Panics
    ///
    /// Where the thread has panicked.
    pub fn next_batch(&self) -> Result<Batch> {
        self.batches.recv().expect("the thread makes batches for ever")
    }
}
