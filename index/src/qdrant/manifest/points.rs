//! Reads and writes points of the manifest, which have no vectors.

use qdrant_client::qdrant::vectors::VectorsOptions;
use qdrant_client::qdrant::{
    Filter, GetPoints, NamedVectors, PayloadIncludeSelector, PointId, PointStruct, RetrievedPoint,
    ScrollPoints, UpdateMode, UpsertPoints, Vectors, WithPayloadSelector, WriteOrdering,
    WriteOrderingType, with_payload_selector::SelectorOptions,
};

use crate::error::Result;
use crate::qdrant::connection::Connection;
use crate::qdrant::payload::{Payload, PayloadReader};

/// Entries in a page. One takes about 1 kB.
const PAGE: u32 = 1000;

/// The condition under which the server writes a point.
#[derive(Debug, Clone)]
pub(in crate::qdrant) enum Expected {
    /// There is no point with that id.
    Absent,
    /// There is one, and it meets the filter.
    Present(Filter),
    /// Unconditional.
    Anything,
}

/// Returns a point, with the given fields or all; `None` if it does not exist.
pub(super) fn get(
    connection: &Connection,
    id: PointId,
    fields: Option<&[&str]>,
) -> Result<Option<RetrievedPoint>> {
    let request = GetPoints {
        collection_name: connection.settings().url.recordings(),
        ids: vec![id],
        with_payload: Some(fields.map_or_else(|| true.into(), selected)),
        ..GetPoints::default()
    };
    let answer = connection.ask("read from", |client| {
        let request = request.clone();
        async move { client.get_points(request).await }
    })?;
    Ok(answer.result.into_iter().next())
}

/// Returns a page of points with the given fields or all, and the id with which the next page starts.
pub(super) fn page(
    connection: &Connection,
    fields: Option<&[&str]>,
    offset: Option<PointId>,
) -> Result<(Vec<RetrievedPoint>, Option<PointId>)> {
    let request = ScrollPoints {
        collection_name: connection.settings().url.recordings(),
        offset,
        limit: Some(PAGE),
        with_payload: Some(fields.map_or_else(|| true.into(), selected)),
        ..ScrollPoints::default()
    };
    let answer = connection.ask("list the recordings of", |client| {
        let request = request.clone();
        async move { client.scroll(request).await }
    })?;
    Ok((answer.result, answer.next_page_offset))
}

/// Writes a point if the condition is met, which the server decides and does in one step, and waits until it is done.
///
/// The answer does not say whether the point was written: read it.
pub(in crate::qdrant) fn put(
    connection: &Connection,
    id: PointId,
    payload: Payload,
    expected: Expected,
) -> Result<()> {
    // The server refuses points that do not mention vectors, and accepts those with an empty list of them.
    let none = VectorsOptions::Vectors(NamedVectors::default());
    let vectors = Some(Vectors { vectors_options: Some(none) });
    let (mode, filter) = match expected {
        Expected::Absent => (UpdateMode::InsertOnly, None),
        Expected::Present(filter) => (UpdateMode::UpdateOnly, Some(filter)),
        Expected::Anything => (UpdateMode::Upsert, None),
    };
    let request = UpsertPoints {
        collection_name: connection.settings().url.recordings(),
        wait: Some(true),
        points: vec![PointStruct { id: Some(id), payload, vectors }],
        ordering: Some(strong_ordering()),
        update_filter: filter,
        update_mode: Some(mode.into()),
        ..UpsertPoints::default()
    };
    connection.ask("write to", |client| {
        let request = request.clone();
        async move { client.upsert_points(request).await }
    })?;
    Ok(())
}

/// Returns a reader of the fields of a point.
pub(in crate::qdrant) fn reader<'a>(
    address: &'a str,
    point: &'a RetrievedPoint,
) -> PayloadReader<'a> {
    PayloadReader { address, id: point.id.as_ref(), payload: &point.payload, vectors: None }
}

/// Asks a cluster to apply writes in one order on all replicas, so that all decide conditions alike.
pub(in crate::qdrant) fn strong_ordering() -> WriteOrdering {
    WriteOrdering { r#type: WriteOrderingType::Strong.into() }
}

fn selected(fields: &[&str]) -> WithPayloadSelector {
    let fields = fields.iter().copied().map(str::to_owned).collect();
    WithPayloadSelector {
        selector_options: Some(SelectorOptions::Include(PayloadIncludeSelector { fields })),
    }
}
