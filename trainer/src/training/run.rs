//! A run from its first step, or from a checkpoint, to its last.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Device, ElementConversion};

use super::average::Average;
use super::effort::{operations, peak_per_s};
use super::gradient::{Work, gradient};
use super::lora::Lora;
use super::metrics::MetricsFile;
use super::recipe::CaptionTokens;
use super::sample::Writer;
use super::{
    About, Best, CaptionSample, Checkpoint, Recipe, RunFolder, Start, StepReport, ValidationReport,
    validate,
};
use crate::data::{Batch, BatchMaker, Loader, Split, TrainingSet};
use crate::kernels::Kernels;
use crate::model::SleepLm;
use crate::objective::{MAX_LOGIT_SCALE, Vocabulary};
use crate::optimizer::{AdamW, clip_to_norm};
use crate::parameters::NamedTensors;
use crate::{Error, ModelConfig, Result, TokenBatch, TokenSet, Weights, parameters};

/// What is to be trained, how and where.
#[derive(Debug, Clone)]
pub struct Training {
    /// The model.
    pub config: ModelConfig,
    /// How it is trained.
    pub recipe: Recipe,
    /// Where the run is kept.
    pub folder: RunFolder,
    /// The weights that a new run begins with; drawn by the seed where there are none.
    pub start: Option<Start>,
    /// Whether to go on from the last checkpoint.
    pub resume: bool,
    /// The command that began the run, for the bundle's manifest.
    pub command: String,
}

/// What happens in a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The run begins, or goes on, with this step.
    Started {
        /// Counted from 0.
        step: u64,
        /// What it learns from, and what is held out.
        split: Split,
    },
    /// A step was taken.
    Step(StepReport),
    /// The model was measured on held-out recordings.
    Validation(ValidationReport),
    /// A checkpoint was written.
    Checkpoint(PathBuf),
}

/// Trains a model and returns its weights, which the run's folder then holds too.
///
/// The same arguments give the same weights, whether the run is stopped and resumed or not,
/// as long as the number of threads stays.
///
/// # Errors
///
/// [`Error::Run`] and [`Error::OtherRun`] where the folder does not fit, [`Error::NotFinite`] where training diverges,
/// and those of the training set and the disk.
pub fn train<B>(
    training: &Training,
    set: TrainingSet,
    device: &Device<B>,
    see: &mut dyn FnMut(&Event),
) -> Result<Weights>
where
    B: AutodiffBackend + Kernels,
    B::InnerBackend: Kernels,
{
    let mut run = Run::<B>::start(training, set, device)?;
    see(&Event::Started { step: run.step, split: run.split.clone() });
    let loader = Loader::start(Arc::clone(&run.batches), run.step);
    let recipe = training.recipe;
    while !run.is_over() {
        let report = run.advance(&loader.next_batch()?)?;
        see(&Event::Step(report));
        if run.step == recipe.steps || run.step.is_multiple_of(recipe.validate_every) {
            run.measure()?.iter().for_each(|report| see(&Event::Validation(report.clone())));
        }
        if run.is_over() || run.step.is_multiple_of(recipe.checkpoint_every) {
            see(&Event::Checkpoint(run.keep()?));
        }
    }
    run.finish()
}

/// A run between two steps.
struct Run<'a, B: AutodiffBackend> {
    training: &'a Training,
    device: &'a Device<B>,
    batches: Arc<BatchMaker>,
    split: Split,
    /// Floating-point operations that the device takes in a second.
    peak_per_s: f64,
    held_out: Vec<Batch>,
    metrics: MetricsFile,
    step: u64,
    /// With the adapters merged into it, where there are any.
    model: SleepLm<B::InnerBackend>,
    adapted: Option<Adapted<B::InnerBackend>>,
    optimizer: AdamW<B::InnerBackend>,
    average: Option<Average<B::InnerBackend>>,
    best: Option<Best>,
    tokens: TokenSet,
    vocabulary: Vocabulary,
}

/// A model without its adapters, and those.
struct Adapted<B: Backend> {
    base: SleepLm<B>,
    lora: Lora<B>,
}

