//! `nocturne space backfill`

use anyhow::{Result, bail};
use nocturne_concepts::{Registry, TrackBuilder};
use nocturne_index::Error;
use nocturne_indexer::{Backfill, BackfillOptions};

use crate::args::{Common, SpaceBackfill};
use crate::bundle;
use crate::commands::graphs;
use crate::commands::index::{RunProgress, summarise};
use crate::error::CommandOutcome;
use crate::session::Session;

pub(super) fn run(common: &Common, arguments: SpaceBackfill) -> Result<CommandOutcome> {
    let SpaceBackfill { name, recordings, at_most, shard, waiting, of, labels, encoder } =
        arguments;
    let location = of.collection.location();
    let spaces = location.spaces()?;
    let serving = spaces.serving()?;
    if serving.space == name {
        return Err(Error::ServedSpace { location: spaces.location(), name }.into());
    }
    let mut writer = spaces.writer(&name)?;
    let served = spaces.reader(&serving.space)?;
    let bundle = bundle::open_of_space(encoder.bundle.as_deref(), &*spaces, &name)?;
    writer.set_bundle(&bundle, jiff::Timestamp::now())?;
    let session = Session::with(bundle, common, &encoder)?;
    let (signal, mut text) = session.towers()?;
    let tracks = TrackBuilder::of_bundle(&session.bundle, &mut text, Registry::shipped())?;
    let options = BackfillOptions {
        z_score: session.bundle.manifest().preprocessing.z_score,
        recordings,
        profile: labels.profile,
        duty_cycle: at_most.unwrap_or_default(),
        shard,
    };
    let n_recordings = served.entries().len();
    let mut progress = RunProgress::new("embedding", n_recordings, of.json);
    let report = Backfill::new(signal, text, writer, options)?
        .with_tracks(tracks)
        .run(served, |event| progress.report(&event))?;
    progress.finish()?;
    if n_recordings == 0 && report.removed.is_empty() {
        bail!("the served space `{}` has no recordings to embed", serving.space);
    }
    graphs::wait(&location.of_space(&name)?, &waiting, of.json)?;
    summarise(&report, of.json)
}
