//! Executes requests on the store, or fails as the test has planned.

use std::sync::{Arc, Mutex};

use qdrant_client::qdrant::{
    ChangeAliases, CollectionDescription, CollectionExists, CollectionExistsRequest,
    CollectionExistsResponse, CollectionOperationResponse, CountPoints, CountResponse, CountResult,
    CreateCollection, CreateFieldIndexCollection, CreateSnapshotRequest, CreateSnapshotResponse,
    DeleteCollection, DeletePoints, GetCollectionInfoRequest, GetCollectionInfoResponse, GetPoints,
    GetResponse, HealthCheckReply, HealthCheckRequest, ListAliasesRequest, ListAliasesResponse,
    ListCollectionAliasesRequest, ListCollectionsRequest, ListCollectionsResponse,
    PointsOperationResponse, QueryPoints, QueryResponse, ScrollPoints, ScrollResponse,
    SnapshotDescription, UpsertPoints,
};
use tonic::{Response, Status};

use crate::faults::{Execution, Fault, Faults};
use crate::store::Store;

/// The store of a server and the faults of one of its ports.
#[derive(Debug, Clone, Default)]
pub(crate) struct Engine {
    pub(crate) store: Arc<Mutex<Store>>,
    pub(crate) faults: Arc<Faults>,
    late: Arc<Mutex<Late>>,
}

/// Requests that were sent and have not arrived, in the order in which they were sent.
#[derive(Default)]
struct Late(Vec<LateRequest>);

/// Executes a request on the store; its client has given up waiting for the answer.
pub(crate) type LateRequest = Box<dyn FnOnce(&mut Store) + Send>;

impl std::fmt::Debug for Late {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} requests", self.0.len())
    }
}

impl Engine {
    /// Returns an engine over the same store.
    pub(crate) fn with_own_faults(&self) -> Self {
        Self { store: Arc::clone(&self.store), ..Self::default() }
    }

    /// Returns the requests that have not arrived, which are no longer late then.
    pub(crate) fn take_late_requests(&self) -> Vec<LateRequest> {
        std::mem::take(&mut *self.late.lock().unwrap()).0
    }

    /// Executes a call, or fails as the test has planned.
    async fn call<R, A>(
        &self,
        name: &'static str,
        request: R,
        halve: impl FnOnce(R) -> R,
        execute: impl FnOnce(&mut Store, R) -> Result<A, Status> + Send + 'static,
    ) -> Result<Response<A>, Status>
    where
        R: Send + 'static,
    {
        let fault = self.faults.next(name);
        if let Some(late @ Fault::Late) = fault {
            let execute_late = Box::new(move |store: &mut Store| {
                // The client no longer waits for the answer.
                let _ = execute(store, request);
            });
            self.late.lock().unwrap().0.push(execute_late);
            return Err(late.status().expect("a late request is answered by an error"));
        }
        let request = match fault.map_or(Execution::Whole, Fault::execution) {
            Execution::Whole => request,
            Execution::Half => halve(request),
            Execution::None => {
                return Err(fault
                    .and_then(Fault::status)
                    .expect("a request that is not executed is answered by an error"));
            }
        };
        let answer = execute(&mut self.store.lock().unwrap(), request);
        if let Some(Fault::Slow(pause)) = fault {
            tokio::time::sleep(pause).await;
        }
        match fault.and_then(Fault::status) {
            Some(status) => Err(status),
            None => answer.map(Response::new),
        }
    }

    pub(crate) async fn health(&self, request: HealthCheckRequest) -> Answer<HealthCheckReply> {
        let execute = |store: &mut Store, _| {
            let version = store.version.clone();
            Ok(HealthCheckReply { title: "qdrant double".to_owned(), version, commit: None })
        };
        self.call("health", request, |it| it, execute).await
    }

    pub(crate) async fn create(
        &self,
        request: CreateCollection,
    ) -> Answer<CollectionOperationResponse> {
        let execute = |store: &mut Store, request| {
            store.create(request)?;
            Ok(CollectionOperationResponse { result: true, time: 0.0 })
        };
        self.call("create", request, |it| it, execute).await
    }

    pub(crate) async fn delete_collection(
        &self,
        request: DeleteCollection,
    ) -> Answer<CollectionOperationResponse> {
        let execute = |store: &mut Store, request: DeleteCollection| {
            let result = store.delete_collection(&request.collection_name);
            Ok(CollectionOperationResponse { result, time: 0.0 })
        };
        self.call("delete_collection", request, |it| it, execute).await
    }

    pub(crate) async fn exists(
        &self,
        request: CollectionExistsRequest,
    ) -> Answer<CollectionExistsResponse> {
        let execute = |store: &mut Store, request: CollectionExistsRequest| {
            let exists = store.exists(&request.collection_name);
            let result = Some(CollectionExists { exists });
            Ok(CollectionExistsResponse { result, time: 0.0 })
        };
        self.call("exists", request, |it| it, execute).await
    }

    pub(crate) async fn list_collections(
        &self,
        request: ListCollectionsRequest,
    ) -> Answer<ListCollectionsResponse> {
        let execute = |store: &mut Store, _| {
            let names = store.collections.keys().cloned();
            let collections = names.map(|name| CollectionDescription { name }).collect();
            Ok(ListCollectionsResponse { collections, time: 0.0 })
        };
        self.call("collections", request, |it| it, execute).await
    }

