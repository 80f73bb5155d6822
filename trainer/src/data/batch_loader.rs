//! Makes batches ahead of time on a thread of its own.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use super::{Batch, BatchMaker};
use crate::error::Result;

/// Number of batches that may wait: making one takes a fraction of a training step.
const WAITING: usize = 2;

/// Returns batches in order of their numbers.
#[derive(Debug)]
pub struct BatchLoader {
    batches: Receiver<Result<Batch>>,
}

impl BatchLoader {
    /// Starts to make batches from a number on. The thread ends with the loader.
    ///
    /// # Panics
    ///
    /// If the system cannot start a thread.
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
            .expect("the system can start a thread");
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
    /// If the thread has panicked.
    pub fn next_batch(&self) -> Result<Batch> {
        self.batches.recv().expect("the thread sends batches until the loader is dropped")
    }
}
