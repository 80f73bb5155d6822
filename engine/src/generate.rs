//! The thread that says in words what the encoder sees.
//!
//! It owns the signal tower and the caption decoder, and takes requests from a bounded queue as the text tower's thread
//! does. An answer comes in parts while it is made; whoever wants no more of them ends the work.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use nocturne_encoder::caption::{Condition, Ended, Progress, Search};
use nocturne_encoder::{AttentionMap, Caption, Captioner, SignalEncoder};
use nocturne_psg::caption::CaptionKind;

use crate::served::Served;
use crate::{EpochSignal, Error, Result};

/// Requests that may wait. A caption takes a second or so, and whoever waits for sixteen would rather ask again.
const QUEUE: usize = 16;
/// Parts that may wait for the asker: more than the tokens of a longest caption of each kind, so that nobody who reads
/// slowly holds the thread.
const PARTS: usize = 2048;
/// How often the asker is asked whether the answer is still wanted, while there is nothing to tell.
const PATIENCE: Duration = Duration::from_millis(100);

/// What is asked of the captioner.
#[derive(Debug, Clone, PartialEq)]
pub struct GenerateRequest {
    /// The epoch.
    pub signal: EpochSignal,
    /// What to speak of; each kind gives a caption.
    pub kinds: Vec<CaptionKind>,
    /// How the words are chosen.
    pub search: Search,
    /// Whether to tell where the encoder looked.
    pub explain: bool,
    /// When the answer is no longer of use.
    pub deadline: Instant,
}

/// A part of the answer, in the order of its making.
#[derive(Debug, Clone, PartialEq)]
pub enum GeneratedPart {
    /// Nothing to tell yet: is the answer still wanted?
    Working,
    /// Where the encoder looked; comes first.
    Attention(AttentionMap),
    /// A token that is settled.
    Token {
        /// What the caption speaks of.
        kind: CaptionKind,
        /// The token.
        id: u32,
        /// What it adds to the caption's raw words.
        raw: String,
    },
    /// A whole caption.
    Caption {
        /// What it speaks of.
        kind: CaptionKind,
        /// The caption.
        caption: Caption,
    },
}

/// Asks the captioner's thread.
#[derive(Debug)]
pub(crate) struct CaptionService {
    sender: SyncSender<Job>,
    tells_where: bool,
}

type Part = Result<GeneratedPart>;

/// A request with the way back. Whoever holds the other end of `wanted` wants the answer.
struct Job {
    request: GenerateRequest,
    parts: SyncSender<Part>,
    wanted: Weak<()>,
}

/// The models that the thread owns.
struct Speaker {
    signal: SignalEncoder,
    captioner: Captioner,
}

impl Served {
    /// See [`Engine::generate_caption`](crate::Engine::generate_caption).
    pub(crate) fn generate_caption(
        &self,
        request: GenerateRequest,
        take: impl FnMut(GeneratedPart) -> bool,
    ) -> Result<()> {
        request.search.check(self.bundle.manifest.tokenizer.context)?;
        let lacks = |what| Error::Lacks { bundle: self.bundle.manifest.name.clone(), what };
        let service = self.bundle.captions.as_ref().ok_or_else(|| lacks("makes no captions"))?;
        if request.explain && !service.tells_where {
            return Err(lacks("does not tell where it looks"));
        }
        service.ask(request, take)
    }
}

impl CaptionService {
    /// Starts the thread; it ends with the service.
    pub(crate) fn start(signal: SignalEncoder, captioner: Captioner) -> Result<Self> {
        let tells_where = signal.expect_attention().is_ok();
        let mut speaker = Speaker { signal, captioner };
        Self::spawn(tells_where, move |job| speaker.answer(job))
    }

    fn spawn(
        tells_where: bool,
        mut answer: impl FnMut(&Job) -> Result<()> + Send + 'static,
    ) -> Result<Self> {
        let (sender, receiver) = sync_channel::<Job>(QUEUE);
        let work = move || {
            for job in receiver {
                // It may have waited too long already.
                if job.is_wanted()
                    && let Err(error) = answer(&job)
                {
                    // Whoever has gone away needs no answer.
                    let _ = job.parts.try_send(Err(error));
                }
            }
        };
        let thread = thread::Builder::new().name("caption".to_owned()).spawn(work);
        thread.map_err(|_| Error::EncoderLost)?;
        Ok(Self { sender, tells_where })
    }

