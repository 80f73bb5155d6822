//! Sketches: a few cluster means for each night, which estimate how often something occurs without reading its epochs.
//!
//! | field | |
//! |---|---|
//! | vector `sketch` | mean of the vectors of the cluster's epochs, not of unit length |
//! | `recording`, `content`, `revision` | as of an epoch |
//! | `spread` | standard deviation of each dimension |
//! | `stages` | number of epochs scored as `W`, `N1`, `N2`, `N3`, `R`, and of those that were not scored |
//!
//! The product of a mean with a direction is the mean of the products of its epochs, so a server that stores the means can
//! return the mean score of the epochs.

mod clusters;

use std::collections::BTreeMap;

use nocturne_psg::RecordingId;
use qdrant_client::qdrant::vectors::VectorsOptions;
use qdrant_client::qdrant::{
    CountPoints, DeletePoints, Filter, NamedVectors, PointStruct, QueryPoints, ScoredPoint,
    SearchParams, UpsertPoints, Vectors,
};

use clusters::{Cluster, MAX_CLUSTERS, clusters};

use super::QdrantReader;
use super::connection::Connection;
use super::filter::one_of;
use super::payload::{Payload, PayloadReader, count_list};
use super::point_ids::sketch_id;
use super::recording_points::RecordingPoints;
use super::revision::not_later_than;
use super::schema::SKETCH;
use super::stored_points::damaged;
use crate::contract::{CollectionReader, NightSketches, SketchedCluster};
use crate::error::Result;
use crate::recording::RecordingEntry;

/// Nights whose sketches are requested at a time.
const NIGHTS_PER_REQUEST: usize = 256;

/// Replaces the sketch of a recording, and returns the number of its points.
///
/// # Errors
///
/// [`QdrantError::DamagedRecording`](super::QdrantError::DamagedRecording) if the server does not store them.
pub(super) fn send(
    connection: &Connection,
    entry: &RecordingEntry,
    points: &RecordingPoints,
    revision: u64,
) -> Result<usize> {
    delete(connection, &entry.id, revision)?;
    let clusters = clusters(points);
    if clusters.is_empty() {
        return Ok(0);
    }
    let points: Vec<_> = (0..)
        .zip(&clusters)
        .map(|(number, cluster)| point(entry, number, cluster, revision))
        .collect();
    let request = UpsertPoints {
        collection_name: connection.settings().url.nights(),
        wait: Some(true),
        points,
        update_filter: Some(Filter::must([not_later_than(revision)])),
        ..UpsertPoints::default()
    };
    for _ in 0..2 {
        connection.ask("write to", |client| {
            let request = request.clone();
            async move { client.upsert_points(request).await }
        })?;
        if count(connection, &entry.id)? == clusters.len() {
            return Ok(clusters.len());
        }
    }
    let problem = "its sketch was not stored, twice".to_owned();
    Err(damaged(connection, &entry.id, problem))
}

/// Deletes the sketch of a recording, and waits until that is done. Points of a later revision stay.
pub(super) fn delete(
    connection: &Connection,
    recording: &RecordingId,
    revision: u64,
) -> Result<()> {
    let request = DeletePoints {
        collection_name: connection.settings().url.nights(),
        wait: Some(true),
        points: Some(
            Filter::must([one_of("recording", [recording.as_str()]), not_later_than(revision)])
                .into(),
        ),
        ..DeletePoints::default()
    };
    connection.ask("delete from", |client| {
        let request = request.clone();
        async move { client.delete_points(request).await }
    })?;
    Ok(())
}

fn count(connection: &Connection, recording: &RecordingId) -> Result<usize> {
    let request = CountPoints {
        collection_name: connection.settings().url.nights(),
        filter: Some(Filter::must([one_of("recording", [recording.as_str()])])),
        exact: Some(true),
        ..CountPoints::default()
    };
    let answer = connection.ask("count in", |client| {
        let request = request.clone();
        async move { client.count(request).await }
    })?;
    Ok(answer.result.map_or(0, |result| result.count as usize))
}