    pub(crate) async fn change_aliases(
        &self,
        request: ChangeAliases,
    ) -> Answer<CollectionOperationResponse> {
        let halve = |mut request: ChangeAliases| {
            request.actions.truncate(request.actions.len().div_ceil(2));
            request
        };
        let execute = |store: &mut Store, request| {
            store.change_aliases(request)?;
            Ok(CollectionOperationResponse { result: true, time: 0.0 })
        };
        self.call("change_aliases", request, halve, execute).await
    }

    pub(crate) async fn aliases_of(
        &self,
        request: ListCollectionAliasesRequest,
    ) -> Answer<ListAliasesResponse> {
        let execute = |store: &mut Store, request: ListCollectionAliasesRequest| {
            let aliases = store.list_aliases(Some(&request.collection_name));
            Ok(ListAliasesResponse { aliases, time: 0.0 })
        };
        self.call("aliases", request, |it| it, execute).await
    }

    pub(crate) async fn all_aliases(
        &self,
        request: ListAliasesRequest,
    ) -> Answer<ListAliasesResponse> {
        let execute = |store: &mut Store, _| {
            Ok(ListAliasesResponse { aliases: store.list_aliases(None), time: 0.0 })
        };
        self.call("aliases", request, |it| it, execute).await
    }

    pub(crate) async fn info(
        &self,
        request: GetCollectionInfoRequest,
    ) -> Answer<GetCollectionInfoResponse> {
        let execute = |store: &mut Store, request: GetCollectionInfoRequest| {
            let result = Some(store.get(&request.collection_name)?.info());
            Ok(GetCollectionInfoResponse { result, time: 0.0 })
        };
        self.call("info", request, |it| it, execute).await
    }

    pub(crate) async fn upsert_points(
        &self,
        request: UpsertPoints,
    ) -> Answer<PointsOperationResponse> {
        let halve = |mut request: UpsertPoints| {
            request.points.truncate(request.points.len().div_ceil(2));
            request
        };
        let execute = |store: &mut Store, request: UpsertPoints| {
            store.get(&request.collection_name)?.upsert(request)?;
            Ok(PointsOperationResponse::default())
        };
        self.call("upsert", request, halve, execute).await
    }

    pub(crate) async fn delete_points(
        &self,
        request: DeletePoints,
    ) -> Answer<PointsOperationResponse> {
        let execute = |store: &mut Store, request: DeletePoints| {
            store.get(&request.collection_name)?.delete(&request)?;
            Ok(PointsOperationResponse::default())
        };
        self.call("delete", request, |it| it, execute).await
    }

    pub(crate) async fn index_field(
        &self,
        request: CreateFieldIndexCollection,
    ) -> Answer<PointsOperationResponse> {
        let execute = |store: &mut Store, request: CreateFieldIndexCollection| {
            store.get(&request.collection_name)?.indexes.insert(request.field_name);
            Ok(PointsOperationResponse::default())
        };
        self.call("index", request, |it| it, execute).await
    }

    pub(crate) async fn get_points(&self, request: GetPoints) -> Answer<GetResponse> {
        let execute = |store: &mut Store, request: GetPoints| {
            let (payload, vectors) = (request.with_payload.as_ref(), request.with_vectors.as_ref());
            let collection = store.get(&request.collection_name)?;
            let result = collection.read(&request.ids, payload, vectors)?;
            Ok(GetResponse { result, ..GetResponse::default() })
        };
        self.call("get", request, |it| it, execute).await
    }

    pub(crate) async fn scroll_points(&self, request: ScrollPoints) -> Answer<ScrollResponse> {
        let execute = |store: &mut Store, request: ScrollPoints| {
            let collection = store.get(&request.collection_name)?;
            let (result, next_page_offset) = collection.scroll(&request)?;
            Ok(ScrollResponse { next_page_offset, result, ..ScrollResponse::default() })
        };
        self.call("scroll", request, |it| it, execute).await
    }

    pub(crate) async fn count_points(&self, request: CountPoints) -> Answer<CountResponse> {
        let execute = |store: &mut Store, request: CountPoints| {
            let collection = store.get(&request.collection_name)?;
            let count = collection.matching(request.filter.as_ref())?.len() as u64;
            Ok(CountResponse { result: Some(CountResult { count }), ..CountResponse::default() })
        };
        self.call("count", request, |it| it, execute).await
    }

    pub(crate) async fn create_snapshot(
        &self,
        request: CreateSnapshotRequest,
    ) -> Answer<CreateSnapshotResponse> {
        let execute = |store: &mut Store, request: CreateSnapshotRequest| {
            let collection = store.get(&request.collection_name)?;
            collection.n_snapshots += 1;
            let snapshot_description = Some(SnapshotDescription {
                name: format!("{}-{}.snapshot", request.collection_name, collection.n_snapshots),
                creation_time: None,
                size: collection.points.len() as i64,
                checksum: Some(format!("{:064x}", collection.points.len())),
            });
            Ok(CreateSnapshotResponse { snapshot_description, time: 0.0 })
        };
        self.call("snapshot", request, |it| it, execute).await
    }

    pub(crate) async fn query_points(&self, request: QueryPoints) -> Answer<QueryResponse> {
        let execute = |store: &mut Store, request: QueryPoints| {
            let result = store.get(&request.collection_name)?.query(&request)?;
            Ok(QueryResponse { result, ..QueryResponse::default() })
        };
        self.call("query", request, |it| it, execute).await
    }
}

/// The reply to a request.
pub(crate) type Answer<A> = Result<Response<A>, Status>;