    /// Gives `take` the parts of an answer until it has a caption of each kind or wants no more.
    fn ask(
        &self,
        request: GenerateRequest,
        mut take: impl FnMut(GeneratedPart) -> bool,
    ) -> Result<()> {
        let (deadline, mut captions_left) = (request.deadline, request.kinds.len());
        let wanted = Arc::new(());
        let parts = self.begin(request, Arc::downgrade(&wanted))?;
        while captions_left > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            let part = match parts.recv_timeout(left.min(PATIENCE)) {
                Ok(part) => part?,
                Err(_) if left.is_zero() => return Err(Error::Deadline),
                Err(RecvTimeoutError::Timeout) => GeneratedPart::Working,
                // The thread lets go of a question whose time is up, and of none else.
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

    fn begin(&self, request: GenerateRequest, wanted: Weak<()>) -> Result<Receiver<Part>> {
        let (parts, answer) = sync_channel(PARTS);
        self.sender.try_send(Job { request, parts, wanted }).map_err(|error| match error {
            TrySendError::Full(_) => Error::Overloaded { waiting: QUEUE },
            TrySendError::Disconnected(_) => Error::EncoderLost,
        })?;
        Ok(answer)
    }
}

impl Job {
    fn is_wanted(&self) -> bool {
        self.wanted.strong_count() > 0 && Instant::now() < self.request.deadline
    }

    /// Sends a part; returns whether more are wanted.
    fn tell(&self, part: GeneratedPart) -> bool {
        self.is_wanted() && self.parts.try_send(Ok(part)).is_ok()
    }
}

impl Speaker {
    fn answer(&mut self, job: &Job) -> Result<()> {
        let GenerateRequest { signal, kinds, search, explain, deadline: _ } = &job.request;
        let reading = self.signal.read_inputs(signal.as_slice())?.swap_remove(0);
        if let Some(map) = reading.attention.filter(|_| *explain)
            && !job.tell(GeneratedPart::Attention(map))
        {
            return Ok(());
        }
        let memory = self.captioner.expect_memory(reading.memory)?;
        for kind in kinds.iter().copied() {
            let mut watch = |progress: Progress<'_>| match progress {
                Progress::Step => job.is_wanted(),
                Progress::Token { id, raw } => {
                    job.tell(GeneratedPart::Token { kind, id, raw: raw.to_owned() })
                }
            };
            let caption =
                self.captioner.caption(&memory, Condition::from(kind), search, &mut watch)?;
            if caption.ended == Ended::Stopped
                || !job.tell(GeneratedPart::Caption { kind, caption })
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
            search: Search::default(),
            explain: false,
            deadline,
        }
    }

    fn in_an_hour() -> Instant {
        Instant::now() + Duration::from_hours(1)
    }

    fn caption(kind: CaptionKind) -> GeneratedPart {
        let (raw, text) = (String::new(), String::new());
        let caption = Caption { ids: vec![0, 1], raw, text, ended: Ended::End };
        GeneratedPart::Caption { kind, caption }
    }

    #[test]
    fn answer_is_whole_when_each_kind_has_its_caption() {
        let service = CaptionService::spawn(true, |job| {
            for kind in &job.request.kinds {
                job.tell(caption(*kind));
            }
            Ok(())
        });
        let mut told = Vec::new();
        let take = |part| {
            told.push(part);
            true
        };
        service.unwrap().ask(request(in_an_hour()), take).unwrap();
        told.retain(|part| *part != GeneratedPart::Working);
        assert_eq!(told, [caption(CaptionKind::Brain), caption(CaptionKind::Heart)]);
    }

    #[test]
    fn asker_who_goes_away_ends_the_work() {
        let (ended, has_ended) = std::sync::mpsc::channel();
        let service = CaptionService::spawn(true, move |job| {
            let token =
                || GeneratedPart::Token { kind: CaptionKind::Brain, id: 3, raw: String::new() };
            while job.tell(token()) {}
            ended.send(()).unwrap();
            Ok(())
        })
        .unwrap();
        let mut n = 0;
        let take = |_| {
            n += 1;
            n < 3
        };
        service.ask(request(in_an_hour()), take).unwrap();
        has_ended.recv().unwrap();
        assert_eq!(n, 3);
    }

    #[test]
    fn question_whose_time_is_up_is_not_worked_on() {
        let service = CaptionService::spawn(true, |_| panic!("nobody waits for this")).unwrap();
        let error = service.ask(request(Instant::now()), |_| true).unwrap_err();
        assert_eq!(error.to_string(), "the answer was not ready in time");
    }

    #[test]
    fn full_queue_refuses() {
        let (open, gate) = std::sync::mpsc::channel::<()>();
        let service = CaptionService::spawn(true, move |_| {
            // It waits until the test has let go of the other end.
            let _ = gate.recv();
            Ok(())
        })
        .unwrap();
        let wanted = Arc::new(());
        let mut waiting = Vec::new();
        let error = loop {
            match service.begin(request(in_an_hour()), Arc::downgrade(&wanted)) {
                Ok(parts) => waiting.push(parts),
                Err(error) => break error,
            }
        };
        // One more may be in the thread's hands.
        assert!((QUEUE..=QUEUE + 1).contains(&waiting.len()), "{}", waiting.len());
        assert!(matches!(error, Error::Overloaded { waiting: QUEUE }), "{error}");
        drop(open);
    }
}