fn point(entry: &RecordingEntry, number: u32, cluster: &Cluster, revision: u64) -> PointStruct {
    let Cluster { mean, spread, counts } = cluster;
    let payload = Payload::from([
        ("recording".to_owned(), entry.id.as_str().into()),
        ("content".to_owned(), entry.segment.hash.to_string().into()),
        ("revision".to_owned(), revision.cast_signed().into()),
        ("spread".to_owned(), f64::from(*spread).into()),
        ("stages".to_owned(), count_list(counts)),
    ]);
    let vectors = [(SKETCH.to_owned(), mean.clone().into())].into();
    PointStruct {
        id: Some(sketch_id(&entry.id, number)),
        payload,
        vectors: Some(Vectors {
            vectors_options: Some(VectorsOptions::Vectors(NamedVectors { vectors })),
        }),
    }
}

impl QdrantReader {
    /// Returns the sketches of some recordings, multiplied with a direction of any length. Recordings whose sketch is
    /// incomplete or of another content are left out.
    ///
    /// The server multiplies the means: it returns about 150 bytes for each, and no vector.
    ///
    /// # Errors
    ///
    /// [`QdrantError::Request`](super::QdrantError::Request) and
    /// [`InvalidPoint`](super::QdrantError::InvalidPoint).
    pub(super) fn read_sketches(
        &self,
        direction: &[f32],
        recordings: &[&RecordingEntry],
    ) -> Result<NightSketches> {
        let manifest = &self.manifest;
        let n_points =
            |entry: &RecordingEntry| Some(manifest.acknowledged.get(&entry.id)?.n_sketched);
        let mut sketches = NightSketches::new();
        for entries in recordings.chunks(NIGHTS_PER_REQUEST) {
            let mut found: BTreeMap<RecordingId, Vec<SketchedCluster>> = BTreeMap::new();
            for point in self.query_sketches(direction, entries)? {
                let (recording, cluster) = self.read_cluster(&point)?;
                if let Some(cluster) = cluster {
                    found.entry(recording).or_default().push(cluster);
                }
            }
            for entry in entries {
                let sketch = found.remove(&entry.id).unwrap_or_default();
                if n_points(entry) == Some(sketch.len()) {
                    sketches.insert(entry.id.clone(), sketch);
                }
            }
        }
        Ok(sketches)
    }

    fn query_sketches(
        &self,
        direction: &[f32],
        entries: &[&RecordingEntry],
    ) -> Result<Vec<ScoredPoint>> {
        let connection = &self.connection;
        let recordings = entries.iter().map(|entry| entry.id.as_str());
        let request = QueryPoints {
            collection_name: connection.settings().url.nights(),
            query: Some(direction.to_vec().into()),
            using: Some(SKETCH.to_owned()),
            filter: Some(Filter::must([one_of("recording", recordings)])),
            params: Some(SearchParams { exact: Some(true), ..SearchParams::default() }),
            limit: Some((entries.len() * MAX_CLUSTERS) as u64),
            with_payload: Some(true.into()),
            ..QueryPoints::default()
        };
        let answer = connection.ask("search", |client| {
            let request = request.clone();
            async move { client.query(request).await }
        })?;
        Ok(answer.result)
    }

    /// Reads a point of a sketch; `None` if it is of another content than the recording.
    fn read_cluster(&self, point: &ScoredPoint) -> Result<(RecordingId, Option<SketchedCluster>)> {
        let address = self.address();
        let (id, payload) = (point.id.as_ref(), &point.payload);
        let answer = PayloadReader { address: &address, id, payload, vectors: None };
        let recording = answer.recording()?;
        let content = answer.text("content", "a hash")?;
        let entry = self.entry(&recording);
        if entry.is_none_or(|entry| entry.segment.hash.to_string() != content) {
            return Ok((recording, None));
        }
        let counts = answer.counts("stages")?;
        let spread = answer.real("spread")? as f32;
        Ok((recording, Some(SketchedCluster::new(point.score, spread, counts))))
    }
}