impl<'a, B> Run<'a, B>
where
    B: AutodiffBackend + Kernels,
    B::InnerBackend: Kernels,
{
    fn start(training: &'a Training, set: TrainingSet, device: &'a Device<B>) -> Result<Self> {
        let Training { config, recipe, folder, start, resume, command } = training;
        config.check()?;
        recipe.check(config)?;
        let before = start.as_ref().and_then(|start| start.about.clone()).map(Box::new);
        let about = About { set: set.info().clone(), command: command.clone(), before };
        let (set, held_out) = set.split(recipe.validation_share)?;
        let split = Split::new(&set, held_out.as_ref());
        if recipe.patience > 0 && held_out.is_none() {
            let (value, expected) = (recipe.patience.to_string(), "0, as no recording is held out");
            return Err(Error::Recipe { field: "patience", value, expected });
        }
        let held_out = held_out.map(|set| BatchMaker::new(set, recipe.validation_batches()));
        let held_out = held_out.iter().flat_map(|maker| {
            (0..recipe.validation_batches).map(move |number| maker.batch(number))
        });
        let held_out = held_out.collect::<Result<Vec<_>>>()?;
        let checkpoint = if *resume {
            folder.check_split(&split)?;
            folder.resume(config, recipe)?
        } else {
            folder.begin(config, recipe, &about)?;
            folder.write_split(&split)?;
            first(config, recipe, start.clone())
        };
        let Checkpoint { step, weights, adapters, optimizer, average, best, tokens } = checkpoint;
        let base = weights.to_model(config, device)?;
        let adapted = recipe.lora.map(|options| {
            let objective = recipe.objective();
            let lora = match &adapters {
                Some(adapters) => Lora::resume(options, adapters, device),
                None => Lora::new(options, &base, |name| objective.wants(name), recipe.seed),
            };
            Adapted { base: base.clone(), lora }
        });
        let model = adapted.as_ref().map_or(base, |adapted| adapted.lora.merged(&adapted.base));
        let average = match average {
            Some(weights) => Some(Average::new(recipe.ema, weights.to_model(config, device)?)),
            None => None,
        };
        let batches = BatchMaker::new(set, recipe.batches());
        let vocabulary = vocabulary(recipe.caption_tokens, &tokens, &batches);
        let run = Self {
            training,
            device,
            batches: Arc::new(batches),
            split,
            peak_per_s: peak_per_s::<B::InnerBackend>(recipe.threads, device),
            held_out,
            metrics: MetricsFile::open(folder.metrics(), step)?,
            step,
            model,
            adapted,
            optimizer: AdamW::resume(recipe.adamw, step, &optimizer, device)?,
            average,
            best,
            tokens,
            vocabulary,
        };
        run.held_out.iter().try_for_each(|batch| run.check_tokens(&batch.texts))?;
        Ok(run)
    }

    /// Refuses texts with a token that captions cannot be made of.
    fn check_tokens(&self, texts: &TokenBatch) -> Result<()> {
        let Some(id) = self.vocabulary.first_outside(texts) else { return Ok(()) };
        Err(Error::OutsideCaptions { token: self.batches.tokenizer().decode(&[id as u32]) })
    }

    /// Returns how a batch is worked through.
    fn work(&self) -> Work<'_> {
        let Training { config, recipe, .. } = self.training;
        Work {
            objective: recipe.objective(),
            vocabulary: &self.vocabulary,
            threads: recipe.threads,
            micro_batch: recipe.micro_batch,
            dropout: config.biosignals_cfg.dropout,
            seed: crate::data::derive(!recipe.seed, self.step),
        }
    }

    /// Returns whether the last step was taken, or no better measurement is hoped for.
    fn is_over(&self) -> bool {
        let Recipe { steps, patience, .. } = self.training.recipe;
        self.step >= steps || self.best.is_some_and(|best| best.is_stale(patience))
    }

    /// Returns what is measured and kept: the average of the weights where there is one, or the last of them.
    fn judged(&self) -> &SleepLm<B::InnerBackend> {
        self.average.as_ref().map_or(&self.model, Average::model)
    }

    /// Takes one step.
    fn advance(&mut self, batch: &Batch) -> Result<StepReport> {
        let begin = Instant::now();
        let Training { config, recipe, .. } = self.training;
        self.check_tokens(&batch.texts)?;
        let mut found = gradient::<B>(&self.model, batch, self.work(), self.device);
        let loss = found.losses.total(recipe.loss);
        self.check_finite("loss", loss)?;
        if let Some(Adapted { base, lora }) = &self.adapted {
            lora.chain(base, &mut found.gradients);
        }
        let gradient_norm = clip_to_norm(&mut found.gradients, recipe.clip_norm);
        self.check_finite("norm of the gradient", gradient_norm)?;
        let learning_rate = recipe.schedule().rate(self.step);
        self.model = self.moved(found.gradients, learning_rate);
        if let Some(average) = &mut self.average {
            average.take_in(&self.model, self.step);
        }
        self.tokens.extend(&batch.texts);
        let seconds = begin.elapsed().as_secs_f64();
        let operations = operations(config, batch, self.work());
        let report = StepReport {
            step: self.step,
            loss,
            losses: found.losses,
            accuracy: found.accuracy,
            gradient_norm,
            learning_rate,
            logit_scale: self.model.logit_scale.val().into_scalar().elem::<f32>().exp(),
            seconds,
            operations,
            share_of_peak: operations / seconds / self.peak_per_s,
        };
        self.metrics.write(&report)?;
        self.step += 1;
        Ok(report)
    }

    /// Lets the optimizer take a step, and returns the model after it.
    fn moved(
        &mut self,
        gradients: NamedTensors<B::InnerBackend>,
        learning_rate: f64,
    ) -> SleepLm<B::InnerBackend> {
        let Some(Adapted { base, lora }) = &mut self.adapted else {
            let model = self.optimizer.step(self.model.clone(), gradients, learning_rate);
            return limit_scale(model);
        };
        let factors = lora.factors_mut();
        *base = self.optimizer.step_beside(base.clone(), factors, gradients, learning_rate);
        lora.merged(base)
    }

    fn check_finite(&self, what: &'static str, value: f32) -> Result<()> {
        if value.is_finite() {
            return Ok(());
        }
        Err(Error::NotFinite { what, value, step: self.step })
    }

    /// Measures the model, where recordings are held out.
    fn measure(&mut self) -> Result<Option<ValidationReport>> {
        if self.held_out.is_empty() {
            return Ok(None);
        }
        let loss = self.training.recipe.loss;
        let (model, batches) = (self.judged(), &self.held_out);
        let measured = validate(model, batches, self.work(), self.device);
        // Another epoch each time.
        let epoch = (self.step / self.training.recipe.validate_every.max(1)) as usize;
        let epoch = epoch % batches[0].positives.len();
        let report = ValidationReport {
            step: self.step,
            validation_loss: measured.losses.total(loss),
            validation_losses: measured.losses,
            validation_accuracy: measured.accuracy,
            sample: self.sample(&batches[0], epoch),
        };
        self.metrics.write(&report)?;
        let (best, is_best) = Best::after(self.best, self.step, report.validation_loss);
        if is_best {
            Weights::from_model(self.judged()).write(&self.training.folder.best())?;
        }
        self.best = Some(best);
        Ok(Some(report))
    }

    /// Lets the model write the caption of one epoch of a batch, where it has a decoder.
    fn sample(&self, batch: &Batch, epoch: usize) -> Option<CaptionSample> {
        let writer = Writer { vocabulary: &self.vocabulary, tokenizer: self.batches.tokenizer() };
        writer.sample(self.judged(), batch, epoch, self.device)
    }

    fn keep(&self) -> Result<PathBuf> {
        self.training.folder.draw()?;
        self.training.folder.keep(&Checkpoint {
            step: self.step,
            weights: match &self.adapted {
                Some(adapted) => Weights::from_model(&adapted.base),
                None => Weights::from_model(&self.model),
            },
            adapters: self.adapted.as_ref().map(|adapted| adapted.lora.state()),
            optimizer: self.optimizer.state(),
            average: self.average.as_ref().map(|average| Weights::from_model(average.model())),
            best: self.best,
            tokens: self.tokens.clone(),
        })
    }

    fn finish(self) -> Result<Weights> {
        let Training { folder, recipe, .. } = self.training;
        let weights = if recipe.patience > 0 && self.best.is_some() {
            Weights::read(&folder.best())?
        } else {
            Weights::from_model(self.judged())
        };
        self.training.folder.finish(&weights, &self.tokens)?;
        Ok(weights)
    }
}

