//! Reads and writes points of the list of recordings, which have no vectors.

use qdrant_client::qdrant::vectors::VectorsOptions;
use qdrant_client::qdrant::{
    Condition, DeletePoints, Filter, GetPoints, NamedVectors, PayloadIncludeSelector, PointId,
    PointStruct, RetrievedPoint, ScrollPoints, UpdateMode, UpsertPoints, Vectors,
    WithPayloadSelector, WriteOrdering, WriteOrderingType, with_payload_selector::SelectorOptions,
};

use super::QdrantUrl;
use super::client::{Caller, Connection};
use super::payload::{Answer, Payload};
use crate::error::Result;

/// Points that are asked for at a time.
const PAGE: u32 = 1000;

/// Which point must be there for another one to be written in its place.
#[derive(Debug, Clone)]
pub(super) enum Expected {
    /// None.
    Absent,
    /// One that meets a filter.
    Present(Filter),
    /// None, or one that meets a filter.
    AbsentOr(Filter),
    /// Whichever, or none.
    Anything,
}

/// Returns points by their names, in any order; those that are not there are left out.
pub(super) async fn get(
    caller: &Caller,
    url: &QdrantUrl,
    ids: Vec<PointId>,
    fields: Option<&[&str]>,
) -> Result<Vec<RetrievedPoint>> {
    let request = GetPoints {
        collection_name: url.recordings(),
        ids,
        with_payload: Some(fields.map_or_else(|| true.into(), selected)),
        ..GetPoints::default()
    };
    let answer = caller.ask("read from", |client| {
        let request = request.clone();
        async move { client.get_points(request).await }
    });
    Ok(answer.await?.result)
}

/// Returns a point by its name.
pub(super) fn get_one(
    connection: &Connection,
    id: PointId,
    fields: Option<&[&str]>,
) -> Result<Option<RetrievedPoint>> {
    let url = &connection.settings().url;
    let found = connection.run(get(connection.caller(), url, vec![id], fields))?;
    Ok(found.into_iter().next())
}

/// Returns some points of the list that meet a filter, with some or all of their fields, and where the next ones begin.
pub(super) fn page(
    connection: &Connection,
    filter: Option<Filter>,
    fields: Option<&[&str]>,
    offset: Option<PointId>,
) -> Result<(Vec<RetrievedPoint>, Option<PointId>)> {
    let request = ScrollPoints {
        collection_name: connection.settings().url.recordings(),
        filter,
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

/// Has the server write a point where the expected one is there, which it compares and does in one step, and waits.
///
/// Whether it was written, only a look tells.
pub(super) async fn put(
    caller: &Caller,
    url: &QdrantUrl,
    id: PointId,
    payload: Payload,
    expected: Expected,
) -> Result<()> {
    // A point without vectors has an empty list of them; one that says nothing of vectors is refused.
    let none = VectorsOptions::Vectors(NamedVectors::default());
    let vectors = Some(Vectors { vectors_options: Some(none) });
    let (mode, filter) = match expected {
        Expected::Absent => (UpdateMode::InsertOnly, None),
        Expected::Present(filter) => (UpdateMode::UpdateOnly, Some(filter)),
        Expected::AbsentOr(filter) => (UpdateMode::Upsert, Some(filter)),
        Expected::Anything => (UpdateMode::Upsert, None),
    };
    let request = UpsertPoints {
        collection_name: url.recordings(),
        wait: Some(true),
        points: vec![PointStruct { id: Some(id), payload, vectors }],
        ordering: Some(one_after_the_other()),
        update_filter: filter,
        update_mode: Some(mode.into()),
        ..UpsertPoints::default()
    };
    let written = caller.ask("write to", |client| {
        let request = request.clone();
        async move { client.upsert_points(request).await }
    });
    written.await.map(|_| ())
}

/// Deletes a point where it meets a filter, and waits until that is done.
pub(super) fn delete(connection: &Connection, id: PointId, mut filter: Filter) -> Result<()> {
    filter.must.push(Condition::has_id([id]));
    let request = DeletePoints {
        collection_name: connection.settings().url.recordings(),
        wait: Some(true),
        ordering: Some(one_after_the_other()),
        points: Some(filter.into()),
        ..DeletePoints::default()
    };
    connection.ask("delete from", |client| {
        let request = request.clone();
        async move { client.delete_points(request).await }
    })?;
    Ok(())
}

/// Returns a point as one that fields are read of.
pub(super) fn answer<'a>(place: &'a str, point: &'a RetrievedPoint) -> Answer<'a> {
    Answer { place, id: point.id.as_ref(), payload: &point.payload, vectors: None }
}

/// Asks for writes that all copies of a point see in the same order, so that they decide alike.
pub(super) fn one_after_the_other() -> WriteOrdering {
    WriteOrdering { r#type: WriteOrderingType::Strong.into() }
}

fn selected(fields: &[&str]) -> WithPayloadSelector {
    let fields = fields.iter().copied().map(str::to_owned).collect();
    WithPayloadSelector {
        selector_options: Some(SelectorOptions::Include(PayloadIncludeSelector { fields })),
    }
}
