//! The behaviour of aliases on a server, which the double must share.

use nocturne_qdrant_double::QdrantDouble;
use qdrant_client::qdrant::{
    CreateAliasBuilder, CreateCollectionBuilder, PointId, PointStruct, UpsertPointsBuilder,
    VectorParamsMap, VectorsConfig, vectors_config::Config,
};
use qdrant_client::{Qdrant, QdrantError};
use tokio::runtime::{Builder, Runtime};
use tonic::Code;

/// A server, called through the Qdrant client directly.
struct RawServer {
    client: Qdrant,
    runtime: Runtime,
}

impl RawServer {
    fn create(&self, collection: &str) -> Result<(), Code> {
        let params = Config::ParamsMap(VectorParamsMap::default());
        let request = CreateCollectionBuilder::new(collection)
            .vectors_config(VectorsConfig { config: Some(params) });
        self.run(self.client.create_collection(request)).map(|_| ())
    }

    fn alias(&self, alias: &str, collection: &str) -> Result<(), Code> {
        self.run(self.client.create_alias(CreateAliasBuilder::new(collection, alias))).map(|_| ())
    }

    fn delete(&self, collection: &str) -> Result<bool, Code> {
        self.run(self.client.delete_collection(collection)).map(|answer| answer.result)
    }

    fn exists(&self, name: &str) -> bool {
        self.run(self.client.collection_exists(name)).unwrap()
    }

    fn aliases_of(&self, collection: &str) -> Vec<String> {
        let listed = self.run(self.client.list_collection_aliases(collection)).unwrap();
        let mut names: Vec<String> = listed.aliases.into_iter().map(|it| it.alias_name).collect();
        names.sort();
        names
    }

    fn put(&self, collection: &str, note: &str) -> Result<(), Code> {
        let id = PointId::from("aac6d701-3a3a-5030-907f-30f9deda5c1e");
        let vectors = std::collections::HashMap::<String, Vec<f32>>::new();
        let point = PointStruct::new(id, vectors, [("note", note.into())]);
        let request = UpsertPointsBuilder::new(collection, vec![point]).wait(true);
        self.run(self.client.upsert_points(request)).map(|_| ())
    }

    fn n_points(&self, collection: &str) -> Result<u64, Code> {
        let request = qdrant_client::qdrant::CountPointsBuilder::new(collection).exact(true);
        let counted = self.run(self.client.count(request))?;
        Ok(counted.result.unwrap().count)
    }

    fn run<T>(&self, task: impl Future<Output = Result<T, QdrantError>>) -> Result<T, Code> {
        self.runtime.block_on(task).map_err(|error| {
            let QdrantError::ResponseError { status } = error else { panic!("{error}") };
            status.code()
        })
    }
}

/// Checks the behaviour that we rely on, with collections whose names start with `name`, and deletes them.
pub(super) fn check(server: &str, api_key: Option<&str>, name: &str) {
    let client = Qdrant::from_url(server).skip_compatibility_check();
    let client = client.api_key(api_key).build().unwrap();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let server = RawServer { client, runtime };
    let [a, b, served] =
        ["@a-recordings", "@b-recordings", "@served"].map(|it| format!("{name}{it}"));
    server.create(&a).unwrap();
    server.create(&b).unwrap();
    assert!(!server.exists(&served));
    assert_eq!(server.n_points(&served), Err(Code::NotFound));
    // An existing alias is moved, and points are read and written through it.
    server.alias(&served, &a).unwrap();
    server.put(&served, "a").unwrap();
    assert_eq!((server.n_points(&a), server.n_points(&b)), (Ok(1), Ok(0)));
    server.alias(&served, &b).unwrap();
    assert_eq!(server.n_points(&served), Ok(0));
    assert_eq!((server.aliases_of(&a), server.aliases_of(&b)), (vec![], vec![served.clone()]));
    assert!(server.exists(&served));
    // Rejected: an alias of an alias, of an unknown collection, or with the name of a collection; and a collection with
    // the name of an alias.
    assert_eq!(server.alias("another", &served), Err(Code::NotFound));
    assert_eq!(server.alias(&served, &format!("{name}@nothing")), Err(Code::NotFound));
    assert_eq!(server.alias(&a, &b), Err(Code::AlreadyExists));
    assert_eq!(server.create(&served), Err(Code::InvalidArgument));
    assert_eq!(server.aliases_of(&b), [served.as_str()]);
    // A collection is deleted only by its own name, and its aliases with it.
    assert_eq!((server.delete(&served), server.delete("nothing")), (Ok(false), Ok(false)));
    assert_eq!(server.delete(&b), Ok(true));
    assert!(!server.exists(&served) && server.exists(&a));
    assert_eq!(server.delete(&a), Ok(true));
}

#[test]
fn aliases_of_the_double_behave_as_those_of_a_server() {
    let double = QdrantDouble::start();
    check(&double.url("").replacen("qdrant", "http", 1), None, "sleep");
    assert!(double.store().collections.is_empty() && double.store().aliases.is_empty());
}
