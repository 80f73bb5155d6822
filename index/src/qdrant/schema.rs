//! The three collections of Qdrant that store a space.
//!
//! # `NAME`: epochs and captions
//!
//! Named vectors `signal` (epochs) and `caption` (captions), dot product, single precision on disk, 8-bit codes in
//! memory. Ids are described in `point_ids`.
//!
//! | field | of | type | index | |
//! |---|---|---|---|---|
//! | `point` | both | keyword | yes | `epoch` or `caption` |
//! | `recording` | both | keyword | yes, as tenant | |
//! | `content` | both | keyword | yes | hash of the recording's segment, in hexadecimal |
//! | `revision` | both | integer | yes | number of the upload that wrote the point, described in `revision` |
//! | `epoch` | both | integer | yes | number on the 30-second grid |
//! | `onset_s` | both | float | yes | onset in seconds from the start of the recording |
//! | `onset_bits` | both | integer | | the bits of `onset_s`: Qdrant stores numbers as text, and parsing it may change the last bit |
//! | `start` | both | datetime | yes | start of the recording, wall-clock time without a zone; absent if unknown |
//! | `stage` | both | keyword | yes | `W`, `N1`, `N2`, `N3`, `R`; absent if not scored |
//! | `events`, `channels` | both | keywords | yes | scored events; channels with a usable signal |
//! | `missing`, `flat`, `clipped` | both | keywords | | channels with that defect; absent if there are none |
//! | `metadata.…` | both | keywords | `subject`, `cohort` | metadata of the recording |
//! | `kind`, `ordinal`, `text` | captions | keyword, integer, text | `kind` | kind, place among the epoch's captions, words |
//!
//! # `NAME-recordings`: the manifest
//!
//! Described in `manifest`. Its points have no vectors.
//!
//! # `NAME-tracks`: concept tracks
//!
//! Described in `tracks`. Its points have no vectors.

use std::collections::HashMap;

use qdrant_client::qdrant::quantization_config::Quantization;
use qdrant_client::qdrant::vectors_config::Config;
use qdrant_client::qdrant::{
    CreateCollection, CreateFieldIndexCollection, DatetimeIndexParams, Distance, FieldType,
    FloatIndexParams, IntegerIndexParams, KeywordIndexParams, PayloadIndexParams,
    QuantizationConfig, QuantizationType, ScalarQuantization, VectorParams, VectorParamsMap,
    VectorsConfig, payload_index_params::IndexParams,
};

use super::QdrantUrl;
use super::connection::Connection;
use crate::error::Result;

/// Name of the vector of an epoch.
pub(super) const SIGNAL: &str = "signal";
/// Name of the vector of a caption.
pub(super) const CAPTION: &str = "caption";

/// The payload indexes. They are created before the first point, so that the graph is built for filters on them, and are
/// stored on disk: in memory, the indexes of a billion epochs would take more than the codes of their vectors.
const INDEXES: [(&str, Index); 13] = [
    ("point", Index::Keyword),
    ("recording", Index::Tenant),
    ("content", Index::Keyword),
    REVISION_INDEX,
    ("epoch", Index::Integer),
    ("onset_s", Index::Float),
    ("start", Index::Datetime),
    ("stage", Index::Keyword),
    ("events", Index::Keyword),
    ("channels", Index::Keyword),
    ("metadata.subject", Index::Keyword),
    ("metadata.cohort", Index::Keyword),
    ("kind", Index::Keyword),
];

/// The index that conditional writes need.
const REVISION_INDEX: (&str, Index) = ("revision", Index::Integer);

#[derive(Debug, Clone, Copy)]
enum Index {
    Keyword,
    /// A keyword whose points are stored together.
    Tenant,
    Integer,
    Float,
    Datetime,
}

/// Returns whether the collection of points and the one of the manifest exist.
pub(super) fn exist(connection: &Connection) -> Result<(bool, bool)> {
    let url = &connection.settings().url;
    Ok((
        exists_by_name(connection, url.collection())?,
        exists_by_name(connection, &url.recordings())?,
    ))
}

/// Returns whether the collection of the manifest exists; the server is asked once.
pub(super) fn manifest_exists_now(connection: &Connection) -> Result<bool> {
    let name = connection.settings().url.recordings();
    let caller = connection.caller().once();
    connection.run(caller.ask("reach", |client| {
        let name = name.clone();
        async move { client.collection_exists(name).await }
    }))
}

