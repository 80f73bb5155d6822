//! A double of Qdrant for tests: the services that its client speaks to, on a socket of this machine, with a small engine
//! inside that can fail at a call of one's choice.
//!
//! It comes with the feature `double`, so that tests of other packages can ask it.

#![expect(clippy::unwrap_used, reason = "a helper of tests may fail them")]

mod aliases;
mod conditions;
mod faults;
mod store;

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use qdrant_client::qdrant::collections_server::{Collections, CollectionsServer};
use qdrant_client::qdrant::points_server::{Points, PointsServer};
use qdrant_client::qdrant::qdrant_server::{Qdrant, QdrantServer};
use qdrant_client::qdrant::snapshots_server::{Snapshots, SnapshotsServer};
use qdrant_client::qdrant::{
    ChangeAliases, ClearPayloadPoints, CollectionClusterInfoRequest, CollectionClusterInfoResponse,
    CollectionDescription, CollectionExists, CollectionExistsRequest, CollectionExistsResponse,
    CollectionOperationResponse, CountPoints, CountResponse, CountResult, CreateCollection,
    CreateFieldIndexCollection, CreateFullSnapshotRequest, CreateShardKeyRequest,
    CreateShardKeyResponse, CreateSnapshotRequest, CreateSnapshotResponse, CreateVectorNameRequest,
    DeleteCollection, DeleteFieldIndexCollection, DeleteFullSnapshotRequest, DeletePayloadPoints,
    DeletePointVectors, DeletePoints, DeleteShardKeyRequest, DeleteShardKeyResponse,
    DeleteSnapshotRequest, DeleteSnapshotResponse, DeleteVectorNameRequest, DiscoverBatchPoints,
    DiscoverBatchResponse, DiscoverPoints, DiscoverResponse, FacetCounts, FacetResponse,
    GetCollectionInfoRequest, GetCollectionInfoResponse, GetPoints, GetResponse, HealthCheckReply,
    HealthCheckRequest, ListAliasesRequest, ListAliasesResponse, ListCollectionAliasesRequest,
    ListCollectionsRequest, ListCollectionsResponse, ListFullSnapshotsRequest,
    ListShardKeysRequest, ListShardKeysResponse, ListSnapshotsRequest, ListSnapshotsResponse,
    PointsOperationResponse, QueryBatchPoints, QueryBatchResponse, QueryGroupsResponse,
    QueryPointGroups, QueryPoints, QueryResponse, RecommendBatchPoints, RecommendBatchResponse,
    RecommendGroupsResponse, RecommendPointGroups, RecommendPoints, RecommendResponse,
    ScrollPoints, ScrollResponse, SearchBatchPoints, SearchBatchResponse, SearchGroupsResponse,
    SearchMatrixOffsetsResponse, SearchMatrixPairsResponse, SearchMatrixPoints, SearchPointGroups,
    SearchPoints, SearchResponse, SetPayloadPoints, SnapshotDescription, UpdateBatchPoints,
    UpdateBatchResponse, UpdateCollection, UpdateCollectionClusterSetupRequest,
    UpdateCollectionClusterSetupResponse, UpdatePointVectors, UpsertPoints,
};
use tokio::sync::oneshot;
use tonic::transport::server::{Server, TcpIncoming};
use tonic::{Request, Response, Status};

use faults::Extent;

pub use faults::{Fault, Faults, When};
pub use store::{Payload, Store, StoredCollection, StoredPoint};

