//! The thread that owns the text tower.
//!
//! A session of the runtime runs one batch at a time, so one thread owns it and takes requests from a bounded queue;
//! a full queue refuses instead of letting everybody wait.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;

use nocturne_encoder::{EncodedText, Label, LabelDirections, PromptSet, TextEncoder};

use crate::{Error, Result};

/// Requests that may wait.
const QUEUE: usize = 64;

/// Asks the text tower's thread.
#[derive(Debug)]
pub(crate) struct TextService {
    sender: SyncSender<Request>,
    waiting: Arc<AtomicUsize>,
    /// The directions of the embedded prompt sets, made when they are first needed.
    sets: Mutex<Vec<(String, Arc<[LabelDirections]>)>>,
}

/// What the thread is asked for, with the way back.
struct Request {
    texts: Vec<String>,
    reply: std::sync::mpsc::Sender<nocturne_encoder::Result<Vec<EncodedText>>>,
}

impl TextService {
    /// Starts the thread; it ends with the service.
    pub(crate) fn start(encoder: TextEncoder) -> Result<Self> {
        let (sender, receiver) = sync_channel(QUEUE);
        let waiting = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&waiting);
        thread::Builder::new()
            .name("text".to_owned())
            .spawn(move || work(encoder, &receiver, &counter))
            .map_err(|_| Error::EncoderLost)?;
        Ok(Self { sender, waiting, sets: Mutex::new(Vec::new()) })
    }

    /// Encodes texts, in order.
    pub(crate) fn encode(&self, texts: Vec<String>) -> Result<Vec<EncodedText>> {
        let (reply, answer) = channel();
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.sender.try_send(Request { texts, reply }).map_err(|error| {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            match error {
                TrySendError::Full(_) => {
                    Error::Overloaded { waiting: self.waiting.load(Ordering::Relaxed) }
                }
                TrySendError::Disconnected(_) => Error::EncoderLost,
            }
        })?;
        Ok(answer.recv().map_err(|_| Error::EncoderLost)??)
    }

    /// Encodes one text.
    pub(crate) fn encode_one(&self, text: &str) -> Result<EncodedText> {
        let mut encoded = self.encode(vec![text.to_owned()])?;
        Ok(encoded.pop().expect("one text gives one embedding"))
    }

    /// Returns the directions of every label of a prompt set, in its order.
    pub(crate) fn directions(&self, set: &PromptSet) -> Result<Arc<[LabelDirections]>> {
        // Held while encoding, so that a set is not encoded twice; nothing is awaited meanwhile.
        let mut sets = self.sets.lock().map_err(|_| Error::EncoderLost)?;
        if let Some((_, directions)) = sets.iter().find(|(name, _)| *name == set.name) {
            return Ok(Arc::clone(directions));
        }
        let directions: Arc<[LabelDirections]> =
            set.labels.iter().map(|label| self.label_directions(label)).collect::<Result<_>>()?;
        sets.push((set.name.clone(), Arc::clone(&directions)));
        Ok(directions)
    }

    fn label_directions(&self, label: &Label) -> Result<LabelDirections> {
        let texts = label.prompts.iter().chain(&label.negatives).cloned().collect();
        let encoded = self.encode(texts)?;
        Ok(LabelDirections::of_encoded(label, &encoded)?)
    }
}

/// Serves requests until nobody can send one.
fn work(mut encoder: TextEncoder, receiver: &Receiver<Request>, waiting: &AtomicUsize) {
    for Request { texts, reply } in receiver {
        waiting.fetch_sub(1, Ordering::Relaxed);
        // Whoever has gone away needs no answer.
        let _ = reply.send(encoder.encode_all(&texts));
    }
}
