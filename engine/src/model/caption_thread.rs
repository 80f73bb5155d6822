//! The thread that generates captions.
//!
//! It owns the signal tower and the captioner, and takes requests from a bounded queue as the text tower's thread does.
//! An answer arrives in parts while it is generated; an asker that stops taking parts ends the work.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use nocturne_encoder::caption::{CaptionCondition, CaptionProgress, DecodingOptions, FinishReason};
use nocturne_encoder::{AttentionMap, Caption, Captioner, SignalEncoder};
use nocturne_psg::caption::CaptionKind;

use crate::error::{Error, Result};
use crate::model::epoch_signal::EpochSignal;

/// Maximum number of requests in the queue. A caption takes about a second, so a longer queue would only delay refusals.
const QUEUE: usize = 16;
/// Maximum number of parts that wait for the asker: more than the tokens of the longest caption of each kind, so that a
/// slow reader never blocks the thread.
const PARTS: usize = 2048;
/// How often the asker is called while there is no part to deliver.
const WORKING_INTERVAL: Duration = Duration::from_millis(100);

/// A request for captions of one epoch.
#[derive(Debug, Clone, PartialEq)]
pub struct GenerateRequest {
    /// The epoch.
    pub signal: EpochSignal,
    /// Kinds of caption to generate, one caption each.
    pub kinds: Vec<CaptionKind>,
    /// How tokens are chosen.
    pub search: DecodingOptions,
    /// Whether to return the attention map too.
    pub explain: bool,
    /// When to give up.
    pub deadline: Instant,
}

/// A part of the answer, in the order of generation.
#[derive(Debug, Clone, PartialEq)]
pub enum GeneratedPart {
    /// No new part yet; gives the asker an opportunity to cancel.
    Working,
    /// The attention map of the epoch; comes first.
    Attention(AttentionMap),
    /// A token that will not change any more.
    Token {
        /// Kind of the caption.
        kind: CaptionKind,
        /// The token.
        id: u32,
        /// The text that it adds to the caption, as the tokenizer joins it.
        raw: String,
    },
    /// A finished caption.
    Caption {
        /// Kind of the caption.
        kind: CaptionKind,
        /// The caption.
        caption: Caption,
    },
}

/// Generates captions on the captioner's thread.
#[derive(Debug)]
pub(crate) struct CaptionThread {
    sender: SyncSender<CaptionJob>,
    has_attention: bool,
}

type Part = Result<GeneratedPart>;

/// A request and the channel for its parts.
struct CaptionJob {
    request: GenerateRequest,
    parts: SyncSender<Part>,
    /// Dangles once the asker has gone away.
    asker: Weak<()>,
}

/// The models that the thread owns.
struct CaptionModels {
    signal: SignalEncoder,
    captioner: Captioner,
}

impl CaptionThread {
    /// Starts the thread. It ends when the returned handle is dropped.
    ///
    /// # Errors
    ///
    /// [`Error::EncoderLost`] if the system refuses a thread.
    pub(crate) fn start(signal: SignalEncoder, captioner: Captioner) -> Result<Self> {
        let has_attention = signal.has_attention();
        let mut models = CaptionModels { signal, captioner };
        Self::spawn(has_attention, move |job| models.answer(job))
    }

    fn spawn(
        has_attention: bool,
        mut answer: impl FnMut(&CaptionJob) -> Result<()> + Send + 'static,
    ) -> Result<Self> {
        let (sender, receiver) = sync_channel::<CaptionJob>(QUEUE);
        let work = move || {
            for job in receiver {
                // The deadline may have passed while the job waited in the queue.
                if job.is_active()
                    && let Err(error) = answer(&job)
                {
                    // An asker that has gone away drops its receiver; the error is discarded.
                    let _ = job.parts.try_send(Err(error));
                }
            }
        };
        let thread = thread::Builder::new().name("caption".to_owned()).spawn(work);
        thread.map_err(|_| Error::EncoderLost)?;
        Ok(Self { sender, has_attention })
    }

    /// Returns whether the signal tower of the bundle reports its attention.
    pub(crate) fn has_attention(&self) -> bool {
        self.has_attention
    }

    /// Passes the parts of an answer to `take`, until there is a caption of each kind or `take` returns `false`.
    ///
    /// # Errors
    ///
    /// [`Error::Overloaded`] if the queue is full, [`Error::Deadline`] if the deadline passes first, and the errors of
    /// the models.
    pub(crate) fn ask(
        &self,
        request: GenerateRequest,
        mut take: impl FnMut(GeneratedPart) -> bool,
    ) -> Result<()> {
        let (deadline, mut captions_left) = (request.deadline, request.kinds.len());
        let asker = Arc::new(());
        let parts = self.submit(request, Arc::downgrade(&asker))?;
        while captions_left > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            let part = match parts.recv_timeout(left.min(WORKING_INTERVAL)) {
                Ok(part) => part?,
                Err(_) if left.is_zero() => return Err(Error::Deadline),
                Err(RecvTimeoutError::Timeout) => GeneratedPart::Working,
                // The thread drops a job without an answer only if its deadline has passed.
                Err(RecvTimeoutError::Disconnected) if Instant::now() >= deadline => {
                    return Err(Error::Deadline);
                }
                Err(RecvTimeoutError::Disconnected) => return Err(Error::EncoderLost),
            };
            captions_left -= usize::from(matches!(part, GeneratedPart::Caption { .. }));
            if !take(part) {
                break;
            }
        }
        Ok(())
    }

    /// Puts a request into the queue and returns the channel from which its parts arrive.
    fn submit(&self, request: GenerateRequest, asker: Weak<()>) -> Result<Receiver<Part>> {
        let (parts, answer) = sync_channel(PARTS);
        self.sender.try_send(CaptionJob { request, parts, asker }).map_err(
            |error| match error {
                TrySendError::Full(_) => Error::Overloaded { waiting: QUEUE },
                TrySendError::Disconnected(_) => Error::EncoderLost,
            },
        )?;
        Ok(answer)
    }
}

