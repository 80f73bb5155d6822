//! `nocturne simulate`

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;

use anyhow::{Context, Result};
use nocturne_psg::montage::{Profile, ProfileChoice};
use nocturne_simulator::{NightSpec, Truth, WrittenNight, simulate, simulate_as};
use serde_json::json;

use crate::args::Simulate;
use crate::console;
use crate::error::CommandOutcome;

pub(super) fn run(arguments: &Simulate) -> Result<CommandOutcome> {
    let Simulate { out, nights, first, seed, hours, site, profile, json } = arguments;
    let profile = profile.as_ref().map(ProfileChoice::profile).transpose()?.flatten();
    let specs: Vec<NightSpec> = (*first..first.saturating_add(*nights))
        .map(|night| NightSpec { seed: *seed, night, hours: *hours, site: *site })
        .collect();
    let mut written = write_all(&specs, profile.as_deref(), out)?;
    written.sort_by(|(a, _), (b, _)| a.recording.cmp(&b.recording));
    for (night, truth) in &written {
        if *json {
            console::print_json(&json!({
                "event": "simulated",
                "recording": night.recording,
                "annotations": night.scoring,
                "truth": night.truth,
                "site": truth.site.name(),
                "hours_of_sleep": truth.sleep_h,
                "arousal_index_per_h": truth.arousal_index_per_h,
                "ahi_per_h": truth.ahi_per_h,
            }))?;
        }
    }
    if !json {
        console::print(format_args!("{} nights in {}", written.len(), out.display()))?;
    }
    Ok(CommandOutcome::Done)
}

/// Simulates nights on all cores and writes them to a folder, in the form of a profile if one is given.
pub(super) fn write_all(
    specs: &[NightSpec],
    profile: Option<&Profile>,
    folder: &Path,
) -> Result<Vec<(WrittenNight, Truth)>> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot create `{}`", folder.display()))?;
    let threads =
        thread::available_parallelism().map_or(1, std::num::NonZero::get).min(specs.len());
    let next = AtomicU32::new(0);
    let (sender, receiver) = channel();
    let bar = console::progress("simulating", specs.len());
    thread::scope(|scope| {
        for _ in 0..threads {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || write_some(specs, profile, next, folder, &sender));
        }
        drop(sender);
        let written = receiver.into_iter().inspect(|_| bar.inc(1)).collect();
        bar.finish_and_clear();
        written
    })
}

/// Simulates the next night until there are no more or the receiver has gone.
fn write_some(
    specs: &[NightSpec],
    profile: Option<&Profile>,
    next: &AtomicU32,
    folder: &Path,
    sender: &Sender<Result<(WrittenNight, Truth)>>,
) {
    while let Some(spec) = specs.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
        let night = profile.map_or_else(|| simulate(spec), |profile| simulate_as(spec, profile));
        let truth = night.truth.clone();
        let written =
            night.write(folder).map(|written| (written, truth)).map_err(anyhow::Error::from);
        if sender.send(written).is_err() {
            return;
        }
    }
}
