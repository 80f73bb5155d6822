//! Sees whether somebody writes to a space, by the leases of its recordings.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use nocturne_psg::RecordingId;
use qdrant_client::qdrant::{Condition, Filter};

use crate::error::{Error, Result};
use crate::qdrant::QdrantProblem;
use crate::qdrant::client::Connection;
use crate::qdrant::lease::Lease;
use crate::qdrant::list;
use crate::qdrant::manifest::LEASE;

/// Waits until nobody can be at work on a recording of a space: each lease is given back, or was seen without a beat for as
/// long as its holder had said.
///
/// # Errors
///
/// [`QdrantProblem::Leased`] where a holder is heard of, or another one comes.
pub(super) fn expect_none(connection: &Connection) -> Result<()> {
    let seen = held(connection)?;
    let Some(longest) = seen.values().map(|lease| lease.lasts).max() else { return Ok(()) };
    let (begun, pause) = (Instant::now(), connection.settings().look_again);
    loop {
        let left = longest.saturating_sub(begun.elapsed());
        // A moment longer than the lease lasts, so that the last look comes after its end.
        let pause = pause.min(left + Duration::from_millis(1));
        connection.run(async { tokio::time::sleep(pause).await });
        for (recording, lease) in held(connection)? {
            if seen.get(&recording) != Some(&lease) {
                let (place, holder) = (connection.place(), lease.who());
                return Err(Error::Qdrant(QdrantProblem::Leased { place, recording, holder }));
            }
        }
        if left.is_zero() {
            return Ok(());
        }
    }
}

/// Returns the leases that are not given back.
fn held(connection: &Connection) -> Result<BTreeMap<RecordingId, Lease>> {
    let filter = Filter {
        must: vec![Condition::matches("state", LEASE.to_owned())],
        must_not: vec![Condition::matches("holder", String::new())],
        ..Filter::default()
    };
    let mut leases = BTreeMap::new();
    let mut offset = None;
    loop {
        let (points, next) = list::page(connection, Some(filter.clone()), None, offset)?;
        let place = connection.place();
        for point in &points {
            let answer = list::answer(&place, point);
            leases.insert(answer.recording()?, Lease::of(&answer)?);
        }
        match next {
            Some(next) => offset = Some(next),
            None => return Ok(leases),
        }
    }
}
