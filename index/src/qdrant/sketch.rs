//! Sketches of nights: a few centroids that tell about how often something may occur, without a look at each epoch.
//!
//! | field | |
//! |---|---|
//! | vector `sketch` | mean of the vectors of the cluster's epochs, not of unit length |
//! | `recording`, `content`, `lease` | as of an epoch |
//! | `spread` | how far an epoch is from the mean, as the standard deviation of each number |
//! | `stages` | epochs scored as `W`, `N1`, `N2`, `N3`, `R`, and those that were not scored |
//!
//! The product of a mean with a direction is the mean of its epochs' products, so that a server that holds means can say
//! what the epochs score on average.

use std::collections::BTreeMap;

use nocturne_psg::{RecordingId, Stage};
use qdrant_client::qdrant::vectors::VectorsOptions;
use qdrant_client::qdrant::{
    CountPoints, DeletePoints, Filter, NamedVectors, PointStruct, QueryPoints, ScoredPoint,
    SearchParams, UpsertPoints, Vectors,
};

use super::client::Connection;
use super::filter::one_of;
use super::lease::of_no_later;
use super::night::{Night, NightPoint, PointRow};
use super::payload::{Answer, Payload, numbers};
use super::schema::{SKETCH, sketch_point};
use super::{QdrantIndex, collection};
use crate::error::Result;
use crate::recording::RecordingEntry;

/// Most clusters of a night.
const MOST: usize = 16;

/// Rounds of the clustering; after a few, hardly an epoch changes its cluster.
const ROUNDS: usize = 8;

/// Nights whose sketches are asked for at a time.
const NIGHTS: usize = 256;

/// Places of the counts of epochs: the stages in their order, and those that were not scored.
const N_COUNTS: usize = Stage::ALL.len() + 1;

/// Epochs that are near to each other.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cluster {
    mean: Vec<f32>,
    spread: f32,
    counts: [usize; N_COUNTS],
}

/// What a sketch tells of some epochs of a night about a direction.
#[derive(Debug, Clone, PartialEq)]
pub struct Sketched {
    /// Mean of the products of the epochs' vectors with the direction.
    pub mean: f32,
    /// Standard deviation of each number of the epochs' vectors; that of the products is about as many times the length
    /// of the direction.
    pub spread: f32,
    counts: [usize; N_COUNTS],
}

impl Sketched {
    /// Returns how many of the epochs were scored as a stage, or were not scored.
    pub fn n_epochs(&self, stage: Option<Stage>) -> usize {
        self.counts[stage.map_or(Stage::ALL.len(), Stage::index)]
    }
}

/// Returns the clusters of a night's epochs: k-means that begins with epochs at even distances, so that the same night
/// always has the same.
pub(super) fn clusters(night: &Night) -> Vec<Cluster> {
    let epochs: Vec<&NightPoint> =
        night.points.iter().filter(|point| point.row == PointRow::Epoch).collect();
    let n = epochs.len().min(MOST);
    let place = |cluster: usize| (2 * cluster + 1) * epochs.len() / (2 * n);
    let mut means: Vec<Vec<f32>> =
        (0..n).map(|cluster| epochs[place(cluster)].vector.clone()).collect();
    let mut members = vec![0; epochs.len()];
    for _ in 0..ROUNDS {
        for (member, epoch) in members.iter_mut().zip(&epochs) {
            *member = nearest(&means, &epoch.vector);
        }
        means = self::means(&means, &epochs, &members);
    }
    let cluster = |(number, mean): (usize, Vec<f32>)| {
        let mut counts = [0; N_COUNTS];
        let mut squares = 0.0;
        for (epoch, _) in epochs.iter().zip(&members).filter(|(_, member)| **member == number) {
            counts[epoch.epoch.stage.map_or(Stage::ALL.len(), Stage::index)] += 1;
            squares += distance(&mean, &epoch.vector);
        }
        let n_epochs: usize = counts.iter().sum();
        let n_numbers = (n_epochs * mean.len()).max(1) as f32;
        Cluster { mean, spread: (squares / n_numbers).sqrt(), counts }
    };
    let clusters = means.into_iter().enumerate().map(cluster);
    clusters.filter(|cluster| cluster.counts.iter().sum::<usize>() > 0).collect()
}

