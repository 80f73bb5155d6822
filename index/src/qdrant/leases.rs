//! The leases that a writer holds, and keeps up while it is at work.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use nocturne_psg::RecordingId;

use super::client::{Caller, Connection};
use super::lease::{Lease, taken_over};
use super::list::Expected;
use super::{QdrantProblem, manifest};
use crate::contract::{Claim, Claims};
use crate::error::{Error, Result};
use crate::recording::RecordingEntry;

/// How often a writer renews a lease in the time that it lasts.
const BEATS: u32 = 3;

/// How often a writer tries to take a lease that changes under its eyes.
const TRIES: usize = 16;

/// The leases of one writer, shared by its threads.
#[derive(Debug, Clone)]
pub(super) struct Leases(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    connection: Arc<Connection>,
    /// This writer's lease as it would be written first.
    ours: Lease,
    held: Mutex<BTreeMap<RecordingId, Lease>>,
    /// Leases of others, and since when they were seen to be like that.
    seen: Mutex<BTreeMap<RecordingId, (Lease, Instant)>>,
}

/// What came of a try to take a lease.
pub(super) enum Taken {
    /// The number under which this writer writes.
    Ours(u64),
    Held(Lease),
}

impl Leases {
    /// Begins without any; those that are taken are renewed by a task of the connection.
    pub(super) fn new(connection: &Arc<Connection>) -> Self {
        let lasts = connection.settings().lease;
        let ours = Lease {
            number: 1,
            beats: 0,
            holder: drawn_by_chance(),
            host: host(),
            pid: std::process::id(),
            lasts,
        };
        let (held, seen) = (Mutex::default(), Mutex::default());
        let inner = Arc::new(Inner { connection: Arc::clone(connection), ours, held, seen });
        let caller = connection.caller().clone();
        connection.spawn(renew(Arc::downgrade(&inner), caller, lasts / BEATS));
        Self(inner)
    }

    /// Tries to take the lease of a recording; one that this writer holds stays.
    pub(super) fn take(&self, id: &RecordingId) -> Result<Taken> {
        let inner = &self.0;
        if let Some(held) = inner.held().get(id) {
            return Ok(Taken::Ours(held.number));
        }
        let (connection, caller) = (&inner.connection, inner.connection.caller());
        let url = &connection.settings().url;
        let mut found = connection.run(Lease::read(caller, url, id))?;
        for _ in 0..TRIES {
            let number = match &found {
                None => 1,
                // One that bears our name was thought to be given back.
                Some(lease)
                    if lease.is_free()
                        || lease.holder == inner.ours.holder
                        || inner.has_expired(id, lease) =>
                {
                    lease.number + 1
                }
                Some(lease) => return Ok(Taken::Held(lease.clone())),
            };
            let next = Lease { number, ..inner.ours.clone() };
            let expected = found.as_ref().map_or(Expected::Absent, Lease::expect_same);
            connection.run(next.write(caller, url, id, expected))?;
            found = connection.run(Lease::read(caller, url, id))?;
            if found.as_ref().is_some_and(|found| found.is_of(&next)) {
                inner.held().insert(id.clone(), next);
                return Ok(Taken::Ours(number));
            }
        }
        let point = id.to_string();
        let (place, expected) = (connection.place(), "a lease that the server keeps");
        Err(Error::Qdrant(QdrantProblem::Point { place, point, field: "lease", expected }))
    }

    /// Takes the lease of a recording, unless this writer holds it still, or says who has it.
    ///
    /// # Errors
    ///
    /// [`QdrantProblem::Leased`] and [`TakenOver`](QdrantProblem::TakenOver).
    pub(super) fn expect(&self, id: &RecordingId) -> Result<u64> {
        if self.0.held().contains_key(id) {
            self.confirm(id).inspect_err(|_| {
                self.0.held().remove(id);
            })?;
        }
        match self.take(id)? {
            Taken::Ours(number) => Ok(number),
            Taken::Held(lease) => Err(Error::Qdrant(QdrantProblem::Leased {
                place: self.0.connection.place(),
                recording: id.clone(),
                holder: lease.who(),
            })),
        }
    }

