//! The collections of Qdrant that make one of ours.
//!
//! # `NAME`: epochs and captions
//!
//! Named vectors `signal` (epochs) and `caption` (captions), dot product, single precision on the disk, 8-bit codes in
//! memory. A point is named by `UUIDv5` of its recording and epoch, so that sending it twice leaves one.
//!
//! | field | of | type | index | |
//! |---|---|---|---|---|
//! | `point` | both | keyword | yes | `epoch` or `caption` |
//! | `recording` | both | keyword | yes, as tenant | |
//! | `content` | both | keyword | yes | hash of the recording's segment, in hexadecimal |
//! | `epoch` | both | integer | yes | place on the 30-second grid |
//! | `onset_s` | both | float | yes | begin in seconds from the start of the recording |
//! | `onset_bits` | both | integer | | the bits of `onset_s`: Qdrant keeps it as text, whose reading may change the last one |
//! | `start` | both | datetime | yes | start of the recording, wall-clock time without a zone; absent where unknown |
//! | `stage` | both | keyword | yes | `W`, `N1`, `N2`, `N3`, `R`; absent where not scored |
//! | `events`, `channels` | both | keywords | yes | scored events; channels that carried something |
//! | `missing`, `flat`, `clipped` | both | keywords | | what is wrong with which channel; absent where nothing |
//! | `metadata.…` | both | keywords | `subject`, `cohort` | what was said of the recording |
//! | `lease` | both | integer | yes | number of the [lease](super::lease) under which it was written; absent where an earlier version did |
//! | `kind`, `ordinal`, `text` | captions | keyword, integer, text | `kind` | kind, place among the epoch's captions, words |
//!
//! # `NAME-recordings`: what is acknowledged
//!
//! One point for each recording, described in `manifest`, and one that says whose vectors these are. It has no vectors.
//!
//! # `NAME-nights`: sketches
//!
//! Described in `sketch`. Collections of earlier versions have none.

use std::collections::HashMap;

use nocturne_psg::{EpochNumber, RecordingId};
use qdrant_client::qdrant::quantization_config::Quantization;
use qdrant_client::qdrant::vectors_config::Config;
use qdrant_client::qdrant::{
    CreateCollection, CreateFieldIndexCollection, DatetimeIndexParams, Distance, FieldType,
    FloatIndexParams, IntegerIndexParams, KeywordIndexParams, PayloadIndexParams, PointId,
    QuantizationConfig, QuantizationType, ScalarQuantization, VectorParams, VectorParamsMap,
    VectorsConfig, payload_index_params::IndexParams,
};
use uuid::Uuid;

use super::QdrantUrl;
use super::client::Connection;
use crate::error::Result;

/// Name of the vector of an epoch.
pub(super) const SIGNAL: &str = "signal";
/// Name of the vector of a caption.
pub(super) const CAPTION: &str = "caption";

/// Name of the vector of a part of a night.
pub(super) const SKETCH: &str = "sketch";

/// Names of points are made in this space of names, drawn once at random.
const NAMES: Uuid = Uuid::from_u128(0x6f2b_54b1_0c0d_4c8e_9a5e_2d13_7b61_88f4);

/// Fields with an index. It is made before the first point comes, so that the graph knows of it, and is on the disk: in
/// memory the indexes of a billion epochs would take more than the codes of their vectors.
const INDEXES: [(&str, Index); 13] = [
    ("point", Index::Keyword),
    ("recording", Index::Tenant),
    ("content", Index::Keyword),
    ("epoch", Index::Integer),
    ("onset_s", Index::Float),
    ("start", Index::Datetime),
    ("stage", Index::Keyword),
    ("events", Index::Keyword),
    ("channels", Index::Keyword),
    ("metadata.subject", Index::Keyword),
    ("metadata.cohort", Index::Keyword),
    ("kind", Index::Keyword),
    (LEASE, Index::Integer),
];

/// The field with the number of the lease under which a point was written, which decides whether it is overwritten.
const LEASE: &str = "lease";

#[derive(Debug, Clone, Copy)]
enum Index {
    Keyword,
    /// Points of one keyword lie together, as the questions about a night want them.
    Tenant,
    Integer,
    Float,
    Datetime,
}

/// Returns the name of an epoch's point.
pub(super) fn epoch_point(recording: &RecordingId, epoch: EpochNumber) -> PointId {
    named(&format!("epoch {epoch} of {recording}"))
}

/// Returns the name of the point of a caption, by its place among the captions of the epoch.
pub(super) fn caption_point(recording: &RecordingId, epoch: EpochNumber, ordinal: u32) -> PointId {
    named(&format!("caption {ordinal} of epoch {epoch} of {recording}"))
}

