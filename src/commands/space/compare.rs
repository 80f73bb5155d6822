//! `nocturne space compare`

use anyhow::Result;
use nocturne_engine::compare::{
    CompareSettings, ComparedSpace, Comparison, Kappa, LabelAgreement, NeighbourAgreement, compare,
};
use nocturne_index::{Coverage, SpaceKeeper, SpaceName};
use nocturne_psg::RecordingId;
use serde_json::json;

use crate::args::{Common, EncoderArguments, SampleArguments, SpaceCompare, SpacesOf};
use crate::bundle;
use crate::console;
use crate::error::CommandOutcome;
use crate::session::Session;
use crate::table::{number, table};

/// Recordings that are named of those that one space lacks.
const NAMED: usize = 5;

pub(super) fn run(common: &Common, arguments: &SpaceCompare) -> Result<CommandOutcome> {
    let SpaceCompare { first, second, sample, of, encoder } = arguments;
    let spaces = of.spaces()?;
    let asked = Asked { common, encoder, sample, of };
    let comparison = asked.compare(&*spaces, [first, second])?;
    tell(&comparison, [first, second], of.json)?;
    Ok(if comparison.damaged.is_empty() {
        CommandOutcome::Done
    } else {
        CommandOutcome::PartlyDone
    })
}

/// How spaces are compared.
pub(super) struct Asked<'a> {
    pub(super) common: &'a Common,
    pub(super) encoder: &'a EncoderArguments,
    pub(super) sample: &'a SampleArguments,
    pub(super) of: &'a SpacesOf,
}

impl Asked<'_> {
    /// Compares two spaces, each by its own bundle.
    pub(super) fn compare(
        &self,
        spaces: &dyn SpaceKeeper,
        names: [&SpaceName; 2],
    ) -> Result<Comparison> {
        let [first, second] = names.map(|name| self.open(spaces, name));
        let SampleArguments { sample, nights, seed } = *self.sample;
        let settings =
            CompareSettings { n_epochs: sample as usize, n_recordings: nights as usize, seed };
        Ok(compare(&first?, &second?, settings)?)
    }

    fn open(&self, spaces: &dyn SpaceKeeper, name: &SpaceName) -> Result<ComparedSpace> {
        // One bundle cannot be that of both: it stands in for the one that is not told of, or not found.
        let given = self.encoder.bundle.as_deref();
        let bundle = match spaces.record(name)? {
            None => bundle::open(given)?,
            Some(_) => match (bundle::open_of_space(None, spaces, name), given) {
                (Err(_), Some(given)) => bundle::open(Some(given))?,
                (bundle, _) => bundle?,
            },
        };
        let session = Session::with(bundle, self.common, self.encoder)?;
        let options = session.options();
        let source = self.of.collection.source(&self.of.server, usize::MAX);
        Ok(ComparedSpace::open(&source, name, &session.bundle, session.runtime, options)?)
    }
}

/// Tells how far two spaces agree.
pub(super) fn tell(comparison: &Comparison, names: [&SpaceName; 2], json: bool) -> Result<()> {
    let [first, second] = names;
    if json {
        let mut line = serde_json::to_value(comparison)?;
        line["event"] = json!("compared");
        line["first"] = json!(first);
        line["second"] = json!(second);
        console::print_json(&line)?;
        return Ok(());
    }
    let Comparison { coverage, neighbours, labels, damaged } = comparison;
    let Coverage { n_same, lacking, extra, differing, n_epochs_lacking, n_epochs_extra } = coverage;
    let mut rows = vec![
        vec!["recordings in both".to_owned(), n_same.to_string()],
        vec![format!("only in {first}"), names_of(lacking, *n_epochs_lacking)],
        vec![format!("only in {second}"), names_of(extra, *n_epochs_extra)],
        vec!["replaced, or said otherwise".to_owned(), names_of(differing, 0)],
    ];
    if let Some(NeighbourAgreement { n_epochs, k, mean_overlap }) = neighbours {
        let share = format!("{:.1} % of {k}, over {n_epochs} epochs", 100.0 * mean_overlap);
        rows.push(vec!["same nearest neighbours".to_owned(), share]);
    }
    if let Some(LabelAgreement { between, first_scored, second_scored, .. }) = labels {
        rows.push(vec![format!("stages of {first} and {second}"), kappa(between)]);
        rows.push(vec![format!("stages of {first} and scored"), kappa(first_scored)]);
        rows.push(vec![format!("stages of {second} and scored"), kappa(second_scored)]);
    }
    let heading = format!("{first} → {second}");
    console::print(table(&[heading.as_str(), ""], rows))?;
    for recording in damaged {
        console::note(format_args!("warning: `{recording}` is damaged and was not compared"));
    }
    Ok(())
}

fn names_of(recordings: &[RecordingId], n_epochs: usize) -> String {
    let mut names: Vec<&str> = recordings.iter().take(NAMED).map(RecordingId::as_str).collect();
    if recordings.len() > NAMED {
        names.push("…");
    }
    let names = if names.is_empty() { String::new() } else { format!(": {}", names.join(", ")) };
    let epochs = if n_epochs == 0 { String::new() } else { format!(", {n_epochs} epochs") };
    format!("{}{epochs}{names}", recordings.len())
}

fn kappa(agreement: &Kappa) -> String {
    format!("kappa {}, over {} epochs", number(agreement.kappa, 2), agreement.n_epochs)
}
