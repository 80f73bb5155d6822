//! Leases: points of the list that say which writer is at work on which recording.
//!
//! | field | |
//! |---|---|
//! | `recording` | its name |
//! | `state` | `lease` |
//! | `lease` | a number, one more each time that the recording is taken |
//! | `holder` | drawn by chance by each writer; empty where none is at work |
//! | `beats` | how often the holder has said that it is alive |
//! | `lasts_ms` | for how long after that it is to be believed |
//! | `host`, `pid` | of the holder, for people |
//! | `renewed`, `expires` | by the clock of the holder, for people |
//!
//! # Who decides?
//!
//! The server. It writes a lease only where the one that it has is still the one that the writer had read, which it
//! compares and does in one step; the writer then reads which one is there. So of two writers one gets the recording, and
//! a request that is sent twice, because its answer was lost, does nothing the second time.
//!
//! # When is a holder dead?
//!
//! When a writer has seen the same beat for as long as the holder had said, by that writer's own stopwatch: clocks of two
//! machines are never compared.
//!
//! # What if it is not dead, and writes after all?
//!
//! Each write under a lease bears the lease's number, and the server carries none out on a point that bears a greater one;
//! nor does it delete such a point. What a holder still sends that was thought to be dead therefore changes nothing that
//! its successor has written, however late it arrives. Only epochs that the successor's recording does not have may
//! appear, where the file was changed between the two; their content is not the one that is acknowledged.

use std::time::Duration;

use nocturne_psg::RecordingId;
use qdrant_client::qdrant::{Condition, Filter, Range};

use super::client::Caller;
use super::list::Expected;
use super::manifest::LEASE;
use super::payload::{Answer, Payload};
use super::schema::lease_point;
use super::{QdrantProblem, QdrantUrl, list};
use crate::error::{Error, Result};

/// What is known of a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lease {
    pub(super) number: u64,
    pub(super) beats: u64,
    /// Nobody where it is empty.
    pub(super) holder: String,
    pub(super) host: String,
    pub(super) pid: u32,
    pub(super) lasts: Duration,
}

impl Lease {
    pub(super) fn is_free(&self) -> bool {
        self.holder.is_empty()
    }

    /// Returns whether it is the same taking by the same holder.
    pub(super) fn is_of(&self, other: &Self) -> bool {
        (self.number, &self.holder) == (other.number, &other.holder)
    }

    /// Returns who holds it, for people.
    pub(super) fn who(&self) -> String {
        if self.is_free() {
            return "nobody any more".to_owned();
        }
        format!("the process {} on {}", self.pid, self.host)
    }

    /// Reads the lease of a recording, where there has been one.
    pub(super) async fn read(
        caller: &Caller,
        url: &QdrantUrl,
        recording: &RecordingId,
    ) -> Result<Option<Self>> {
        let found = list::get(caller, url, vec![lease_point(recording)], None).await?;
        let Some(point) = found.first() else { return Ok(None) };
        Self::of(&list::answer(&url.to_string(), point)).map(Some)
    }

    /// Reads a lease of its point.
    pub(super) fn of(answer: &Answer<'_>) -> Result<Self> {
        let number = |field| answer.integer(field).map(i64::cast_unsigned);
        Ok(Self {
            number: number("lease")?,
            beats: number("beats")?,
            holder: answer.text("holder", "the name of a writer")?.to_owned(),
            host: answer.text("host", "the name of a machine")?.to_owned(),
            pid: u32::try_from(number("pid")?).unwrap_or_default(),
            lasts: Duration::from_millis(number("lasts_ms")?),
        })
    }

    /// Has the server write this lease where the expected one is there; reading it tells whether it has.
    pub(super) async fn write(
        &self,
        caller: &Caller,
        url: &QdrantUrl,
        recording: &RecordingId,
        expected: Expected,
    ) -> Result<()> {
        list::put(caller, url, lease_point(recording), self.payload(recording), expected).await
    }

    /// Expects this lease, of which no beat was heard since.
    pub(super) fn expect_same(&self) -> Expected {
        let mut conditions = self.conditions();
        conditions.must.push(Condition::matches("beats", self.beats.cast_signed()));
        Expected::Present(conditions)
    }

    /// Expects this lease of this holder, whatever beat was heard of it.
    pub(super) fn expect_held(&self) -> Expected {
        Expected::Present(self.conditions())
    }

    fn conditions(&self) -> Filter {
        Filter::must([
            Condition::matches("lease", self.number.cast_signed()),
            Condition::matches("holder", self.holder.clone()),
        ])
    }

    fn payload(&self, recording: &RecordingId) -> Payload {
        let number = |number: u64| number.cast_signed().into();
        let now = jiff::Timestamp::now();
        let lasts_ms = u64::try_from(self.lasts.as_millis()).unwrap_or(u64::MAX);
        let expires = now.checked_add(self.lasts).unwrap_or(now);
        [
            ("recording", recording.as_str().into()),
            ("state", LEASE.into()),
            ("lease", number(self.number)),
            ("beats", number(self.beats)),
            ("holder", self.holder.as_str().into()),
            ("host", self.host.as_str().into()),
            ("pid", i64::from(self.pid).into()),
            ("lasts_ms", number(lasts_ms)),
            ("renewed", now.to_string().into()),
            ("expires", expires.to_string().into()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }
}

/// Returns which points the holder of a lease may write: those that no later one has written.
pub(super) fn of_no_later(lease: u64) -> Filter {
    let up_to = Range { lte: Some(lease as f64), ..Range::default() };
    // Earlier versions have written points without a lease.
    Filter::should([Condition::is_empty("lease"), Condition::range("lease", up_to)])
}

/// Returns that another writer has the recording by now, and which one.
pub(super) async fn taken_over(caller: &Caller, url: &QdrantUrl, recording: &RecordingId) -> Error {
    let holder = match Lease::read(caller, url, recording).await {
        Ok(Some(lease)) => lease.who(),
        Ok(None) => "another writer".to_owned(),
        Err(error) => return error,
    };
    let (place, recording) = (url.to_string(), recording.clone());
    Error::Qdrant(QdrantProblem::TakenOver { place, recording, holder })
}
