//! `nocturne-train fewshot`

use anyhow::{Result, ensure};
use nocturne_encoder::{BatchOptions, Bundle, Device, SignalEncoder};
use nocturne_trainer::data::TrainingSet;
use nocturne_trainer::fewshot::{FewShotOptions, encode, learn, write};

use crate::args::FewshotArgs;
use crate::console;
use crate::error::CommandOutcome;

pub(super) fn run(arguments: &FewshotArgs) -> Result<CommandOutcome> {
    let bundle = Bundle::open(&arguments.bundle)?;
    let set = TrainingSet::open(&arguments.data)?;
    check_scaling(&bundle, &set)?;
    let runtime = arguments.runtime.load()?;
    let mut signal = SignalEncoder::open(runtime, &bundle, Device::Cpu, BatchOptions::default())?;
    let bar = console::progress("encoding", set.len() as u64);
    let see = &mut |done| bar.set_position(done as u64);
    let epochs = encode(&set, arguments.concept, &mut signal, see)?;
    bar.finish_and_clear();
    let options = FewShotOptions {
        shots: arguments.shots.map(|shots| shots as usize),
        folds: usize::from(arguments.folds),
        seed: arguments.seed,
        ..FewShotOptions::default()
    };
    let concept = learn(&epochs, arguments.concept, bundle.fingerprint(), options)?;
    write(&concept, &arguments.out)?;
    let measured = concept.validation;
    console::print(format_args!(
        "{} auroc {:.3} hits {:.3} false_alarms {:.3}",
        concept.name, measured.auroc, measured.true_positive_rate, measured.false_positive_rate
    ))?;
    Ok(CommandOutcome::Done)
}

/// Rejects a set that was scaled differently from the bundle's training data.
fn check_scaling(bundle: &Bundle, set: &TrainingSet) -> Result<()> {
    let (learned, scaled) = (bundle.manifest().preprocessing.z_score, set.info().z_score);
    ensure!(
        learned == scaled,
        "`{}` is scaled over another span ({scaled:?}) than the bundle's training data ({learned:?})",
        set.folder().display()
    );
    Ok(())
}
