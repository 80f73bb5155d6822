//! One collection: points, conditional writes, pages and exact search.

use std::collections::{BTreeMap, BTreeSet};

use qdrant_client::qdrant::point_id::PointIdOptions;
use qdrant_client::qdrant::points_selector::PointsSelectorOneOf;
use qdrant_client::qdrant::vectors::VectorsOptions;
use qdrant_client::qdrant::with_payload_selector::SelectorOptions as PayloadOptions;
use qdrant_client::qdrant::with_vectors_selector::SelectorOptions as VectorsSelected;
use qdrant_client::qdrant::{
    CollectionInfo, CollectionStatus, DeletePoints, DenseVector, Filter, NamedVectorsOutput,
    OptimizerStatus, PointId, PointStruct, QueryPoints, RetrievedPoint, ScoredPoint, ScrollPoints,
    UpdateMode, UpsertPoints, VectorOutput, VectorsOutput, WithPayloadSelector,
    WithVectorsSelector, query, vector, vector_input, vector_output, vectors_output,
};
use tonic::Status;

use crate::filter::meets;
use crate::point::{Payload, StoredPoint};

/// A collection of points.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StoredCollection {
    /// Dimensions of the vectors by name.
    pub(crate) dims: BTreeMap<String, usize>,
    /// Payload fields that have an index.
    pub indexes: BTreeSet<String>,
    /// The points by id.
    pub points: BTreeMap<String, StoredPoint>,
    pub(crate) n_snapshots: usize,
    /// Number of status requests that are still answered `Yellow`, as if the server were building its graph.
    pub n_yellow_replies: usize,
}

impl StoredCollection {
    /// Writes the points that the update mode and the update filter allow.
    pub(crate) fn upsert(&mut self, request: UpsertPoints) -> Result<(), Status> {
        let mode = request.update_mode();
        let filter = request.update_filter.as_ref();
        for PointStruct { id, payload, vectors } in request.points {
            let id = uuid(id.as_ref())?;
            let is_allowed = match (self.points.get(&id), mode) {
                (None, mode) => mode != UpdateMode::UpdateOnly,
                (Some(_), UpdateMode::InsertOnly) => false,
                (Some(point), UpdateMode::Upsert | UpdateMode::UpdateOnly) => {
                    meets(&id, point, filter)?
                }
            };
            let Some(VectorsOptions::Vectors(vectors)) = vectors.and_then(|it| it.vectors_options)
            else {
                return Err(Status::invalid_argument("No Vector Provided"));
            };
            let mut named = BTreeMap::new();
            for (name, vector) in vectors.vectors {
                let Some(vector::Vector::Dense(DenseVector { data })) = vector.vector else {
                    return Err(Status::unimplemented("sparse vectors"));
                };
                let expected = self.dim(&name)?;
                if data.len() != expected {
                    return Err(Status::invalid_argument(format!(
                        "Vector dimension error: expected dim: {expected}, got {}",
                        data.len()
                    )));
                }
                named.insert(name, data);
            }
            if is_allowed {
                self.points.insert(id, StoredPoint { payload, vectors: named });
            }
        }
        Ok(())
    }

    pub(crate) fn delete(&mut self, request: &DeletePoints) -> Result<(), Status> {
        let selector = request.points.as_ref();
        let ids = match selector.and_then(|it| it.points_selector_one_of.as_ref()) {
            Some(PointsSelectorOneOf::Points(list)) => {
                list.ids.iter().map(|id| uuid(Some(id))).collect::<Result<_, _>>()?
            }
            Some(PointsSelectorOneOf::Filter(filter)) => self.matching(Some(filter))?,
            None => return Err(Status::invalid_argument("no points selected")),
        };
        ids.iter().for_each(|id| {
            self.points.remove(id);
        });
        Ok(())
    }

    /// Returns the ids of the points that meet a filter, ascending.
    pub(crate) fn matching(&self, filter: Option<&Filter>) -> Result<Vec<String>, Status> {
        let mut ids = Vec::new();
        for (id, point) in &self.points {
            if meets(id, point, filter)? {
                ids.push(id.clone());
            }
        }
        Ok(ids)
    }

    /// Returns the status of the collection.
    pub(crate) fn info(&mut self) -> CollectionInfo {
        let n_vectors: usize = self.points.values().map(|point| point.vectors.len()).sum();
        let n_indexed = if self.n_yellow_replies == 0 { n_vectors } else { n_vectors / 2 };
        let is_busy = self.n_yellow_replies > 0;
        let status = if is_busy { CollectionStatus::Yellow } else { CollectionStatus::Green };
        self.n_yellow_replies = self.n_yellow_replies.saturating_sub(1);
        CollectionInfo {
            status: status.into(),
            optimizer_status: Some(OptimizerStatus { ok: true, error: String::new() }),
            points_count: Some(self.points.len() as u64),
            indexed_vectors_count: Some(n_indexed as u64),
            ..CollectionInfo::default()
        }
    }

    pub(crate) fn read(
        &self,
        ids: &[PointId],
        with_payload: Option<&WithPayloadSelector>,
        with_vectors: Option<&WithVectorsSelector>,
    ) -> Result<Vec<RetrievedPoint>, Status> {
        let mut points = Vec::new();
        for id in ids {
            let Some(point) = self.points.get(&uuid(Some(id))?) else { continue };
            points.push(RetrievedPoint {
                id: Some(id.clone()),
                payload: selected(&point.payload, with_payload)?,
                vectors: vectors(point, with_vectors),
                ..RetrievedPoint::default()
            });
        }
        Ok(points)
    }

