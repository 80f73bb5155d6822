//! A training run from its first step, or from a checkpoint, to its last.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Device, ElementConversion};

use super::batch_gradient::{GradientOptions, gradient};
use super::caption_sample::CaptionSampler;
use super::flops::{operations, peak_per_s};
use super::lora::Lora;
use super::metrics::MetricsFile;
use super::recipe::CaptionTokens;
use super::weight_average::WeightAverage;
use super::{
    BestValidation, CaptionSample, InitialModel, Recipe, RunCheckpoint, RunFolder, RunProvenance,
    StepReport, ValidationReport, validate,
};
use crate::config::ModelConfig;
use crate::data::{Batch, BatchLoader, BatchMaker, Split, TrainingSet};
use crate::error::{Error, Result};
use crate::kernels::Kernels;
use crate::model::SleepLm;
use crate::objective::{CaptionVocabulary, MAX_LOGIT_SCALE};
use crate::optimizer::{AdamW, clip_to_norm};
use crate::parameters;
use crate::parameters::NamedTensors;
use crate::tokens::{TokenBatch, TokenSet};
use crate::weights::Weights;

/// The settings of a run.
#[derive(Debug, Clone)]
pub struct TrainingRun {
    /// The model.
    pub config: ModelConfig,
    /// The recipe.
    pub recipe: Recipe,
    /// The folder of the run.
    pub folder: RunFolder,
    /// The model that a new run starts from, or `None` for random weights.
    pub start: Option<InitialModel>,
    /// Whether to continue from the last checkpoint.
    pub resume: bool,
    /// The command that started the run, for the bundle's manifest.
    pub command: String,
}

/// An event of a run.
#[derive(Debug, Clone, PartialEq)]
pub enum RunEvent {
    /// The run starts, or continues, with this step.
    Started {
        /// Counted from 0.
        step: u64,
        /// The training and held-out recordings.
        split: Split,
    },
    /// A step was taken.
    Step(StepReport),
    /// The model was validated on held-out recordings.
    Validation(ValidationReport),
    /// A checkpoint was written.
    Checkpoint(PathBuf),
}

/// Trains a model and returns its weights, which are also written to the run's folder.
///
/// The same settings give the same weights, whether the run is interrupted or not, as long as the number of threads
/// does not change.
///
/// # Errors
///
/// [`Error::Run`] and [`Error::RunMismatch`] if the folder does not fit, [`Error::NotFinite`] if training diverges, and
/// those of the training set and the file system.
pub fn train<B>(
    training: &TrainingRun,
    set: TrainingSet,
    device: &Device<B>,
    on_event: &mut dyn FnMut(&RunEvent),
) -> Result<Weights>
where
    B: AutodiffBackend + Kernels,
    B::InnerBackend: Kernels,
{
    let mut run = RunState::<B>::start(training, set, device)?;
    on_event(&RunEvent::Started { step: run.step, split: run.split.clone() });
    let loader = BatchLoader::start(Arc::clone(&run.batches), run.step);
    let recipe = training.recipe;
    while !run.is_over() {
        let report = run.take_step(&loader.next_batch()?)?;
        on_event(&RunEvent::Step(report));
        if run.step == recipe.steps || run.step.is_multiple_of(recipe.validate_every) {
            run.validate_model()?
                .iter()
                .for_each(|report| on_event(&RunEvent::Validation(report.clone())));
        }
        if run.is_over() || run.step.is_multiple_of(recipe.checkpoint_every) {
            on_event(&RunEvent::Checkpoint(run.write_checkpoint()?));
        }
    }
    run.finish()
}

