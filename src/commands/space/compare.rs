//! `nocturne space compare`

use anyhow::Result;
use nocturne_engine::compare::{
    CompareSettings, ComparedSpace, Comparison, Kappa, LabelAgreement, NeighbourAgreement, compare,
};
use nocturne_index::{Coverage, Location, SpaceName, Spaces};
use nocturne_psg::RecordingId;
use serde_json::json;

use crate::args::{Common, EncoderArguments, SampleArguments, SpaceCompare};
use crate::bundle;
use crate::console;
use crate::error::CommandOutcome;
use crate::session::Session;
use crate::table::{number, table};

/// Maximum number of recordings named in a row.
const MAX_NAMED: usize = 5;

pub(super) fn run(common: &Common, arguments: &SpaceCompare) -> Result<CommandOutcome> {
    let SpaceCompare { first, second, sample, of, encoder } = arguments;
    let location = of.collection.location();
    let arguments = ComparisonArguments { common, encoder, sample, location: &location };
    let comparison = arguments.compare(&*location.spaces()?, [first, second])?;
    print(&comparison, [first, second], of.json)?;
    Ok(if comparison.damaged.is_empty() {
        CommandOutcome::Done
    } else {
        CommandOutcome::PartlyDone
    })
}

/// The arguments of a comparison.
pub(super) struct ComparisonArguments<'a> {
    pub(super) common: &'a Common,
    pub(super) encoder: &'a EncoderArguments,
    pub(super) sample: &'a SampleArguments,
    pub(super) location: &'a Location,
}

impl ComparisonArguments<'_> {
    /// Compares two spaces, each with its own bundle.
    pub(super) fn compare(
        &self,
        spaces: &dyn Spaces,
        names: [&SpaceName; 2],
    ) -> Result<Comparison> {
        let [first, second] = names.map(|name| self.open(spaces, name));
        let SampleArguments { sample, nights, seed } = *self.sample;
        let settings =
            CompareSettings { n_epochs: sample as usize, n_recordings: nights as usize, seed };
        Ok(compare(&first?, &second?, settings)?)
    }

    fn open(&self, spaces: &dyn Spaces, name: &SpaceName) -> Result<ComparedSpace> {
        // `--bundle` cannot be the bundle of both spaces: it is used for a space whose bundle is unknown or not found.
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
        Ok(ComparedSpace::open(self.location, name, &session.bundle, session.runtime, options)?)
    }
}

/// Prints a comparison.
pub(super) fn print(comparison: &Comparison, names: [&SpaceName; 2], json: bool) -> Result<()> {
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
    let Coverage { n_same, missing, extra, changed, n_epochs_missing, n_epochs_extra } = coverage;
    let mut rows = vec![
        vec!["recordings in both".to_owned(), n_same.to_string()],
        vec![format!("only in {first}"), names_of(missing, *n_epochs_missing)],
        vec![format!("only in {second}"), names_of(extra, *n_epochs_extra)],
        vec!["different contents or metadata".to_owned(), names_of(changed, 0)],
    ];
    if let Some(NeighbourAgreement { n_epochs, k, mean_overlap }) = neighbours {
        let share = format!("{:.1} % of {k}, over {n_epochs} epochs", 100.0 * mean_overlap);
        rows.push(vec!["same nearest neighbours".to_owned(), share]);
    }
    if let Some(LabelAgreement { between, first_scored, second_scored, .. }) = labels {
        rows.push(vec![format!("stages of {first} and {second}"), kappa(between)]);
        rows.push(vec![format!("stages of {first} and as scored"), kappa(first_scored)]);
        rows.push(vec![format!("stages of {second} and as scored"), kappa(second_scored)]);
    }
    let heading = format!("{first} → {second}");
    console::print(table(&[heading.as_str(), ""], rows))?;
    for recording in damaged {
        console::note(format_args!("warning: `{recording}` is damaged; not compared"));
    }
    Ok(())
}

fn names_of(recordings: &[RecordingId], n_epochs: usize) -> String {
    let mut names: Vec<&str> = recordings.iter().take(MAX_NAMED).map(RecordingId::as_str).collect();
    if recordings.len() > MAX_NAMED {
        names.push("…");
    }
    let names = if names.is_empty() { String::new() } else { format!(": {}", names.join(", ")) };
    let epochs = if n_epochs == 0 { String::new() } else { format!(", {n_epochs} epochs") };
    format!("{}{epochs}{names}", recordings.len())
}

fn kappa(agreement: &Kappa) -> String {
    format!("kappa {}, over {} epochs", number(agreement.kappa, 2), agreement.n_epochs)
}
