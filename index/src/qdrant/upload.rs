//! Sends the points of one recording, and reads them back.

use nocturne_psg::RecordingId;
use qdrant_client::qdrant::{Condition, DeletePoints, Filter, PointStruct, UpsertPoints};
use tokio::task::JoinSet;

use super::connection::Connection;
use super::filter::one_of;
use super::recording_points::RecordingPoints;
use super::revision::not_later_than;
use super::stored_points::read_points;
use crate::error::Result;
use crate::recording::RecordingEntry;

/// A recording to send.
pub(super) struct Upload<'a> {
    pub(super) connection: &'a Connection,
    pub(super) entry: &'a RecordingEntry,
    pub(super) points: &'a RecordingPoints,
    pub(super) dim: usize,
    /// Number of the revision.
    pub(super) revision: u64,
}

impl Upload<'_> {
    /// Sends all points, and returns the checksum of those that the server has then. With `wait`, each request is answered
    /// after it was executed.
    pub(super) fn send_and_read(&self, wait: bool) -> Result<u128> {
        self.send(wait)?;
        // Points of another content with this id. The server executes requests in order, and this one waits: so it also
        // waits for all that were sent before.
        let content = self.entry.segment.hash.to_string();
        let others = Filter {
            must: vec![is_of(&self.entry.id)],
            must_not: vec![one_of("content", [content.as_str()])],
            ..Filter::default()
        };
        delete(self.connection, others, self.revision)?;
        Ok(read_points(self.connection, self.entry, self.dim)?.checksum())
    }

    /// Sends the points in batches, several at a time.
    fn send(&self, wait: bool) -> Result<()> {
        let settings = self.connection.settings();
        let done = |task: Result<Result<()>, tokio::task::JoinError>| {
            task.expect("tasks do not panic, and are not cancelled before this ends")
        };
        self.connection.run(async {
            let mut tasks = JoinSet::new();
            for batch in self.points.points.chunks(settings.batch) {
                if tasks.len() == settings.streams
                    && let Some(task) = tasks.join_next().await
                {
                    done(task)?;
                }
                let points = batch.iter().map(|point| point.to_point(self.entry, self.revision));
                let request = self.upsert(points.collect(), wait);
                let caller = self.connection.caller().clone();
                tasks.spawn(async move {
                    let sent = caller.ask("write to", |client| {
                        let request = request.clone();
                        async move { client.upsert_points(request).await }
                    });
                    sent.await.map(|_| ())
                });
            }
            while let Some(task) = tasks.join_next().await {
                done(task)?;
            }
            Ok(())
        })
    }

    fn upsert(&self, points: Vec<PointStruct>, wait: bool) -> UpsertPoints {
        UpsertPoints {
            collection_name: self.connection.settings().url.collection().to_owned(),
            wait: Some(wait),
            points,
            update_filter: Some(Filter::must([not_later_than(self.revision)])),
            ..UpsertPoints::default()
        }
    }
}

/// Deletes the points of a recording, and waits until that is done. Points of a later revision stay.
pub(super) fn delete_all(
    connection: &Connection,
    recording: &RecordingId,
    revision: u64,
) -> Result<()> {
    delete(connection, Filter::must([is_of(recording)]), revision)
}

/// Deletes the points of a recording that were written with a revision.
pub(super) fn delete_revision(
    connection: &Connection,
    recording: &RecordingId,
    revision: u64,
) -> Result<()> {
    let is_of_revision = Condition::matches("revision", revision.cast_signed());
    delete(connection, Filter::must([is_of(recording), is_of_revision]), revision)
}

fn is_of(recording: &RecordingId) -> Condition {
    one_of("recording", [recording.as_str()])
}

fn delete(connection: &Connection, mut filter: Filter, revision: u64) -> Result<()> {
    filter.must.push(not_later_than(revision));
    let request = DeletePoints {
        collection_name: connection.settings().url.collection().to_owned(),
        wait: Some(true),
        points: Some(filter.into()),
        ..DeletePoints::default()
    };
    connection.ask("delete from", |client| {
        let request = request.clone();
        async move { client.delete_points(request).await }
    })?;
    Ok(())
}