/// A server that lives until it is dropped.
#[derive(Debug)]
pub struct Double {
    port: u16,
    engine: Engine,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Double {
    /// Starts one on a free port.
    pub fn start() -> Self {
        Self::of(Engine::default())
    }

    /// Opens another door to the same server, on a free port: it keeps the same, and fails by a plan of its own.
    pub fn another_door(&self) -> Self {
        let store = Arc::clone(&self.engine.store);
        Self::of(Engine { store, ..Engine::default() })
    }

    fn of(engine: Engine) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let incoming = {
            let _context = runtime.enter();
            TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap()
        };
        let port = incoming.local_addr().unwrap().port();
        let (stop, stopped) = oneshot::channel::<()>();
        let points = PointsServer::new(engine.clone()).max_decoding_message_size(64 << 20);
        let server = Server::builder()
            .add_service(CollectionsServer::new(engine.clone()))
            .add_service(SnapshotsServer::new(engine.clone()))
            .add_service(QdrantServer::new(engine.clone()))
            .add_service(points);
        let thread = std::thread::spawn(move || {
            let stopped = async {
                // A sender that is dropped means the same as one that sends.
                let _ = stopped.await;
            };
            let serve = async {
                tokio::select! {
                    served = server.serve_with_incoming(incoming) => served.unwrap(),
                    () = stopped => {}
                }
            };
            runtime.block_on(serve);
        });
        Self { port, engine, stop: Some(stop), thread: Some(thread) }
    }

    /// Returns the address of a collection.
    pub fn url(&self, collection: &str) -> String {
        format!("qdrant://127.0.0.1:{}/{collection}", self.port)
    }

    /// Returns which calls fail.
    pub fn faults(&self) -> &Faults {
        &self.engine.faults
    }

    /// Carries out the requests that were late, and returns how many there were.
    pub fn deliver(&self) -> usize {
        let late = std::mem::take(&mut *self.engine.late.lock().unwrap()).0;
        let n = late.len();
        let mut store = self.engine.store.lock().unwrap();
        late.into_iter().for_each(|arrive| arrive(&mut store));
        n
    }

    /// Returns a copy of all that it keeps.
    pub fn store(&self) -> Store {
        self.engine.store.lock().unwrap().clone()
    }

    /// Changes what it keeps behind the client's back.
    pub fn tamper(&self, change: impl FnOnce(&mut Store)) {
        change(&mut self.engine.store.lock().unwrap());
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the double has panicked");
        }
    }
}

#[derive(Debug, Clone, Default)]
struct Engine {
    store: Arc<Mutex<Store>>,
    faults: Arc<Faults>,
    late: Arc<Mutex<Late>>,
}

/// Requests on their way, in the order in which they were sent.
#[derive(Default)]
struct Late(Vec<Arrival>);

type Arrival = Box<dyn FnOnce(&mut Store) + Send>;

impl std::fmt::Debug for Late {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} requests", self.0.len())
    }
}

impl Engine {
    /// Carries out a call, or fails as the test has planned.
    async fn call<R, A>(
        &self,
        name: &'static str,
        request: R,
        halve: impl FnOnce(R) -> R,
        carry_out: impl FnOnce(&mut Store, R) -> Result<A, Status> + Send + 'static,
    ) -> Result<Response<A>, Status>
    where
        R: Send + 'static,
    {
        let fault = self.faults.next(name);
        if let Some(late @ Fault::Late) = fault {
            let arrive = Box::new(move |store: &mut Store| {
                // Nobody waits for the answer any more.
                let _ = carry_out(store, request);
            });
            self.late.lock().unwrap().0.push(arrive);
            return Err(late.status().expect("a request on its way is not answered"));
        }
        let request = match fault.map_or(Extent::All, Fault::extent) {
            Extent::All => request,
            Extent::Half => halve(request),
            Extent::Nothing => {
                return Err(fault.and_then(Fault::status).expect("nothing is done, and said so"));
            }
        };
        let answer = carry_out(&mut self.store.lock().unwrap(), request);
        if let Some(Fault::Slow(pause)) = fault {
            tokio::time::sleep(pause).await;
        }
        match fault.and_then(Fault::status) {
            Some(status) => Err(status),
            None => answer.map(Response::new),
        }
    }

    async fn health(&self, request: HealthCheckRequest) -> Answer<HealthCheckReply> {
        let carry_out = |store: &mut Store, _| {
            let version = store.version.clone();
            Ok(HealthCheckReply { title: "a double".to_owned(), version, commit: None })
        };
        self.call("health", request, |it| it, carry_out).await
    }

