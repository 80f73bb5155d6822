//! The thread that owns the text tower.
//!
//! A session of ONNX Runtime runs one batch at a time, so one thread owns it and takes requests from a bounded queue. If
//! the queue is full, a request is refused instead of waiting longer and longer.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, SyncSender, TrySendError, channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;

use nocturne_encoder::{EncodedText, Label, LabelDirections, PromptSet, TextEncoder};

use crate::error::{Error, Result};

/// Requests that may wait in the queue.
const QUEUE: usize = 64;

/// Encodes texts on the text tower's thread.
#[derive(Debug)]
pub(crate) struct TextThread {
    sender: SyncSender<TextRequest>,
    waiting: Arc<AtomicUsize>,
    /// Directions of the embedded prompt sets by name, encoded when they are first needed.
    sets: Mutex<Vec<(String, Arc<[LabelDirections]>)>>,
}

/// Texts to encode, and the channel for the answer.
struct TextRequest {
    texts: Vec<String>,
    reply: Sender<nocturne_encoder::Result<Vec<EncodedText>>>,
}

impl TextThread {
    /// Starts the thread. It ends when the returned handle is dropped.
    ///
    /// # Errors
    ///
    /// [`Error::EncoderLost`] if the system refuses a thread.
    pub(crate) fn start(mut encoder: TextEncoder) -> Result<Self> {
        Self::spawn(move |texts| encoder.encode_all(texts))
    }

    /// Starts a thread that encodes with a function; tests pass one that needs no model.
    pub(crate) fn spawn(
        mut encode: impl FnMut(&[String]) -> nocturne_encoder::Result<Vec<EncodedText>> + Send + 'static,
    ) -> Result<Self> {
        let (sender, receiver) = sync_channel::<TextRequest>(QUEUE);
        let waiting = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&waiting);
        let work = move || {
            // The loop ends when the last sender is dropped.
            for TextRequest { texts, reply } in receiver {
                counter.fetch_sub(1, Ordering::Relaxed);
                // An asker that has gone away drops its receiver; its answer is discarded.
                let _ = reply.send(encode(&texts));
            }
        };
        let thread = thread::Builder::new().name("text".to_owned()).spawn(work);
        thread.map_err(|_| Error::EncoderLost)?;
        Ok(Self { sender, waiting, sets: Mutex::default() })
    }

    /// Encodes texts, in order.
    ///
    /// # Errors
    ///
    /// [`Error::Overloaded`] if the queue is full, and those of [`TextEncoder::encode_all`].
    pub(crate) fn encode(&self, texts: Vec<String>) -> Result<Vec<EncodedText>> {
        let (reply, answer) = channel();
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.sender.try_send(TextRequest { texts, reply }).map_err(|error| {
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
    ///
    /// # Errors
    ///
    /// Those of [`encode`](Self::encode).
    pub(crate) fn encode_one(&self, text: &str) -> Result<EncodedText> {
        let mut encoded = self.encode(vec![text.to_owned()])?;
        Ok(encoded.pop().expect("one text gives one embedding"))
    }

    /// Returns the directions of every label of a prompt set, in the order of the set. They are encoded once.
    ///
    /// # Errors
    ///
    /// Those of [`encode`](Self::encode).
    pub(crate) fn directions(&self, set: &PromptSet) -> Result<Arc<[LabelDirections]>> {
        // Locked while encoding, so that two questions do not encode the same set twice.
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
        Ok(LabelDirections::from_encoded(label, &encoded)?)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::Receiver;

    use nocturne_encoder::Embedding;

    use super::*;

    fn encoded(text: &str) -> EncodedText {
        let embedding = Embedding::new(vec![text.len() as f32, 1.0]).unwrap();
        EncodedText { embedding, truncated: false, unknown_words: vec![text.to_owned()] }
    }

    fn encode_all(texts: &[String]) -> Vec<EncodedText> {
        texts.iter().map(|text| encoded(text)).collect()
    }

    #[test]
    fn texts_are_encoded_in_their_order() {
        let thread = TextThread::spawn(|texts| Ok(encode_all(texts))).unwrap();
        let texts = ["one", "two", "three"].map(str::to_owned).to_vec();
        assert_eq!(thread.encode(texts.clone()).unwrap(), encode_all(&texts));
        assert_eq!(thread.encode_one("four").unwrap(), encoded("four"));
    }

    #[test]
    fn prompt_set_is_encoded_once() {
        let n_calls = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&n_calls);
        let thread = TextThread::spawn(move |texts| {
            counter.fetch_add(1, Ordering::Relaxed);
            Ok(encode_all(texts))
        })
        .unwrap();
        let set = PromptSet::stages();
        let first = thread.directions(set).unwrap();
        assert_eq!(first.len(), set.labels.len());
        assert!(Arc::ptr_eq(&first, &thread.directions(set).unwrap()));
        assert_eq!(n_calls.load(Ordering::Relaxed), set.labels.len(), "one call for each label");
    }

    #[test]
    fn label_is_the_mean_of_its_prompts_against_the_mean_of_its_negatives() {
        let thread = TextThread::spawn(|texts| Ok(encode_all(texts))).unwrap();
        let label = |negatives: &[&str]| Label {
            name: "x".to_owned(),
            prompts: vec!["a".to_owned(), "abc".to_owned()],
            negatives: negatives.iter().map(|text| (*text).to_owned()).collect(),
            words: vec![],
            needs: vec![],
            also_seen_in: vec![],
            indirect: false,
        };
        let mean = |texts: [&str; 2]| {
            Embedding::mean(texts.map(encoded).iter().map(|text| &text.embedding)).unwrap()
        };
        let directions = thread.label_directions(&label(&["ab", "abcd"])).unwrap();
        assert_eq!(directions.positive, mean(["a", "abc"]));
        assert_eq!(directions.negative, Some(mean(["ab", "abcd"])));
        assert_eq!(thread.label_directions(&label(&[])).unwrap().negative, None);
    }

    #[test]
    fn full_queue_refuses_and_says_how_many_wait() {
        let (open, gate): (_, Receiver<()>) = channel();
        let thread = TextThread::spawn(move |texts| {
            // Blocks until the test drops the sender.
            let _ = gate.recv();
            Ok(encode_all(texts))
        })
        .unwrap();
        thread::scope(|scope| {
            // One request is in the thread's hands, QUEUE wait; of one more, at least one is refused.
            let askers: Vec<_> =
                (0..QUEUE + 2).map(|_| scope.spawn(|| thread.encode_one("x"))).collect();
            while !askers.iter().any(thread::ScopedJoinHandle::is_finished) {
                thread::yield_now();
            }
            drop(open);
            let answers: Vec<_> = askers.into_iter().map(|asker| asker.join().unwrap()).collect();
            let refused: Vec<_> =
                answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
            let is_overload = |error: &&Error| matches!(error, Error::Overloaded { waiting } if (QUEUE..=QUEUE + 1).contains(waiting));
            assert!(!refused.is_empty() && refused.iter().all(is_overload), "{refused:?}");
            assert!(answers.iter().any(Result::is_ok));
        });
    }

    #[test]
    fn thread_that_panicked_is_an_error_and_not_a_hang() {
        let thread = TextThread::spawn(|_| panic!("the session is broken")).unwrap();
        assert!(matches!(thread.encode_one("x"), Err(Error::EncoderLost)));
        assert!(matches!(thread.encode_one("x"), Err(Error::EncoderLost)));
    }
}