    /// Returns an error where the lease of a recording was taken over.
    pub(super) fn confirm(&self, id: &RecordingId) -> Result<()> {
        let (connection, caller) = (&self.0.connection, self.0.connection.caller());
        let url = &connection.settings().url;
        let found = connection.run(Lease::read(caller, url, id))?;
        let is_ours = |held: &Lease| found.as_ref().is_some_and(|found| found.is_of(held));
        if self.0.held().get(id).is_some_and(is_ours) {
            return Ok(());
        }
        Err(connection.run(taken_over(caller, url, id)))
    }

    /// Gives the lease of a recording back, where this writer holds it. Where the server does not answer, it expires.
    pub(super) fn give_back(&self, id: &RecordingId) {
        let Some(held) = self.0.held().remove(id) else { return };
        let free = Lease { holder: String::new(), ..held.clone() };
        let connection = &self.0.connection;
        let (caller, url) = (connection.caller().once(), &connection.settings().url);
        let given = connection.run(free.write(&caller, url, id, held.expect_held()));
        if let Err(error) = given {
            tracing::warn!("the lease of `{id}` is left to expire: {error}");
        }
    }

    /// Gives back whatever is held.
    pub(super) fn give_all_back(&self) {
        let ids: Vec<RecordingId> = self.0.held().keys().cloned().collect();
        ids.iter().for_each(|id| self.give_back(id));
    }
}

impl Claims for Leases {
    fn claim(&self, id: &RecordingId, _listed: Option<&RecordingEntry>) -> Result<Claim> {
        match self.take(id)? {
            Taken::Ours(_) => {
                let acknowledged = manifest::acknowledged(&self.0.connection, id)?;
                Ok(Claim::Ours(acknowledged.map(|acknowledged| acknowledged.entry)))
            }
            Taken::Held(lease) => Ok(Claim::Held {
                holder: lease.who(),
                look_again: self.0.connection.settings().look_again,
            }),
        }
    }

    fn give_back(&self, id: &RecordingId) {
        Self::give_back(self, id);
    }
}

impl Inner {
    /// The mutexes are held for a look or a change in memory, never while a request is under way.
    fn held(&self) -> MutexGuard<'_, BTreeMap<RecordingId, Lease>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether a lease was seen like that for as long as its holder had said.
    fn has_expired(&self, id: &RecordingId, lease: &Lease) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (known, since) =
            seen.entry(id.clone()).or_insert_with(|| (lease.clone(), Instant::now()));
        if *known != *lease {
            (*known, *since) = (lease.clone(), Instant::now());
        }
        since.elapsed() >= lease.lasts
    }

    /// Says once more of every recording that is held that its holder is alive.
    async fn beat(&self, caller: &Caller) {
        let beat = |(id, lease): (&RecordingId, &mut Lease)| {
            // Also where the last one was not answered: what stays the same is a sign of death.
            lease.beats += 1;
            (id.clone(), lease.clone())
        };
        let held: Vec<(RecordingId, Lease)> = self.held().iter_mut().map(beat).collect();
        let url = &self.connection.settings().url;
        for (id, lease) in held {
            // One that was taken over stays as it is; whoever writes under it finds out.
            if let Err(error) = lease.write(caller, url, &id, lease.expect_held()).await {
                tracing::warn!("the lease of `{id}` is not renewed: {error}");
            }
        }
    }
}

/// Renews leases until their writer is gone.
async fn renew(leases: Weak<Inner>, caller: Caller, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        let Some(inner) = leases.upgrade() else { return };
        inner.beat(&caller).await;
    }
}

/// Returns a name that no other writer has.
fn drawn_by_chance() -> String {
    let draw = |place: u8| RandomState::new().hash_one((place, std::process::id(), Instant::now()));
    format!("{:016x}{:016x}", draw(0), draw(1))
}

/// Returns the name of this machine, which only people read.
fn host() -> String {
    let places = ["/proc/sys/kernel/hostname", "/etc/hostname"].map(Path::new);
    let name = places.into_iter().find_map(|path| std::fs::read_to_string(path).ok());
    let name = name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    name.unwrap_or_else(|| "a machine without a name".to_owned())
}