    async fn create(&self, request: CreateCollection) -> Answer<CollectionOperationResponse> {
        let carry_out = |store: &mut Store, request| {
            store.create(request)?;
            Ok(CollectionOperationResponse { result: true, time: 0.0 })
        };
        self.call("create", request, |it| it, carry_out).await
    }

    async fn delete_collection(
        &self,
        request: DeleteCollection,
    ) -> Answer<CollectionOperationResponse> {
        let carry_out = |store: &mut Store, request: DeleteCollection| {
            let result = store.delete_collection(&request.collection_name);
            Ok(CollectionOperationResponse { result, time: 0.0 })
        };
        self.call("delete_collection", request, |it| it, carry_out).await
    }

    async fn exists(&self, request: CollectionExistsRequest) -> Answer<CollectionExistsResponse> {
        let carry_out = |store: &mut Store, request: CollectionExistsRequest| {
            let exists = store.exists(&request.collection_name);
            let result = Some(CollectionExists { exists });
            Ok(CollectionExistsResponse { result, time: 0.0 })
        };
        self.call("exists", request, |it| it, carry_out).await
    }

    async fn list_collections(
        &self,
        request: ListCollectionsRequest,
    ) -> Answer<ListCollectionsResponse> {
        let carry_out = |store: &mut Store, _| {
            let names = store.collections.keys().cloned();
            let collections = names.map(|name| CollectionDescription { name }).collect();
            Ok(ListCollectionsResponse { collections, time: 0.0 })
        };
        self.call("collections", request, |it| it, carry_out).await
    }

    async fn change_aliases(&self, request: ChangeAliases) -> Answer<CollectionOperationResponse> {
        let halve = |mut request: ChangeAliases| {
            request.actions.truncate(request.actions.len().div_ceil(2));
            request
        };
        let carry_out = |store: &mut Store, request| {
            store.change_aliases(request)?;
            Ok(CollectionOperationResponse { result: true, time: 0.0 })
        };
        self.call("change_aliases", request, halve, carry_out).await
    }

    async fn aliases_of(
        &self,
        request: ListCollectionAliasesRequest,
    ) -> Answer<ListAliasesResponse> {
        let carry_out = |store: &mut Store, request: ListCollectionAliasesRequest| {
            let aliases = store.list_aliases(Some(&request.collection_name));
            Ok(ListAliasesResponse { aliases, time: 0.0 })
        };
        self.call("aliases", request, |it| it, carry_out).await
    }

    async fn all_aliases(&self, request: ListAliasesRequest) -> Answer<ListAliasesResponse> {
        let carry_out = |store: &mut Store, _| {
            Ok(ListAliasesResponse { aliases: store.list_aliases(None), time: 0.0 })
        };
        self.call("aliases", request, |it| it, carry_out).await
    }

    async fn info(&self, request: GetCollectionInfoRequest) -> Answer<GetCollectionInfoResponse> {
        let carry_out = |store: &mut Store, request: GetCollectionInfoRequest| {
            let result = Some(store.get(&request.collection_name)?.info());
            Ok(GetCollectionInfoResponse { result, time: 0.0 })
        };
        self.call("info", request, |it| it, carry_out).await
    }

    async fn upsert_points(&self, request: UpsertPoints) -> Answer<PointsOperationResponse> {
        let halve = |mut request: UpsertPoints| {
            request.points.truncate(request.points.len().div_ceil(2));
            request
        };
        let carry_out = |store: &mut Store, request: UpsertPoints| {
            store.get(&request.collection_name)?.upsert(request)?;
            Ok(PointsOperationResponse::default())
        };
        self.call("upsert", request, halve, carry_out).await
    }

