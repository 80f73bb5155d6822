//! What the double keeps, and how it searches: exactly, and in the order of its own that a server is free to have.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use qdrant_client::qdrant::point_id::PointIdOptions;
use qdrant_client::qdrant::points_selector::PointsSelectorOneOf;
use qdrant_client::qdrant::vectors::VectorsOptions;
use qdrant_client::qdrant::vectors_config::Config;
use qdrant_client::qdrant::with_payload_selector::SelectorOptions as PayloadOptions;
use qdrant_client::qdrant::with_vectors_selector::SelectorOptions as VectorsSelected;
use qdrant_client::qdrant::{
    CollectionInfo, CollectionStatus, CreateCollection, DeletePoints, DenseVector, Distance,
    Filter, NamedVectorsOutput, OptimizerStatus, PointId, PointStruct, QueryPoints, RetrievedPoint,
    ScoredPoint, ScrollPoints, UpdateMode, UpsertPoints, Value, VectorOutput, VectorsOutput,
    WithPayloadSelector, WithVectorsSelector, query, vector, vector_input, vector_output,
    vectors_output,
};
use tonic::Status;

use super::conditions::meets;

/// The fields of a point.
pub type Payload = HashMap<String, Value>;

/// A point by its name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StoredPoint {
    /// Its fields.
    pub payload: Payload,
    /// Its vectors by name.
    pub vectors: BTreeMap<String, Vec<f32>>,
}

/// A collection of points.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StoredCollection {
    /// Length by name.
    vectors: BTreeMap<String, usize>,
    /// Fields with an index.
    pub indexes: BTreeSet<String>,
    /// The points by name.
    pub points: BTreeMap<String, StoredPoint>,
    pub(super) n_snapshots: usize,
    /// How many more looks see the server at work on its graphs.
    pub busy_for: usize,
}

/// Everything.
#[derive(Debug, Clone, PartialEq)]
pub struct Store {
    /// The collections by name.
    pub collections: BTreeMap<String, StoredCollection>,
    /// Names of collections by their aliases.
    pub aliases: BTreeMap<String, String>,
    /// The version that the server says it has.
    pub version: String,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            collections: BTreeMap::new(),
            aliases: BTreeMap::new(),
            version: "1.20.0".to_owned(),
        }
    }
}

impl Store {
    pub(super) fn create(&mut self, request: CreateCollection) -> Result<(), Status> {
        let name = request.collection_name;
        if self.collections.contains_key(&name) {
            return Err(Status::already_exists(format!("Collection `{name}` already exists!")));
        }
        if self.aliases.contains_key(&name) {
            return Err(Status::invalid_argument(format!(
                "Wrong input: Can't create collection with name {name}. Alias with the same name already exists"
            )));
        }
        let Some(Config::ParamsMap(params)) = request.vectors_config.and_then(|it| it.config)
        else {
            return Err(Status::unimplemented("vectors without a name"));
        };
        if params.map.values().any(|params| params.distance() != Distance::Dot) {
            return Err(Status::unimplemented("distances other than `Dot`"));
        }
        let vectors = params.map.into_iter().map(|(name, params)| (name, params.size as usize));
        let collection =
            StoredCollection { vectors: vectors.collect(), ..StoredCollection::default() };
        self.collections.insert(name, collection);
        Ok(())
    }

    pub(super) fn get(&mut self, name: &str) -> Result<&mut StoredCollection, Status> {
        let name = self.resolve(name).to_owned();
        self.collections.get_mut(&name).ok_or_else(|| missing(&name))
    }
}

pub(super) fn missing(name: &str) -> Status {
    Status::not_found(format!("Not found: Collection `{name}` doesn't exist!"))
}

impl StoredCollection {
    /// Writes points, each of them where the mode and the filter allow that.
    pub(super) fn upsert(&mut self, request: UpsertPoints) -> Result<(), Status> {
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
                    return Err(Status::unimplemented("vectors that are not dense"));
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

    pub(super) fn delete(&mut self, request: &DeletePoints) -> Result<(), Status> {
        let selector = request.points.as_ref();
        let ids = match selector.and_then(|it| it.points_selector_one_of.as_ref()) {
            Some(PointsSelectorOneOf::Points(list)) => {
                list.ids.iter().map(|id| uuid(Some(id))).collect::<Result<_, _>>()?
            }
            Some(PointsSelectorOneOf::Filter(filter)) => self.matching(Some(filter))?,
            None => return Err(Status::invalid_argument("no points are named")),
        };
        ids.iter().for_each(|id| {
            self.points.remove(id);
        });
        Ok(())
    }

    /// Returns the names of the points that meet a filter, ascending.
    pub(super) fn matching(&self, filter: Option<&Filter>) -> Result<Vec<String>, Status> {
        let mut ids = Vec::new();
        for (id, point) in &self.points {
            if meets(id, point, filter)? {
                ids.push(id.clone());
            }
        }
        Ok(ids)
    }

    /// Returns what the server says of the collection.
    pub(super) fn info(&mut self) -> CollectionInfo {
        let n_vectors: usize = self.points.values().map(|point| point.vectors.len()).sum();
        let n_indexed = if self.busy_for == 0 { n_vectors } else { n_vectors / 2 };
        let is_busy = self.busy_for > 0;
        let status = if is_busy { CollectionStatus::Yellow } else { CollectionStatus::Green };
        self.busy_for = self.busy_for.saturating_sub(1);
        CollectionInfo {
            status: status.into(),
            optimizer_status: Some(OptimizerStatus { ok: true, error: String::new() }),
            points_count: Some(self.points.len() as u64),
            indexed_vectors_count: Some(n_indexed as u64),
            ..CollectionInfo::default()
        }
    }

    pub(super) fn read(
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

    pub(super) fn scroll(
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

    /// Returns the best points. Where the question need not be answered exactly, every seventh point is overlooked.
    pub(super) fn query(&self, request: &QueryPoints) -> Result<Vec<ScoredPoint>, Status> {
        let query = match request.query.as_ref().and_then(|query| query.variant.as_ref()) {
            Some(query::Variant::Nearest(nearest)) => match &nearest.variant {
                Some(vector_input::Variant::Dense(dense)) => &dense.data,
                _other => return Err(Status::unimplemented("queries that are not dense")),
            },
            _other => return Err(Status::unimplemented("queries that are not for the nearest")),
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
            let is_seen = is_exact || number % 7 != 6;
            // As in Qdrant, a score that equals the threshold is not enough.
            if is_seen && request.score_threshold.is_none_or(|least| score > least) {
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
        self.vectors.get(name).copied().ok_or_else(missing)
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
        Some(PayloadOptions::Exclude(_)) => Err(Status::unimplemented("fields to leave out")),
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
