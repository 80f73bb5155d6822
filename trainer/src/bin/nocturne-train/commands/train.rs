//! `nocturne-train train`

use std::path::Path;

use anyhow::{Context, Result};
use burn::backend::{Autodiff, Flex};
use indicatif::ProgressBar;
use nocturne_trainer::data::TrainingSet;
use nocturne_trainer::training::{
    FrozenTowers, InitialModel, LoraOptions, Recipe, RunEvent, RunFolder, TrainingRun, train,
};
use nocturne_trainer::{ModelConfig, Preset};

use crate::args::{self, DeviceArg, RecipeArgs, TowerArg, TrainArgs};
use crate::console;
use crate::error::CommandOutcome;

pub(super) fn run(arguments: &TrainArgs) -> Result<CommandOutcome> {
    let given = match (&arguments.config, arguments.preset) {
        (Some(path), _) => Some(ModelConfig::read(path)?),
        (None, preset) => preset.map(Preset::config),
    };
    let start = arguments.init.as_deref().map(|path| InitialModel::read(path, given.as_ref()));
    let start = start.transpose()?;
    let config = start.as_ref().map(|start| start.config.clone()).or(given);
    let config = config.context("one of `--preset`, `--config` and `--init` is required")?;
    let recipe = changed(&read_recipe(arguments.recipe.as_deref())?, &arguments.changes);
    let set = TrainingSet::open(&arguments.data)?;
    console::note(format_args!("{} epochs of {} recordings", set.len(), set.n_recordings()));
    let training = TrainingRun {
        config,
        recipe,
        folder: RunFolder::new(&arguments.out),
        start,
        resume: arguments.resume,
        command: args::command_line(),
    };
    let mut display = Display::new(recipe.steps, arguments.json);
    train_on(arguments.device, &training, set, &mut |event| display.show(event))?;
    display.bar.finish_and_clear();
    console::print(training.folder.weights().display())?;
    Ok(CommandOutcome::Done)
}

fn read_recipe(path: Option<&Path>) -> Result<Recipe> {
    let Some(path) = path else { return Ok(Recipe::default()) };
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read `{}`", path.display()))?;
    toml::from_str(&text).with_context(|| format!("`{}` is not a valid recipe", path.display()))
}

fn changed(recipe: &Recipe, changes: &RecipeArgs) -> Recipe {
    let freeze = FrozenTowers {
        signal: recipe.freeze.signal || changes.freeze.contains(&TowerArg::Signal),
        text: recipe.freeze.text || changes.freeze.contains(&TowerArg::Text),
    };
    Recipe {
        steps: changes.steps.unwrap_or(recipe.steps),
        batch_size: changes.batch_size.map_or(recipe.batch_size, usize::from),
        micro_batch: changes.micro_batch.map_or(recipe.micro_batch, usize::from),
        freeze,
        train: changes.train.map_or(recipe.train, Into::into),
        lora: lora(recipe.lora, changes.lora),
        learning_rate: changes.learning_rate.unwrap_or(recipe.learning_rate),
        warmup_steps: changes.warmup_steps.unwrap_or(recipe.warmup_steps),
        seed: changes.seed.unwrap_or(recipe.seed),
        checkpoint_every: changes.checkpoint_every.unwrap_or(recipe.checkpoint_every),
        threads: changes.threads.map_or(recipe.threads, usize::from),
        ..*recipe
    }
}

/// Returns the adapters of a recipe, with the rank of the command line if it has one.
fn lora(recipe: Option<LoraOptions>, rank: Option<u16>) -> Option<LoraOptions> {
    let Some(rank) = rank.map(usize::from) else { return recipe };
    let alpha = recipe.map_or(2.0 * rank as f64, |lora| lora.alpha);
    Some(LoraOptions { rank, alpha })
}

fn train_on(
    device: DeviceArg,
    training: &TrainingRun,
    set: TrainingSet,
    see: &mut dyn FnMut(&RunEvent),
) -> Result<()> {
    match device {
        DeviceArg::Cpu => {
            train::<Autodiff<Flex>>(training, set, &burn::tensor::Device::<Flex>::default(), see)?
        }
        DeviceArg::Cuda => train_on_cuda(training, set, see)?,
    };
    Ok(())
}

#[cfg(feature = "cuda")]
fn train_on_cuda(
    training: &TrainingRun,
    set: TrainingSet,
    see: &mut dyn FnMut(&RunEvent),
) -> Result<nocturne_trainer::Weights> {
    use burn::backend::Cuda;
    // One graph: the device processes a whole batch at once.
    let recipe = Recipe { threads: 1, ..training.recipe };
    let training = TrainingRun { recipe, ..training.clone() };
    Ok(train::<Autodiff<Cuda>>(&training, set, &burn::tensor::Device::<Cuda>::default(), see)?)
}

#[cfg(not(feature = "cuda"))]
fn train_on_cuda(
    _training: &TrainingRun,
    _set: TrainingSet,
    _see: &mut dyn FnMut(&RunEvent),
) -> Result<nocturne_trainer::Weights> {
    anyhow::bail!("this program was built without CUDA; build it with `--features cuda`")
}

/// Reports the events of a run.
struct Display {
    bar: ProgressBar,
    json: bool,
}

impl Display {
    fn new(steps: u64, json: bool) -> Self {
        Self { bar: console::progress("training", steps), json }
    }

    fn show(&mut self, event: &RunEvent) {
        match event {
            RunEvent::Started { step, split } => {
                self.bar.set_position(*step);
                let note = format!("training on {}; held out: {}", split.training, split.held_out);
                self.bar.suspend(|| console::note(note));
            }
            RunEvent::Step(report) => {
                self.bar.set_position(report.step + 1);
                let (loss, accuracy) = (report.loss, 100.0 * report.accuracy);
                let (speed, share) = (report.steps_per_s(), 100.0 * report.share_of_peak);
                self.bar.set_message(format!(
                    "loss {loss:.3}, {accuracy:.0} % right, {speed:.2} steps/s, {share:.0} % of peak"
                ));
                self.print(report);
            }
            RunEvent::Validation(report) => {
                let (step, loss) = (report.step, report.validation_loss);
                let accuracy = 100.0 * report.validation_accuracy;
                self.note(format_args!(
                    "step {step}: held-out loss {loss:.4}, {accuracy:.1} % right"
                ));
                for (name, loss) in [
                    ("captions", report.validation_losses.caption),
                    ("reconstruction", report.validation_losses.reconstruction),
                ] {
                    if let Some(loss) = loss {
                        self.note(format_args!("step {step}: held-out loss of {name} {loss:.4}"));
                    }
                }
                if let Some(sample) = &report.sample {
                    self.note(format_args!("  expected: {}", sample.expected));
                    self.note(format_args!("  written:  {}", sample.written));
                }
                self.print(report);
            }
            RunEvent::Checkpoint(path) => self.note(format_args!("kept {}", path.display())),
        }
    }

    fn print(&self, report: &impl serde::Serialize) {
        if self.json {
            // If the reader has closed the output, training continues.
            let _ = self.bar.suspend(|| console::print_json(report));
        }
    }

    fn note(&self, line: impl std::fmt::Display) {
        self.bar.suspend(|| console::note(line));
    }
}