    async fn delete_points(&self, request: DeletePoints) -> Answer<PointsOperationResponse> {
        let carry_out = |store: &mut Store, request: DeletePoints| {
            store.get(&request.collection_name)?.delete(&request)?;
            Ok(PointsOperationResponse::default())
        };
        self.call("delete", request, |it| it, carry_out).await
    }

    async fn index_field(
        &self,
        request: CreateFieldIndexCollection,
    ) -> Answer<PointsOperationResponse> {
        let carry_out = |store: &mut Store, request: CreateFieldIndexCollection| {
            store.get(&request.collection_name)?.indexes.insert(request.field_name);
            Ok(PointsOperationResponse::default())
        };
        self.call("index", request, |it| it, carry_out).await
    }

    async fn get_points(&self, request: GetPoints) -> Answer<GetResponse> {
        let carry_out = |store: &mut Store, request: GetPoints| {
            let (payload, vectors) = (request.with_payload.as_ref(), request.with_vectors.as_ref());
            let collection = store.get(&request.collection_name)?;
            let result = collection.read(&request.ids, payload, vectors)?;
            Ok(GetResponse { result, ..GetResponse::default() })
        };
        self.call("get", request, |it| it, carry_out).await
    }

    async fn scroll_points(&self, request: ScrollPoints) -> Answer<ScrollResponse> {
        let carry_out = |store: &mut Store, request: ScrollPoints| {
            let collection = store.get(&request.collection_name)?;
            let (result, next_page_offset) = collection.scroll(&request)?;
            Ok(ScrollResponse { next_page_offset, result, ..ScrollResponse::default() })
        };
        self.call("scroll", request, |it| it, carry_out).await
    }

    async fn count_points(&self, request: CountPoints) -> Answer<CountResponse> {
        let carry_out = |store: &mut Store, request: CountPoints| {
            let collection = store.get(&request.collection_name)?;
            let count = collection.matching(request.filter.as_ref())?.len() as u64;
            Ok(CountResponse { result: Some(CountResult { count }), ..CountResponse::default() })
        };
        self.call("count", request, |it| it, carry_out).await
    }