/// Returns the state of a run before its first step.
fn first(config: &ModelConfig, recipe: &Recipe, start: Option<Start>) -> Checkpoint {
    let parts = recipe.parts(config);
    let (weights, tokens) = match start {
        Some(start) => (start.weights.with_parts(config, &parts, recipe.seed), start.tokens),
        None => (
            Weights::initial_parts(config, &parts, recipe.seed),
            TokenSet::new(config.text_cfg.vocab_size),
        ),
    };
    let average = (recipe.ema > 0.0).then(|| weights.clone());
    let (adapters, optimizer, best) = (None, Weights::default(), None);
    Checkpoint { step: 0, weights, adapters, optimizer, average, best, tokens }
}

/// Returns the tokens over which the caption loss goes. What the model has met before, it may say too.
fn vocabulary(wanted: CaptionTokens, met: &TokenSet, batches: &BatchMaker) -> Vocabulary {
    let size = met.vocabulary_size();
    match wanted {
        CaptionTokens::All => Vocabulary::full(size),
        CaptionTokens::OfCaptions => {
            let mut tokens = TokenSet::of_captions(batches.tokenizer(), size);
            tokens.unite(met);
            Vocabulary::of(&tokens)
        }
    }
}

/// Keeps the logit scale at or below 100.
fn limit_scale<B: Backend>(model: SleepLm<B>) -> SleepLm<B> {
    parameters::map(model, |name, _, values| {
        if name == "logit_scale" { values.clamp_max(MAX_LOGIT_SCALE) } else { values }
    })
}