    pub(crate) fn scroll(
        &self,
        request: &ScrollPoints,
    ) -> Result<(Vec<RetrievedPoint>, Option<PointId>), Status> {
        let first = request.offset.as_ref().map(|id| uuid(Some(id))).transpose()?;
        let ids = self.matching(request.filter.as_ref())?.into_iter();
        let mut ids = ids.filter(|id| first.as_ref().is_none_or(|first| id >= first));
        let limit = request.limit.unwrap_or(10) as usize;
        let page: Vec<PointId> = ids.by_ref().take(limit).map(PointId::from).collect();
        let (payload, vectors) = (request.with_payload.as_ref(), request.with_vectors.as_ref());
        Ok((self.read(&page, payload, vectors)?, ids.next().map(PointId::from)))
    }

    /// Returns the points with the highest scores. An approximate search misses every seventh point, so that tests see that
    /// it is approximate. Equal scores come in descending order of ids, which is not the order that Nocturne returns.
    pub(crate) fn query(&self, request: &QueryPoints) -> Result<Vec<ScoredPoint>, Status> {
        let query = match request.query.as_ref().and_then(|query| query.variant.as_ref()) {
            Some(query::Variant::Nearest(nearest)) => match &nearest.variant {
                Some(vector_input::Variant::Dense(dense)) => &dense.data,
                _other => return Err(Status::unimplemented("sparse queries")),
            },
            _other => return Err(Status::unimplemented("queries other than nearest")),
        };
        let using = request.using();
        if query.len() != self.dim(using)? {
            return Err(Status::invalid_argument("Vector dimension error"));
        }
        let is_exact = request.params.as_ref().and_then(|params| params.exact) == Some(true);
        let mut scored = Vec::new();
        for (number, id) in self.matching(request.filter.as_ref())?.into_iter().enumerate() {
            let Some(vector) = self.points[&id].vectors.get(using) else { continue };
            let products = query.iter().zip(vector).map(|(a, b)| f64::from(*a) * f64::from(*b));
            let score = products.sum::<f64>() as f32;
            let is_found = is_exact || number % 7 != 6;
            // As in Qdrant, a score equal to the threshold is not enough.
            if is_found && request.score_threshold.is_none_or(|least| score > least) {
                scored.push((score, id));
            }
        }
        scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| b.1.cmp(&a.1)));
        scored.truncate(request.limit.unwrap_or(10) as usize);
        let answer = |(score, id): (f32, String)| {
            let point = &self.points[&id];
            Ok(ScoredPoint {
                payload: selected(&point.payload, request.with_payload.as_ref())?,
                vectors: vectors(point, request.with_vectors.as_ref()),
                id: Some(id.into()),
                score,
                ..ScoredPoint::default()
            })
        };
        scored.into_iter().map(answer).collect()
    }

    fn dim(&self, name: &str) -> Result<usize, Status> {
        let missing =
            || Status::invalid_argument(format!("Not existing vector name error: {name}"));
        self.dims.get(name).copied().ok_or_else(missing)
    }
}

fn uuid(id: Option<&PointId>) -> Result<String, Status> {
    match id.and_then(|id| id.point_id_options.as_ref()) {
        Some(PointIdOptions::Uuid(uuid)) if uuid.len() == 36 => Ok(uuid.clone()),
        _other => Err(Status::invalid_argument("Unable to parse UUID")),
    }
}

fn selected(payload: &Payload, selector: Option<&WithPayloadSelector>) -> Result<Payload, Status> {
    match selector.and_then(|selector| selector.selector_options.as_ref()) {
        Some(PayloadOptions::Enable(true)) => Ok(payload.clone()),
        Some(PayloadOptions::Include(include)) => {
            let fields = include.fields.iter();
            let fields = fields.filter_map(|name| payload.get_key_value(name));
            Ok(fields.map(|(name, value)| (name.clone(), value.clone())).collect())
        }
        None | Some(PayloadOptions::Enable(false)) => Ok(Payload::new()),
        Some(PayloadOptions::Exclude(_)) => Err(Status::unimplemented("excluded fields")),
    }
}

fn vectors(point: &StoredPoint, selector: Option<&WithVectorsSelector>) -> Option<VectorsOutput> {
    let names: Vec<&String> = match selector.and_then(|it| it.selector_options.as_ref()) {
        Some(VectorsSelected::Enable(true)) => point.vectors.keys().collect(),
        Some(VectorsSelected::Include(include)) => include.names.iter().collect(),
        None | Some(VectorsSelected::Enable(false)) => return None,
    };
    let output = |data: &Vec<f32>| VectorOutput {
        vector: Some(vector_output::Vector::Dense(DenseVector { data: data.clone() })),
        ..VectorOutput::default()
    };
    let vectors = names.into_iter().filter_map(|name| point.vectors.get_key_value(name));
    let vectors = vectors.map(|(name, data)| (name.clone(), output(data))).collect();
    let named = vectors_output::VectorsOptions::Vectors(NamedVectorsOutput { vectors });
    Some(VectorsOutput { vectors_options: Some(named) })
}