/// Returns the means of the members; one without members stays where it was.
fn means(before: &[Vec<f32>], epochs: &[&NightPoint], members: &[usize]) -> Vec<Vec<f32>> {
    let mut sums: Vec<(usize, Vec<f32>)> =
        before.iter().map(|mean| (0, vec![0.0; mean.len()])).collect();
    for (epoch, member) in epochs.iter().zip(members) {
        let (n, sum) = &mut sums[*member];
        *n += 1;
        sum.iter_mut().zip(&epoch.vector).for_each(|(sum, number)| *sum += number);
    }
    let mean = |((n, mut sum), before): ((usize, Vec<f32>), &Vec<f32>)| {
        if n == 0 {
            return before.clone();
        }
        sum.iter_mut().for_each(|number| *number /= n as f32);
        sum
    };
    sums.into_iter().zip(before).map(mean).collect()
}

fn nearest(means: &[Vec<f32>], vector: &[f32]) -> usize {
    let distances = means.iter().map(|mean| distance(mean, vector)).enumerate();
    distances.min_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(place, _)| place)
}

/// Returns the square of the distance.
fn distance(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// Writes the sketch of a recording in place of the one that is there, and returns of how many points it is.
///
/// # Errors
///
/// [`QdrantProblem::Damaged`](super::QdrantProblem::Damaged) where the server does not keep them.
pub(super) fn send(
    connection: &Connection,
    entry: &RecordingEntry,
    night: &Night,
    lease: u64,
) -> Result<usize> {
    delete(connection, entry.id.as_str(), lease)?;
    let clusters = clusters(night);
    if clusters.is_empty() {
        return Ok(0);
    }
    let points: Vec<_> = (0..)
        .zip(&clusters)
        .map(|(number, cluster)| point(entry, number, cluster, lease))
        .collect();
    let request = UpsertPoints {
        collection_name: connection.settings().url.nights(),
        wait: Some(true),
        points,
        update_filter: Some(of_no_later(lease)),
        ..UpsertPoints::default()
    };
    for _ in 0..2 {
        connection.ask("write to", |client| {
            let request = request.clone();
            async move { client.upsert_points(request).await }
        })?;
        if count(connection, entry.id.as_str())? == clusters.len() {
            return Ok(clusters.len());
        }
    }
    let problem = "its sketch was not kept, twice".to_owned();
    Err(collection::damaged(connection, &entry.id, problem))
}

/// Deletes the sketch of a recording, but for what a later lease has written, and waits until that is done.
pub(super) fn delete(connection: &Connection, recording: &str, lease: u64) -> Result<()> {
    let request = DeletePoints {
        collection_name: connection.settings().url.nights(),
        wait: Some(true),
        points: Some(
            Filter::must([one_of("recording", [recording]), of_no_later(lease).into()]).into(),
        ),
        ..DeletePoints::default()
    };
    connection.ask("delete from", |client| {
        let request = request.clone();
        async move { client.delete_points(request).await }
    })?;
    Ok(())
}

fn count(connection: &Connection, recording: &str) -> Result<usize> {
    let request = CountPoints {
        collection_name: connection.settings().url.nights(),
        filter: Some(Filter::must([one_of("recording", [recording])])),
        exact: Some(true),
        ..CountPoints::default()
    };
    let answer = connection.ask("count in", |client| {
        let request = request.clone();
        async move { client.count(request).await }
    })?;
    Ok(answer.result.map_or(0, |result| result.count as usize))
}

fn point(entry: &RecordingEntry, number: u32, cluster: &Cluster, lease: u64) -> PointStruct {
    let Cluster { mean, spread, counts } = cluster;
    let payload = Payload::from([
        ("recording".to_owned(), entry.id.as_str().into()),
        ("content".to_owned(), entry.segment.hash.to_string().into()),
        ("lease".to_owned(), lease.cast_signed().into()),
        ("spread".to_owned(), f64::from(*spread).into()),
        ("stages".to_owned(), numbers(counts)),
    ]);
    let vectors = [(SKETCH.to_owned(), mean.clone().into())].into();
    PointStruct {
        id: Some(sketch_point(&entry.id, number)),
        payload,
        vectors: Some(Vectors {
            vectors_options: Some(VectorsOptions::Vectors(NamedVectors { vectors })),
        }),
    }
}

impl QdrantIndex {
    /// Returns what the sketches of some recordings tell about a direction of any length; a recording that has none, or
    /// none of its content, is left out.
    ///
    /// The server multiplies every mean with the direction: no vector is sent back, about 150 bytes for each are.
    ///
    /// # Errors
    ///
    /// [`QdrantProblem::Refused`](super::QdrantProblem::Refused) and [`Point`](super::QdrantProblem::Point).
    pub fn sketches(
        &self,
        direction: &[f32],
        recordings: &[&RecordingEntry],
    ) -> Result<BTreeMap<RecordingId, Vec<Sketched>>> {
        let manifest = &self.collection().manifest;
        let n_points = |entry: &RecordingEntry| manifest.acknowledged.get(&entry.id)?.n_sketched;
        let mut sketches = BTreeMap::new();
        for entries in recordings.chunks(NIGHTS) {
            let mut found: BTreeMap<RecordingId, Vec<Sketched>> = BTreeMap::new();
            for point in self.sketched(direction, entries)? {
                let (recording, sketched) = self.read_sketched(&point)?;
                if let Some(sketched) = sketched {
                    found.entry(recording).or_default().push(sketched);
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

    fn sketched(&self, direction: &[f32], entries: &[&RecordingEntry]) -> Result<Vec<ScoredPoint>> {
        let connection = &self.collection().connection;
        let recordings = entries.iter().map(|entry| entry.id.as_str());
        let request = QueryPoints {
            collection_name: connection.settings().url.nights(),
            query: Some(direction.to_vec().into()),
            using: Some(SKETCH.to_owned()),
            filter: Some(Filter::must([one_of("recording", recordings)])),
            params: Some(SearchParams { exact: Some(true), ..SearchParams::default() }),
            limit: Some((entries.len() * MOST) as u64),
            with_payload: Some(true.into()),
            ..QueryPoints::default()
        };
        let answer = connection.ask("search", |client| {
            let request = request.clone();
            async move { client.query(request).await }
        })?;
        Ok(answer.result)
    }

    /// Reads a point of a sketch; nothing where it is of another content than the list tells of.
    fn read_sketched(&self, point: &ScoredPoint) -> Result<(RecordingId, Option<Sketched>)> {
        let place = self.collection().place();
        let (id, payload) = (point.id.as_ref(), &point.payload);
        let answer = Answer { place: &place, id, payload, vectors: None };
        let recording = answer.recording()?;
        let content = answer.text("content", "a hash")?;
        let entry = self.collection().entry(&recording);
        if entry.is_none_or(|entry| entry.segment.hash.to_string() != content) {
            return Ok((recording, None));
        }
        let counts = answer.counts("stages")?;
        let spread = answer.real("spread")? as f32;
        Ok((recording, Some(Sketched { mean: point.score, spread, counts })))
    }
}

#[cfg(test)]
mod tests {
    use nocturne_psg::montage::ChannelMask;
    use nocturne_psg::{EpochNumber, EventSet, Quality};

    use super::*;
    use crate::recording::EpochRow;

    fn night(vectors: &[([f32; 2], Option<Stage>)]) -> Night {
        let point = |(number, (vector, stage)): (u32, &([f32; 2], Option<Stage>))| NightPoint {
            epoch: EpochRow {
                number: EpochNumber(number),
                onset_s: 30.0 * f64::from(number),
                stage: *stage,
                events: EventSet::EMPTY,
                mask: ChannelMask::ALL,
                quality: Quality::default(),
            },
            row: PointRow::Epoch,
            vector: vector.to_vec(),
        };
        Night { points: (0..).zip(vectors).map(point).collect() }
    }

    #[test]
    fn short_nights_are_sketched_epoch_by_epoch() {
        let rows = [([1.0, 0.0], Some(Stage::N2)), ([0.0, 1.0], None)];
        let clusters = clusters(&night(&rows));
        assert_eq!(clusters.len(), 2);
        assert_eq!((&clusters[0].mean, clusters[0].spread), (&vec![1.0, 0.0], 0.0));
        assert_eq!((clusters[0].counts[Stage::N2.index()], clusters[1].counts[5]), (1, 1));
        assert_eq!(self::clusters(&night(&[])), []);
    }

    #[test]
    fn every_epoch_is_in_one_cluster_and_means_are_kept() {
        let angle = |number: usize| (number as f32 * 0.37).sin() + 3.0 * ((number / 50) as f32);
        let rows: Vec<_> = (0..200)
            .map(|number| {
                ([angle(number).cos(), angle(number).sin()], Stage::ALL.get(number % 7).copied())
            })
            .collect();
        let clusters = clusters(&night(&rows));
        let n_of = |cluster: &Cluster| cluster.counts.iter().sum::<usize>();
        assert_eq!(clusters.iter().map(n_of).sum::<usize>(), 200);
        assert!(clusters.len() > 8 && clusters.len() <= MOST, "{}", clusters.len());
        let weighted: f32 = clusters.iter().map(|it| it.mean[0] * n_of(it) as f32).sum();
        let direct: f32 = rows.iter().map(|(vector, _)| vector[0]).sum();
        assert!((weighted - direct).abs() < 1e-3, "{weighted} {direct}");
        assert!(clusters.iter().all(|cluster| cluster.spread < 0.2), "clusters are tight");
    }
}
