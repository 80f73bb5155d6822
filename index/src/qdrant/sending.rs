//! Sends the points of one recording under a lease, and reads back what is there then.

use qdrant_client::qdrant::{DeletePoints, Filter, PointStruct, UpsertPoints};
use tokio::task::JoinSet;

use super::client::Connection;
use super::collection::read_night;
use super::filter::one_of;
use super::lease::of_no_later;
use super::night::Night;
use crate::error::Result;
use crate::recording::RecordingEntry;

/// A recording on its way to the server.
pub(super) struct Sending<'a> {
    pub(super) connection: &'a Connection,
    pub(super) entry: &'a RecordingEntry,
    pub(super) night: &'a Night,
    pub(super) dim: usize,
    pub(super) lease: u64,
}

impl Sending<'_> {
    /// Sends all points, and returns the checksum of what is there then.
    pub(super) fn send_and_read(&self, wait: bool) -> Result<u128> {
        self.send(wait)?;
        // What another content of that name has left. Servers carry requests out in order: after this one is done, all are.
        let content = self.entry.segment.hash.to_string();
        let others = Filter {
            must: vec![one_of("recording", [self.entry.id.as_str()])],
            must_not: vec![one_of("content", [content.as_str()])],
            ..Filter::default()
        };
        delete(self.connection, others, self.lease)?;
        Ok(read_night(self.connection, self.entry, self.dim)?.checksum())
    }

    /// Sends the points in batches, some of them at once.
    fn send(&self, wait: bool) -> Result<()> {
        let settings = self.connection.settings();
        let done = |task: Result<Result<()>, tokio::task::JoinError>| {
            task.expect("tasks do not panic and are not stopped before this ends")
        };
        self.connection.run(async {
            let mut tasks = JoinSet::new();
            for batch in self.night.points.chunks(settings.batch) {
                if tasks.len() == settings.streams
                    && let Some(task) = tasks.join_next().await
                {
                    done(task)?;
                }
                let points = batch.iter().map(|point| point.to_point(self.entry, self.lease));
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
            update_filter: Some(of_no_later(self.lease)),
            ..UpsertPoints::default()
        }
    }
}

/// Deletes the points that a filter allows, but for those that a later lease has written, and waits until that is done.
pub(super) fn delete(connection: &Connection, mut filter: Filter, lease: u64) -> Result<()> {
    filter.must.push(of_no_later(lease).into());
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