    async fn create_snapshot(
        &self,
        request: CreateSnapshotRequest,
    ) -> Answer<CreateSnapshotResponse> {
        let carry_out = |store: &mut Store, request: CreateSnapshotRequest| {
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
        self.call("snapshot", request, |it| it, carry_out).await
    }

    async fn query_points(&self, request: QueryPoints) -> Answer<QueryResponse> {
        let carry_out = |store: &mut Store, request: QueryPoints| {
            let result = store.get(&request.collection_name)?.query(&request)?;
            Ok(QueryResponse { result, ..QueryResponse::default() })
        };
        self.call("query", request, |it| it, carry_out).await
    }
}

type Answer<A> = Result<Response<A>, Status>;

/// Writes the methods of a service: those that the engine has, and for the others that it has none.
macro_rules! calls {
    ($($name:ident($request:ty) -> $answer:ty $(= $method:ident)?;)*) => {$(
        fn $name<'a, 'f>(
            &'a self,
            request: Request<$request>,
        ) -> Pin<Box<dyn Future<Output = Answer<$answer>> + Send + 'f>>
        where
            'a: 'f,
            Self: 'f,
        {
            calls!(@body self, request, $name $(, $method)?)
        }
    )*};
    (@body $engine:ident, $request:ident, $name:ident, $method:ident) => {
        Box::pin(async move { $engine.$method($request.into_inner()).await })
    };
    (@body $engine:ident, $request:ident, $name:ident) => {{
        drop($request);
        Box::pin(async { Err(Status::unimplemented(stringify!($name))) })
    }};
}

impl Collections for Engine {
    calls! {
        get(GetCollectionInfoRequest) -> GetCollectionInfoResponse = info;
        list(ListCollectionsRequest) -> ListCollectionsResponse = list_collections;
        create(CreateCollection) -> CollectionOperationResponse = create;
        update(UpdateCollection) -> CollectionOperationResponse;
        delete(DeleteCollection) -> CollectionOperationResponse = delete_collection;
        update_aliases(ChangeAliases) -> CollectionOperationResponse = change_aliases;
        list_collection_aliases(ListCollectionAliasesRequest) -> ListAliasesResponse = aliases_of;
        list_aliases(ListAliasesRequest) -> ListAliasesResponse = all_aliases;
        collection_cluster_info(CollectionClusterInfoRequest) -> CollectionClusterInfoResponse;
        collection_exists(CollectionExistsRequest) -> CollectionExistsResponse = exists;
        update_collection_cluster_setup(UpdateCollectionClusterSetupRequest)
            -> UpdateCollectionClusterSetupResponse;
        create_shard_key(CreateShardKeyRequest) -> CreateShardKeyResponse;
        delete_shard_key(DeleteShardKeyRequest) -> DeleteShardKeyResponse;
        list_shard_keys(ListShardKeysRequest) -> ListShardKeysResponse;
    }
}

impl Points for Engine {
    calls! {
        upsert(UpsertPoints) -> PointsOperationResponse = upsert_points;
        delete(DeletePoints) -> PointsOperationResponse = delete_points;
        get(GetPoints) -> GetResponse = get_points;
        update_vectors(UpdatePointVectors) -> PointsOperationResponse;
        delete_vectors(DeletePointVectors) -> PointsOperationResponse;
        set_payload(SetPayloadPoints) -> PointsOperationResponse;
        overwrite_payload(SetPayloadPoints) -> PointsOperationResponse;
        delete_payload(DeletePayloadPoints) -> PointsOperationResponse;
        clear_payload(ClearPayloadPoints) -> PointsOperationResponse;
        create_field_index(CreateFieldIndexCollection) -> PointsOperationResponse = index_field;
        delete_field_index(DeleteFieldIndexCollection) -> PointsOperationResponse;
        create_vector_name(CreateVectorNameRequest) -> PointsOperationResponse;
        delete_vector_name(DeleteVectorNameRequest) -> PointsOperationResponse;
        search(SearchPoints) -> SearchResponse;
        search_batch(SearchBatchPoints) -> SearchBatchResponse;
        search_groups(SearchPointGroups) -> SearchGroupsResponse;
        scroll(ScrollPoints) -> ScrollResponse = scroll_points;
        recommend(RecommendPoints) -> RecommendResponse;
        recommend_batch(RecommendBatchPoints) -> RecommendBatchResponse;
        recommend_groups(RecommendPointGroups) -> RecommendGroupsResponse;
        discover(DiscoverPoints) -> DiscoverResponse;
        discover_batch(DiscoverBatchPoints) -> DiscoverBatchResponse;
        count(CountPoints) -> CountResponse = count_points;
        update_batch(UpdateBatchPoints) -> UpdateBatchResponse;
        query(QueryPoints) -> QueryResponse = query_points;
        query_batch(QueryBatchPoints) -> QueryBatchResponse;
        query_groups(QueryPointGroups) -> QueryGroupsResponse;
        facet(FacetCounts) -> FacetResponse;
        search_matrix_pairs(SearchMatrixPoints) -> SearchMatrixPairsResponse;
        search_matrix_offsets(SearchMatrixPoints) -> SearchMatrixOffsetsResponse;
    }
}

impl Qdrant for Engine {
    calls! {
        health_check(HealthCheckRequest) -> HealthCheckReply = health;
    }
}

impl Snapshots for Engine {
    calls! {
        create(CreateSnapshotRequest) -> CreateSnapshotResponse = create_snapshot;
        list(ListSnapshotsRequest) -> ListSnapshotsResponse;
        delete(DeleteSnapshotRequest) -> DeleteSnapshotResponse;
        create_full(CreateFullSnapshotRequest) -> CreateSnapshotResponse;
        list_full(ListFullSnapshotsRequest) -> ListSnapshotsResponse;
        delete_full(DeleteFullSnapshotRequest) -> DeleteSnapshotResponse;
    }
}