/// Returns whether there is a collection or an alias of that name.
pub(super) fn exists_by_name(connection: &Connection, name: &str) -> Result<bool> {
    connection.ask("reach", |client| async move { client.collection_exists(name).await })
}

/// Creates the collections and their indexes, unless they exist. The manifest comes first, so that points without a
/// manifest are never ours.
pub(super) fn create_all(connection: &Connection, dim: usize) -> Result<()> {
    let url = &connection.settings().url;
    create(connection, &manifest(url), &[REVISION_INDEX])?;
    create(connection, &points(url, dim), &INDEXES)?;
    create(connection, &tracks(url), &[REVISION_INDEX])
}

fn create(
    connection: &Connection,
    request: &CreateCollection,
    indexes: &[(&str, Index)],
) -> Result<()> {
    let name = &request.collection_name;
    let created = connection.ask("create", |client| {
        let request = request.clone();
        async move { client.create_collection(request).await }
    });
    if let Err(error) = created {
        // An attempt whose answer was lost, or another writer, may have created it.
        if !exists_by_name(connection, name)? {
            return Err(error);
        }
    }
    indexes.iter().try_for_each(|(field, index)| create_index(connection, name, field, *index))
}

fn create_index(
    connection: &Connection,
    collection: &str,
    field: &str,
    index: Index,
) -> Result<()> {
    let (field_type, params) = index.params();
    let request = CreateFieldIndexCollection {
        collection_name: collection.to_owned(),
        wait: Some(true),
        field_name: field.to_owned(),
        field_type: Some(field_type.into()),
        field_index_params: Some(PayloadIndexParams { index_params: Some(params) }),
        ..CreateFieldIndexCollection::default()
    };
    connection.ask("create an index of", |client| {
        let request = request.clone();
        async move { client.create_field_index(request).await }
    })?;
    Ok(())
}

fn manifest(url: &QdrantUrl) -> CreateCollection {
    CreateCollection {
        collection_name: url.recordings(),
        vectors_config: Some(vectors([])),
        ..CreateCollection::default()
    }
}

fn points(url: &QdrantUrl, dim: usize) -> CreateCollection {
    #[expect(deprecated, reason = "servers before 1.19 do not support `memory`, which replaces it")]
    CreateCollection {
        collection_name: url.collection().to_owned(),
        on_disk_payload: Some(true),
        vectors_config: Some(vectors([
            (SIGNAL, quantised_vectors(dim)),
            (CAPTION, quantised_vectors(dim)),
        ])),
        ..CreateCollection::default()
    }
}

fn tracks(url: &QdrantUrl) -> CreateCollection {
    #[expect(deprecated, reason = "servers before 1.19 do not support `memory`, which replaces it")]
    CreateCollection {
        collection_name: url.tracks(),
        on_disk_payload: Some(true),
        vectors_config: Some(vectors([])),
        ..CreateCollection::default()
    }
}

fn vectors<const N: usize>(params: [(&str, VectorParams); N]) -> VectorsConfig {
    let map: HashMap<String, VectorParams> =
        params.into_iter().map(|(name, params)| (name.to_owned(), params)).collect();
    VectorsConfig { config: Some(Config::ParamsMap(VectorParamsMap { map })) }
}

fn vectors_on_disk(dim: usize) -> VectorParams {
    #[expect(deprecated, reason = "servers before 1.19 do not support `memory`, which replaces it")]
    VectorParams {
        size: dim as u64,
        distance: Distance::Dot.into(),
        on_disk: Some(true),
        ..VectorParams::default()
    }
}

/// Vectors in single precision on disk, from which scores are computed, and 8-bit codes in memory, by which candidates are
/// chosen.
fn quantised_vectors(dim: usize) -> VectorParams {
    #[expect(deprecated, reason = "servers before 1.19 do not support `memory`, which replaces it")]
    let codes = ScalarQuantization {
        r#type: QuantizationType::Int8.into(),
        quantile: Some(0.99),
        always_ram: Some(true),
        ..ScalarQuantization::default()
    };
    VectorParams {
        quantization_config: Some(QuantizationConfig {
            quantization: Some(Quantization::Scalar(codes)),
        }),
        ..vectors_on_disk(dim)
    }
}

impl Index {
    #[expect(deprecated, reason = "servers before 1.19 do not support `memory`, which replaces it")]
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
