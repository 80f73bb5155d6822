//! `nocturne space promote` and `nocturne space rollback`

use anyhow::Result;
use nocturne_index::{Coverage, Promotion, RequiredCoverage, Serving};
use serde_json::json;

use super::compare::{ComparisonArguments, print};
use crate::args::{Common, SpacePromote, SpaceRollback};
use crate::console;
use crate::error::CommandOutcome;

pub(super) fn run(common: &Common, arguments: &SpacePromote) -> Result<CommandOutcome> {
    let SpacePromote { name, incomplete, no_compare, sample, of, encoder } = arguments;
    let location = of.collection.location();
    let spaces = location.spaces()?;
    let served = spaces.serving()?.space;
    if !no_compare && served != *name {
        let arguments = ComparisonArguments { common, encoder, sample, location: &location };
        let comparison = arguments.compare(&*spaces, [&served, name])?;
        print(&comparison, [&served, name], of.json)?;
    }
    let required = if *incomplete { RequiredCoverage::Any } else { RequiredCoverage::Complete };
    print_promotion(&spaces.promote(name, required)?, "promoted", of.json)?;
    Ok(CommandOutcome::Done)
}

pub(super) fn roll_back(arguments: &SpaceRollback) -> Result<CommandOutcome> {
    let spaces = arguments.of.collection.location().spaces()?;
    print_promotion(&spaces.roll_back()?, "rolled_back", arguments.of.json)?;
    Ok(CommandOutcome::Done)
}

fn print_promotion(promotion: &Promotion, event: &str, json: bool) -> Result<()> {
    let Promotion { serving: Serving { space, previous, number }, coverage } = promotion;
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
    let before = previous.as_ref().map(|it| format!("; previously {it}")).unwrap_or_default();
    console::print(format_args!("now serving {space}{before}"))?;
    if let Some(Coverage { missing, extra, changed, .. }) =
        coverage.as_ref().filter(|coverage| !coverage.is_complete())
    {
        console::note(format_args!(
            "warning: compared with the previous space, {} recordings are missing, {} are extra and {} differ; \
             `nocturne index` adds missing ones",
            missing.len(),
            extra.len(),
            changed.len()
        ));
    }
    Ok(())
}
