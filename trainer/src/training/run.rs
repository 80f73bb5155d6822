//! A run from its first step, or from a checkpoint, to its last.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use burn::tensor::backend::AutodiffBackend;
use burn::tensor::{Device, ElementConversion};

use super::gradient::{Work, gradient};
use super::metrics::MetricsFile;
use super::{About, Checkpoint, Recipe, RunFolder, StepReport, ValidationReport, validate};
use crate::data::{Batch, BatchMaker, Loader, TrainingSet};
use crate::kernels::Kernels;
use crate::model::SleepLm;
use crate::objective::MAX_LOGIT_SCALE;
use crate::onnx::TokenSet;
use crate::optimizer::{AdamW, clip_to_norm};
use crate::{Error, ModelConfig, Result, Weights, parameters};

/// What is to be trained, how and where.
#[derive(Debug, Clone)]
pub struct Training {
    /// The model.
    pub config: ModelConfig,
    /// How it is trained.
    pub recipe: Recipe,
    /// Where the run is kept.
    pub folder: RunFolder,
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
    see(&Event::Started { step: run.step });
    let loader = Loader::start(Arc::clone(&run.batches), run.step);
    let recipe = training.recipe;
    while run.step < recipe.steps {
        let report = run.advance(&loader.next_batch()?)?;
        see(&Event::Step(report));
        let is_last = run.step == recipe.steps;
        if is_last || run.step.is_multiple_of(recipe.validate_every) {
            run.measure()?.iter().for_each(|report| see(&Event::Validation(report.clone())));
        }
        if is_last || run.step.is_multiple_of(recipe.checkpoint_every) {
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
    held_out: Vec<Batch>,
    metrics: MetricsFile,
    step: u64,
    model: SleepLm<B::InnerBackend>,
    optimizer: AdamW<B::InnerBackend>,
    tokens: TokenSet,
}

impl<'a, B> Run<'a, B>
where
    B: AutodiffBackend + Kernels,
    B::InnerBackend: Kernels,
{
    fn start(training: &'a Training, set: TrainingSet, device: &'a Device<B>) -> Result<Self> {
        let Training { config, recipe, folder, resume, command } = training;
        config.check()?;
        let about = About { set: set.info().clone(), command: command.clone() };
        let (set, held_out) = set.split(recipe.validation_share)?;
        let held_out = held_out.map(|set| BatchMaker::new(set, recipe.validation_batches()));
        let held_out = held_out.iter().flat_map(|maker| {
            (0..recipe.validation_batches).map(move |number| maker.batch(number))
        });
        let held_out = held_out.collect::<Result<Vec<_>>>()?;
        let checkpoint = if *resume {
            folder.resume(config, recipe)?
        } else {
            folder.begin(config, recipe, &about)?;
            Checkpoint {
                step: 0,
                weights: Weights::initial(config, recipe.seed),
                optimizer: Weights::default(),
                tokens: TokenSet::new(config.text_cfg.vocab_size),
            }
        };
        let Checkpoint { step, weights, optimizer, tokens } = checkpoint;
        Ok(Self {
            training,
            device,
            batches: Arc::new(BatchMaker::new(set, recipe.batches())),
            held_out,
            metrics: MetricsFile::open(folder.metrics(), step)?,
            step,
            model: weights.to_model(config, device)?,
            optimizer: AdamW::resume(recipe.adamw, step, &optimizer, device)?,
            tokens,
        })
    }

    /// Takes one step.
    fn advance(&mut self, batch: &Batch) -> Result<StepReport> {
        let begin = Instant::now();
        let Training { config, recipe, .. } = self.training;
        let work = Work {
            threads: recipe.threads,
            dropout: config.biosignals_cfg.dropout,
            seed: crate::data::derive(!recipe.seed, self.step),
        };
        let mut found = gradient::<B>(&self.model, batch, work, self.device);
        self.check_finite("loss", found.loss)?;
        let gradient_norm = clip_to_norm(&mut found.gradients, recipe.clip_norm);
        self.check_finite("norm of the gradient", gradient_norm)?;
        let learning_rate = recipe.schedule().rate(self.step);
        let model = self.optimizer.step(self.model.clone(), found.gradients, learning_rate);
        self.model = limit_scale(model);
        self.tokens.extend(&batch.texts);
        let report = StepReport {
            step: self.step,
            loss: found.loss,
            accuracy: found.accuracy,
            gradient_norm,
            learning_rate,
            logit_scale: self.model.logit_scale.val().into_scalar().elem::<f32>().exp(),
            seconds: begin.elapsed().as_secs_f64(),
        };
        self.metrics.write(&report)?;
        self.step += 1;
        Ok(report)
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
        let threads = self.training.recipe.threads;
        let report = validate(&self.model, &self.held_out, self.step, threads, self.device);
        self.metrics.write(&report)?;
        Ok(Some(report))
    }

    fn keep(&self) -> Result<PathBuf> {
        self.training.folder.keep(&Checkpoint {
            step: self.step,
            weights: Weights::from_model(&self.model),
            optimizer: self.optimizer.state(),
            tokens: self.tokens.clone(),
        })
    }

    fn finish(self) -> Result<Weights> {
        let weights = Weights::from_model(&self.model);
        self.training.folder.finish(&weights, &self.tokens)?;
        Ok(weights)
    }
}

/// Keeps the logit scale at or below 100.
fn limit_scale<B: burn::tensor::backend::Backend>(model: SleepLm<B>) -> SleepLm<B> {
    parameters::map(model, |name, _, values| {
        if name == "logit_scale" { values.clamp_max(MAX_LOGIT_SCALE) } else { values }
    })
}