/// Returns the name of a recording's point.
pub(super) fn recording_point(recording: &RecordingId) -> PointId {
    named(&format!("recording {recording}"))
}

/// Returns the name of the point of a recording's lease.
pub(super) fn lease_point(recording: &RecordingId) -> PointId {
    named(&format!("lease of {recording}"))
}

/// Returns the name of a point of a recording's sketch.
pub(super) fn sketch_point(recording: &RecordingId, number: u32) -> PointId {
    named(&format!("sketch {number} of {recording}"))
}

/// Returns the name of the point that says whose vectors these are.
pub(super) fn space_point() -> PointId {
    named("space")
}

/// Returns the name of a point that tells something of a space.
pub(super) fn note_point(note: &str) -> PointId {
    named(&format!("note {note}"))
}

fn named(name: &str) -> PointId {
    Uuid::new_v5(&NAMES, name.as_bytes()).to_string().into()
}

/// Returns whether there are a collection of points and one of recordings.
pub(super) fn exists(connection: &Connection) -> Result<(bool, bool)> {
    let url = &connection.settings().url;
    Ok((
        exists_by_name(connection, url.collection())?,
        exists_by_name(connection, &url.recordings())?,
    ))
}

/// Returns whether there is a collection of sketches.
pub(super) fn has_nights(connection: &Connection) -> Result<bool> {
    exists_by_name(connection, &connection.settings().url.nights())
}

/// Returns whether there is a collection of recordings; the server is asked once.
pub(super) fn is_there(connection: &Connection) -> Result<bool> {
    let name = connection.settings().url.recordings();
    let caller = connection.caller().once();
    connection.run(caller.ask("look for", |client| {
        let name = name.clone();
        async move { client.collection_exists(name).await }
    }))
}

/// Returns whether there is a collection or an alias of that name.
pub(super) fn exists_by_name(connection: &Connection, name: &str) -> Result<bool> {
    connection.ask("look for", |client| async move { client.collection_exists(name).await })
}

/// Makes the collection of recordings, unless it is there.
pub(super) fn create_recordings(connection: &Connection) -> Result<()> {
    let request = CreateCollection {
        collection_name: connection.settings().url.recordings(),
        vectors_config: Some(VectorsConfig {
            config: Some(Config::ParamsMap(VectorParamsMap { map: HashMap::new() })),
        }),
        ..CreateCollection::default()
    };
    create(connection, &request)?;
    create_index(connection, &connection.settings().url.recordings(), LEASE, Index::Integer)
}

/// Makes the indexes that collections of earlier versions lack.
pub(super) fn create_lease_indexes(connection: &Connection) -> Result<()> {
    let url = &connection.settings().url;
    let names = [url.collection().to_owned(), url.recordings(), url.nights()];
    names.iter().try_for_each(|name| create_index(connection, name, LEASE, Index::Integer))
}

/// Makes the collection of points and its indexes, as far as they are not there.
pub(super) fn create_points(connection: &Connection, dim: usize) -> Result<()> {
    let url = &connection.settings().url;
    create(connection, &points(url, dim))?;
    let mut indexes = INDEXES.into_iter();
    indexes.try_for_each(|(field, kind)| create_index(connection, url.collection(), field, kind))
}

fn create_index(connection: &Connection, collection: &str, field: &str, kind: Index) -> Result<()> {
    let request = index(collection, field, kind);
    connection.ask("index a field of", |client| {
        let request = request.clone();
        async move { client.create_field_index(request).await }
    })?;
    Ok(())
}

/// Makes the collection of sketches and its index, as far as they are not there.
pub(super) fn create_nights(connection: &Connection, dim: usize) -> Result<()> {
    let nights = connection.settings().url.nights();
    if !has_nights(connection)? {
        create(connection, &sketches(nights.clone(), dim))?;
    }
    create_index(connection, &nights, "recording", Index::Tenant)?;
    create_index(connection, &nights, LEASE, Index::Integer)
}

fn sketches(collection_name: String, dim: usize) -> CreateCollection {
    #[expect(deprecated, reason = "servers before 1.19 know nothing else")]
    let params = VectorParams {
        size: dim as u64,
        distance: Distance::Dot.into(),
        on_disk: Some(true),
        ..VectorParams::default()
    };
    CreateCollection {
        collection_name,
        vectors_config: Some(VectorsConfig {
            config: Some(Config::ParamsMap(VectorParamsMap {
                map: [(SKETCH.to_owned(), params)].into(),
            })),
        }),
        ..CreateCollection::default()
    }
}

