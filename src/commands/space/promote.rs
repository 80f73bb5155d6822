//! `nocturne space promote` and `nocturne space rollback`

use anyhow::Result;
use nocturne_index::{Coverage, Demand, Promoted, Serving};
use serde_json::json;

use super::compare::{Asked, tell};
use crate::args::{Common, SpacePromote, SpaceRollback};
use crate::console;
use crate::error::CommandOutcome;

pub(super) fn run(common: &Common, arguments: &SpacePromote) -> Result<CommandOutcome> {
    let SpacePromote { name, incomplete, no_compare, sample, of, encoder } = arguments;
    let spaces = of.spaces()?;
    let served = spaces.serving()?.space;
    if !no_compare && served != *name {
        let asked = Asked { common, encoder, sample, of };
        let comparison = asked.compare(&*spaces, [&served, name])?;
        tell(&comparison, [&served, name], of.json)?;
    }
    let demand = if *incomplete { Demand::Incomplete } else { Demand::Whole };
    tell_promotion(&spaces.promote(name, demand)?, "promoted", of.json)?;
    Ok(CommandOutcome::Done)
}

pub(super) fn roll_back(arguments: &SpaceRollback) -> Result<CommandOutcome> {
    let spaces = arguments.of.spaces()?;
    tell_promotion(&spaces.roll_back()?, "rolled_back", arguments.of.json)?;
    Ok(CommandOutcome::Done)
}

fn tell_promotion(promoted: &Promoted, event: &str, json: bool) -> Result<()> {
    let Promoted { serving: Serving { space, previous, number }, coverage } = promoted;
    if json {
        console::print_json(&json!({
            "event": event,
            "space": space,
            "previous": previous,
            "number": number,
            "coverage": coverage,
        }))?;
        return Ok(());
    }
    let before = previous.as_ref().map(|it| format!(", after {it}")).unwrap_or_default();
    console::print(format_args!("{space} is served{before}"))?;
    if let Some(Coverage { lacking, extra, differing, .. }) =
        coverage.as_ref().filter(|coverage| !coverage.is_whole())
    {
        console::note(format_args!(
            "warning: it lacks {} recordings of the space before, has {} others, and {} differ; \
             `nocturne index` adds what it lacks",
            lacking.len(),
            extra.len(),
            differing.len()
        ));
    }
    Ok(())
}
