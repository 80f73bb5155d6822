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
use nocturne_psg::EPOCH_SAMPLES;
use nocturne_psg::caption::CaptionKind;
use nocturne_psg::montage::{Channel, ChannelMask};
use nocturne_psg::night::INPUT_LEN;

use crate::{Engine, Error, Result};

/// Requests that may wait. A caption takes a second or so, and whoever waits for sixteen would rather ask again.
const QUEUE: usize = 16;
/// Parts that may wait for the asker: more than the tokens of a longest caption of each kind, so that nobody who reads
/// slowly holds the thread.
const PARTS: usize = 2048;
/// How often the asker is asked whether the answer is still wanted, while there is nothing to tell.
const PATIENCE: Duration = Duration::from_millis(100);
/// Beyond this no sample is one that was brought to deviation 1.
const LARGEST_SAMPLE: f32 = 1e4;

/// The signals of one epoch as the encoder reads them: `[10, 1920]`, finite, zeros for missing channels.
#[derive(Debug, Clone, PartialEq)]
pub struct EpochSignal(Vec<f32>);

impl EpochSignal {
    /// Takes the samples of ten channels, one channel after the other; channels that `mask` lacks become zeros.
    ///
    /// # Errors
    ///
    /// [`Error::Field`] where they are not 19,200 finite numbers from -10,000 to 10,000, or all zero.
    pub fn new(mut samples: Vec<f32>, mask: ChannelMask) -> Result<Self> {
        let refuse =
            |value: String, expected: String| Err(Error::field("signal.samples", value, expected));
        if samples.len() != INPUT_LEN {
            let expected = format!("{INPUT_LEN}: {} channels of {EPOCH_SAMPLES}", Channel::COUNT);
            return refuse(format!("{} samples long", samples.len()), expected);
        }
        // What is not a number is within no range.
        let range = -LARGEST_SAMPLE..=LARGEST_SAMPLE;
        let odd = samples.iter().position(|sample| !range.contains(sample));
        if let Some(place) = odd {
            let channel = Channel::ALL[place / EPOCH_SAMPLES];
            let value =
                format!("{} in {channel} at sample {}", samples[place], place % EPOCH_SAMPLES);
            return refuse(value, format!("numbers from -{LARGEST_SAMPLE} to {LARGEST_SAMPLE}"));
        }
        for (channel, row) in Channel::ALL.iter().zip(samples.chunks_exact_mut(EPOCH_SAMPLES)) {
            if !mask.contains(*channel) {
                row.fill(0.0);
            }
        }
        if samples.iter().all(|sample| *sample == 0.0) {
            return refuse(
                "zero throughout".to_owned(),
                "a channel that carries something".to_owned(),
            );
        }
        Ok(Self(samples))
    }
}

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

impl Engine {
    /// Says in words what the encoder sees in an epoch, and gives `take` the parts as they are made; it ends early
    /// where `take` returns `false`.
    ///
    /// # Errors
    ///
    /// [`Error::Lacks`] where the bundle cannot do it or the engine was opened without, [`Error::Overloaded`],
    /// [`Error::Deadline`], and [`nocturne_encoder::Error::Search`] where the search is out of range.
    pub fn generate_caption(
        &self,
        request: GenerateRequest,
        mut take: impl FnMut(GeneratedPart) -> bool,
    ) -> Result<()> {
        request.search.check(self.manifest.tokenizer.context)?;
        let lacks = |what| Error::Lacks { bundle: self.manifest.name.clone(), what };
        let service = self.captions.as_ref().ok_or_else(|| lacks("makes no captions"))?;
        if request.explain && !service.tells_where {
            return Err(lacks("does not tell where it looks"));
        }
        let deadline = request.deadline;
        let wanted = Arc::new(());
        let parts = service.begin(request, Arc::downgrade(&wanted))?;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let part = match parts.recv_timeout(left.min(PATIENCE)) {
                Ok(part) => part?,
                Err(RecvTimeoutError::Timeout) if left.is_zero() => return Err(Error::Deadline),
                Err(RecvTimeoutError::Timeout) => GeneratedPart::Working,
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            };
            if !take(part) {
                return Ok(());
            }
        }
    }

    /// Returns whether [`generate_caption`](Self::generate_caption) can be asked.
    pub fn makes_captions(&self) -> bool {
        self.captions.is_some()
    }
}

impl CaptionService {
    /// Starts the thread; it ends with the service.
    pub(crate) fn start(signal: SignalEncoder, captioner: Captioner) -> Result<Self> {
        let tells_where = signal.expect_attention().is_ok();
        let (sender, receiver) = sync_channel(QUEUE);
        let mut speaker = Speaker { signal, captioner };
        thread::Builder::new()
            .name("caption".to_owned())
            .spawn(move || speaker.work(&receiver))
            .map_err(|_| Error::EncoderLost)?;
        Ok(Self { sender, tells_where })
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
    /// Serves requests until nobody can send one.
    fn work(&mut self, receiver: &Receiver<Job>) {
        for job in receiver {
            if let Err(error) = self.answer(&job) {
                // Whoever has gone away needs no answer.
                let _ = job.parts.try_send(Err(error));
            }
        }
    }

    fn answer(&mut self, job: &Job) -> Result<()> {
        // It may have waited too long already.
        if !job.is_wanted() {
            return Ok(());
        }
        let GenerateRequest { signal, kinds, search, explain, deadline: _ } = &job.request;
        let reading = self.signal.read_inputs(&signal.0)?.swap_remove(0);
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
    use super::*;

    fn signal(change: impl Fn(&mut Vec<f32>), mask: ChannelMask) -> Result<EpochSignal> {
        let mut samples: Vec<f32> = (0..INPUT_LEN).map(|i| (i % 7) as f32 - 3.0).collect();
        change(&mut samples);
        EpochSignal::new(samples, mask)
    }

    #[test]
    fn samples_that_cannot_be_encoded_are_refused() {
        let check = |change: fn(&mut Vec<f32>), expected: &str| {
            let error = signal(change, ChannelMask::ALL).unwrap_err();
            assert_eq!(error.to_string(), format!("`signal.samples` is {expected}"));
        };
        check(Vec::clear, "0 samples long; expected 19200: 10 channels of 1920");
        check(|it| it.push(0.0), "19201 samples long; expected 19200: 10 channels of 1920");
        let range = "expected numbers from -10000 to 10000";
        check(|it| it[1925] = f32::NAN, &format!("NaN in ABD at sample 5; {range}"));
        check(|it| it[0] = f32::INFINITY, &format!("inf in ECG at sample 0; {range}"));
        check(
            |it| it[0] = -1e30,
            &format!("-1000000000000000000000000000000 in ECG at sample 0; {range}"),
        );
        check(|it| it.fill(0.0), "zero throughout; expected a channel that carries something");
    }

    #[test]
    fn missing_channels_are_read_as_zeros() {
        let mask: ChannelMask = [Channel::Abdomen].into_iter().collect();
        let EpochSignal(samples) = signal(|_| {}, mask).unwrap();
        assert!(samples[..EPOCH_SAMPLES].iter().all(|sample| *sample == 0.0));
        assert!(samples[EPOCH_SAMPLES..2 * EPOCH_SAMPLES].iter().any(|sample| *sample != 0.0));
        assert!(signal(|_| {}, ChannelMask::NONE).is_err());
    }
}