/// Creates a collection unless it is there: an attempt whose answer was lost has created it.
fn create(connection: &Connection, request: &CreateCollection) -> Result<()> {
    let created = connection.ask("create", |client| {
        let request = request.clone();
        async move { client.create_collection(request).await }
    });
    match created {
        Ok(_) => Ok(()),
        Err(error) => {
            let is_there = exists_by_name(connection, &request.collection_name)?;
            if is_there { Ok(()) } else { Err(error) }
        }
    }
}

fn points(url: &QdrantUrl, dim: usize) -> CreateCollection {
    let vectors = [SIGNAL, CAPTION].map(|name| (name.to_owned(), vector_params(dim)));
    #[expect(deprecated, reason = "servers before 1.19 know nothing else")]
    CreateCollection {
        collection_name: url.collection().to_owned(),
        on_disk_payload: Some(true),
        vectors_config: Some(VectorsConfig {
            config: Some(Config::ParamsMap(VectorParamsMap { map: vectors.into() })),
        }),
        ..CreateCollection::default()
    }
}

/// Vectors on the disk in single precision, which scores are computed from, and 8-bit codes in memory, which candidates
/// are chosen by.
fn vector_params(dim: usize) -> VectorParams {
    #[expect(deprecated, reason = "servers before 1.19 know nothing else")]
    let codes = ScalarQuantization {
        r#type: QuantizationType::Int8.into(),
        quantile: Some(0.99),
        always_ram: Some(true),
        ..ScalarQuantization::default()
    };
    #[expect(deprecated, reason = "servers before 1.19 know nothing else")]
    VectorParams {
        size: dim as u64,
        distance: Distance::Dot.into(),
        on_disk: Some(true),
        quantization_config: Some(QuantizationConfig {
            quantization: Some(Quantization::Scalar(codes)),
        }),
        ..VectorParams::default()
    }
}

fn index(collection: &str, field: &str, index: Index) -> CreateFieldIndexCollection {
    let (field_type, params) = index.params();
    CreateFieldIndexCollection {
        collection_name: collection.to_owned(),
        wait: Some(true),
        field_name: field.to_owned(),
        field_type: Some(field_type.into()),
        field_index_params: Some(PayloadIndexParams { index_params: Some(params) }),
        ..CreateFieldIndexCollection::default()
    }
}

impl Index {
    #[expect(deprecated, reason = "servers before 1.19 know nothing else")]
    fn params(self) -> (FieldType, IndexParams) {
        let on_disk = Some(true);
        let keyword = KeywordIndexParams { on_disk, ..KeywordIndexParams::default() };
        match self {
            Self::Keyword => (FieldType::Keyword, IndexParams::KeywordIndexParams(keyword)),
            Self::Tenant => {
                let tenant = KeywordIndexParams { is_tenant: Some(true), ..keyword };
                (FieldType::Keyword, IndexParams::KeywordIndexParams(tenant))
            }
            Self::Integer => {
                let (lookup, range) = (Some(true), Some(true));
                let params =
                    IntegerIndexParams { lookup, range, on_disk, ..IntegerIndexParams::default() };
                (FieldType::Integer, IndexParams::IntegerIndexParams(params))
            }
            Self::Float => {
                let params = FloatIndexParams { on_disk, ..FloatIndexParams::default() };
                (FieldType::Float, IndexParams::FloatIndexParams(params))
            }
            Self::Datetime => {
                let params = DatetimeIndexParams { on_disk, ..DatetimeIndexParams::default() };
                (FieldType::Datetime, IndexParams::DatetimeIndexParams(params))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_points_stay_the_same() {
        let id = RecordingId::new("night-001").unwrap();
        let uuid = |point: PointId| match point.point_id_options {
            Some(qdrant_client::qdrant::point_id::PointIdOptions::Uuid(uuid)) => uuid,
            other => panic!("{other:?} is no UUID"),
        };
        let names = [
            epoch_point(&id, EpochNumber(7)),
            caption_point(&id, EpochNumber(7), 1),
            recording_point(&id),
            space_point(),
            lease_point(&id),
        ];
        // From the `uuid` module of Python.
        let expect = [
            "aac6d701-3a3a-5030-907f-30f9deda5c1e",
            "9e5b338f-64d0-594e-9b37-6bfb81aba187",
            "e8d7e61e-f7b5-5494-958a-ed9f1ef373bc",
            "72f7eeba-de88-5cd1-98c9-fe01ae603e26",
            "f9a3ac1e-bc38-5ce7-910a-11a3cdd6ddad",
        ];
        assert_eq!(names.map(uuid), expect);
    }
}