impl CaptionJob {
    /// Returns whether the asker still waits for the answer and its deadline has not passed.
    fn is_active(&self) -> bool {
        self.asker.strong_count() > 0 && Instant::now() < self.request.deadline
    }

    /// Sends a part; returns whether to go on.
    fn send(&self, part: GeneratedPart) -> bool {
        self.is_active() && self.parts.try_send(Ok(part)).is_ok()
    }
}

impl CaptionModels {
    /// Generates the attention map and the captions of a request, until the asker goes away.
    fn answer(&mut self, job: &CaptionJob) -> Result<()> {
        let GenerateRequest { signal, kinds, search, explain, deadline: _ } = &job.request;
        let reading = self.signal.read_inputs(signal.as_slice())?.swap_remove(0);
        if let Some(map) = reading.attention.filter(|_| *explain)
            && !job.send(GeneratedPart::Attention(map))
        {
            return Ok(());
        }
        let memory = self.captioner.expect_memory(reading.memory)?;
        for kind in kinds.iter().copied() {
            let mut watch = |progress: CaptionProgress<'_>| match progress {
                CaptionProgress::Step => job.is_active(),
                CaptionProgress::Token { id, raw } => {
                    job.send(GeneratedPart::Token { kind, id, raw: raw.to_owned() })
                }
            };
            let caption = self.captioner.caption(
                &memory,
                CaptionCondition::from(kind),
                search,
                &mut watch,
            )?;
            if caption.finish_reason == FinishReason::Cancelled
                || !job.send(GeneratedPart::Caption { kind, caption })
            {
                return Ok(());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use nocturne_psg::montage::ChannelMask;
    use nocturne_psg::night::INPUT_LEN;

    use super::*;

    fn request(deadline: Instant) -> GenerateRequest {
        GenerateRequest {
            signal: EpochSignal::new(vec![1.0; INPUT_LEN], ChannelMask::ALL).unwrap(),
            kinds: vec![CaptionKind::Brain, CaptionKind::Heart],
            search: DecodingOptions::default(),
            explain: false,
            deadline,
        }
    }

    fn in_an_hour() -> Instant {
        Instant::now() + Duration::from_hours(1)
    }

    fn caption(kind: CaptionKind) -> GeneratedPart {
        let (raw, text) = (String::new(), String::new());
        let caption = Caption { ids: vec![0, 1], raw, text, finish_reason: FinishReason::EndToken };
        GeneratedPart::Caption { kind, caption }
    }

    #[test]
    fn answer_is_complete_when_each_kind_has_its_caption() {
        let thread = CaptionThread::spawn(true, |job| {
            for kind in &job.request.kinds {
                job.send(caption(*kind));
            }
            Ok(())
        });
        let mut parts = Vec::new();
        let take = |part| {
            parts.push(part);
            true
        };
        thread.unwrap().ask(request(in_an_hour()), take).unwrap();
        parts.retain(|part| *part != GeneratedPart::Working);
        assert_eq!(parts, [caption(CaptionKind::Brain), caption(CaptionKind::Heart)]);
    }

    #[test]
    fn asker_that_stops_taking_parts_ends_the_work() {
        let (ended, has_ended) = std::sync::mpsc::channel();
        let thread = CaptionThread::spawn(true, move |job| {
            let token =
                || GeneratedPart::Token { kind: CaptionKind::Brain, id: 3, raw: String::new() };
            while job.send(token()) {}
            ended.send(()).unwrap();
            Ok(())
        })
        .unwrap();
        let mut n = 0;
        let take = |_| {
            n += 1;
            n < 3
        };
        thread.ask(request(in_an_hour()), take).unwrap();
        has_ended.recv().unwrap();
        assert_eq!(n, 3);
    }

    #[test]
    fn request_past_its_deadline_is_not_worked_on() {
        let thread = CaptionThread::spawn(true, |_| panic!("the deadline has passed")).unwrap();
        let error = thread.ask(request(Instant::now()), |_| true).unwrap_err();
        assert_eq!(error.to_string(), "the answer was not ready in time");
    }

    #[test]
    fn full_queue_refuses() {
        let (open, gate) = std::sync::mpsc::channel::<()>();
        let thread = CaptionThread::spawn(true, move |_| {
            // Blocks until the test drops the sender.
            let _ = gate.recv();
            Ok(())
        })
        .unwrap();
        let asker = Arc::new(());
        let mut waiting = Vec::new();
        let error = loop {
            match thread.submit(request(in_an_hour()), Arc::downgrade(&asker)) {
                Ok(parts) => waiting.push(parts),
                Err(error) => break error,
            }
        };
        // One more may have left the queue for the thread.
        assert!((QUEUE..=QUEUE + 1).contains(&waiting.len()), "{}", waiting.len());
        assert!(matches!(error, Error::Overloaded { waiting: QUEUE }), "{error}");
        drop(open);
    }
}