/// The state of a run between two steps.
struct RunState<'a, B: AutodiffBackend> {
    training: &'a TrainingRun,
    device: &'a Device<B>,
    batches: Arc<BatchMaker>,
    split: Split,
    /// Peak rate of the device in floating-point operations per second.
    peak_per_s: f64,
    held_out: Vec<Batch>,
    metrics: MetricsFile,
    step: u64,
    /// With the adapters merged, if there are any.
    model: SleepLm<B::InnerBackend>,
    adapted: Option<AdaptedModel<B::InnerBackend>>,
    optimizer: AdamW<B::InnerBackend>,
    average: Option<WeightAverage<B::InnerBackend>>,
    best: Option<BestValidation>,
    tokens: TokenSet,
    vocabulary: CaptionVocabulary,
}

/// A model without its adapters, and the adapters.
struct AdaptedModel<B: Backend> {
    base: SleepLm<B>,
    lora: Lora<B>,
}

impl<'a, B> RunState<'a, B>
where
    B: AutodiffBackend + Kernels,
    B::InnerBackend: Kernels,
{
    fn start(training: &'a TrainingRun, set: TrainingSet, device: &'a Device<B>) -> Result<Self> {
        let TrainingRun { config, recipe, folder, start, resume, command } = training;
        config.check()?;
        recipe.check(config)?;
        let previous = start.as_ref().and_then(|start| start.provenance.clone()).map(Box::new);
        let provenance =
            RunProvenance { set: set.info().clone(), command: command.clone(), previous };
        let (set, held_out) = set.split(recipe.validation_share)?;
        let split = Split::new(&set, held_out.as_ref());
        if recipe.patience > 0 && held_out.is_none() {
            let (value, expected) =
                (recipe.patience.to_string(), "0, because no recordings are held out");
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
            folder.create(config, recipe, &provenance)?;
            folder.write_split(&split)?;
            initial_state(config, recipe, start.clone())
        };
        let RunCheckpoint { step, weights, adapters, optimizer, average, best, tokens } =
            checkpoint;
        let base = weights.to_model(config, device)?;
        let adapted = recipe.lora.map(|options| {
            let objective = recipe.objective();
            let lora = match &adapters {
                Some(adapters) => Lora::resume(options, adapters, device),
                None => Lora::new(options, &base, |name| objective.is_trained(name), recipe.seed),
            };
            AdaptedModel { base: base.clone(), lora }
        });
        let model = adapted.as_ref().map_or(base, |adapted| adapted.lora.merged(&adapted.base));
        let average = match average {
            Some(weights) => {
                Some(WeightAverage::new(recipe.ema, weights.to_model(config, device)?))
            }
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

    /// Rejects texts with a token outside the vocabulary.
    fn check_tokens(&self, texts: &TokenBatch) -> Result<()> {
        let Some(id) = self.vocabulary.first_outside(texts) else { return Ok(()) };
        Err(Error::TokenOutsideVocabulary { token: self.batches.tokenizer().decode(&[id as u32]) })
    }

    /// Returns how the gradient of the next batch is computed.
    fn gradient_options(&self) -> GradientOptions<'_> {
        let TrainingRun { config, recipe, .. } = self.training;
        GradientOptions {
            objective: recipe.objective(),
            vocabulary: &self.vocabulary,
            threads: recipe.threads,
            micro_batch: recipe.micro_batch,
            dropout: config.biosignals_cfg.dropout,
            seed: crate::data::derive_seed(!recipe.seed, self.step),
        }
    }

    /// Returns whether the last step was taken or the run stops early.
    fn is_over(&self) -> bool {
        let Recipe { steps, patience, .. } = self.training.recipe;
        self.step >= steps || self.best.is_some_and(|best| best.is_stale(patience))
    }

    /// Returns the model that is validated and stored: the average of the weights if there is one, else the current
    /// weights.
    fn evaluated(&self) -> &SleepLm<B::InnerBackend> {
        self.average.as_ref().map_or(&self.model, WeightAverage::model)
    }

    /// Takes one step.
    fn take_step(&mut self, batch: &Batch) -> Result<StepReport> {
        let started = Instant::now();
        let TrainingRun { config, recipe, .. } = self.training;
        self.check_tokens(&batch.texts)?;
        let mut found = gradient::<B>(&self.model, batch, self.gradient_options(), self.device);
        let loss = found.losses.total(recipe.loss);
        self.check_finite("loss", loss)?;
        if let Some(AdaptedModel { base, lora }) = &self.adapted {
            lora.chain_gradients(base, &mut found.gradients);
        }
        let gradient_norm = clip_to_norm(&mut found.gradients, recipe.clip_norm);
        self.check_finite("norm of the gradient", gradient_norm)?;
        let learning_rate = recipe.schedule().rate(self.step);
        self.model = self.optimized(found.gradients, learning_rate);
        if let Some(average) = &mut self.average {
            average.update(&self.model, self.step);
        }
        self.tokens.extend(&batch.texts);
        let seconds = started.elapsed().as_secs_f64();
        let operations = operations(config, batch, self.gradient_options());
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

    /// Takes an optimizer step, and returns the updated model.
    fn optimized(
        &mut self,
        gradients: NamedTensors<B::InnerBackend>,
        learning_rate: f64,
    ) -> SleepLm<B::InnerBackend> {
        let Some(AdaptedModel { base, lora }) = &mut self.adapted else {
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

    /// Validates the model if recordings are held out.
    fn validate_model(&mut self) -> Result<Option<ValidationReport>> {
        if self.held_out.is_empty() {
            return Ok(None);
        }
        let loss = self.training.recipe.loss;
        let (model, batches) = (self.evaluated(), &self.held_out);
        let measured = validate(model, batches, self.gradient_options(), self.device);
        // Another epoch at each validation.
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
        let (best, is_best) = BestValidation::after(self.best, self.step, report.validation_loss);
        if is_best {
            Weights::from_model(self.evaluated()).write(&self.training.folder.best())?;
        }
        self.best = Some(best);
        Ok(Some(report))
    }

    /// Generates the caption of one epoch of a batch, or returns `None` if the model has no decoder.
    fn sample(&self, batch: &Batch, epoch: usize) -> Option<CaptionSample> {
        let writer =
            CaptionSampler { vocabulary: &self.vocabulary, tokenizer: self.batches.tokenizer() };
        writer.sample(self.evaluated(), batch, epoch, self.device)
    }

    fn write_checkpoint(&self) -> Result<PathBuf> {
        self.training.folder.plot()?;
        self.training.folder.write_checkpoint(&RunCheckpoint {
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
        let TrainingRun { folder, recipe, .. } = self.training;
        let weights = if recipe.patience > 0 && self.best.is_some() {
            Weights::read(&folder.best())?
        } else {
            Weights::from_model(self.evaluated())
        };
        self.training.folder.finish(&weights, &self.tokens)?;
        Ok(weights)
    }
}

/// Returns the state of a run before its first step.
fn initial_state(
    config: &ModelConfig,
    recipe: &Recipe,
    start: Option<InitialModel>,
) -> RunCheckpoint {
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
    RunCheckpoint { step: 0, weights, adapters, optimizer, average, best, tokens }
}

/// Returns the vocabulary of the caption loss. Tokens that the model has already seen are always included.
fn vocabulary(choice: CaptionTokens, seen: &TokenSet, batches: &BatchMaker) -> CaptionVocabulary {
    let size = seen.vocabulary_size();
    match choice {
        CaptionTokens::All => CaptionVocabulary::full(size),
        CaptionTokens::OfCaptions => {
            let mut tokens = TokenSet::of_captions(batches.tokenizer(), size);
            tokens.union_with(seen);
            CaptionVocabulary::of(&tokens)
        }
    }
}

/// Limits the logit scale to 100.
fn limit_scale<B: Backend>(model: SleepLm<B>) -> SleepLm<B> {
    parameters::map(model, |name, _, values| {
        if name == "logit_scale" { values.clamp_max(MAX_LOGIT_SCALE) } else { values }
    })
}
