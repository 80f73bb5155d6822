//! The server: starts on a free port and stops when it is dropped.

use std::thread::JoinHandle;

use qdrant_client::qdrant::collections_server::CollectionsServer;
use qdrant_client::qdrant::points_server::PointsServer;
use qdrant_client::qdrant::qdrant_server::QdrantServer;
use qdrant_client::qdrant::snapshots_server::SnapshotsServer;
use tokio::sync::oneshot;
use tonic::transport::server::{Server, TcpIncoming};

use crate::engine::Engine;
use crate::faults::Faults;
use crate::store::Store;

/// Largest request in bytes. The default of tonic, 4 MiB, is less than a batch of wide vectors.
const MAX_REQUEST_BYTES: usize = 64 << 20;

/// A Qdrant server that lives until it is dropped.
#[derive(Debug)]
pub struct QdrantDouble {
    port: u16,
    engine: Engine,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl QdrantDouble {
    /// Starts an empty server on a free port.
    pub fn start() -> Self {
        Self::serve(Engine::default())
    }

    /// Opens a second port to the same data, with faults of its own: one client fails while the others do not.
    pub fn second_port(&self) -> Self {
        Self::serve(self.engine.with_own_faults())
    }

    fn serve(engine: Engine) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let incoming = {
            let _context = runtime.enter();
            TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap().with_nodelay(Some(true))
        };
        let port = incoming.local_addr().unwrap().port();
        let (stop, stopped) = oneshot::channel::<()>();
        let points = PointsServer::new(engine.clone()).max_decoding_message_size(MAX_REQUEST_BYTES);
        let server = Server::builder()
            .add_service(CollectionsServer::new(engine.clone()))
            .add_service(SnapshotsServer::new(engine.clone()))
            .add_service(QdrantServer::new(engine.clone()))
            .add_service(points);
        let thread = std::thread::spawn(move || {
            let stopped = async {
                // Dropping the sender stops the server too, so an error means the same as a message.
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

    /// Returns the address of a collection, `qdrant://127.0.0.1:PORT/COLLECTION`.
    pub fn url(&self, collection: &str) -> String {
        format!("qdrant://127.0.0.1:{}/{collection}", self.port)
    }

    /// Returns the faults of this port.
    pub fn faults(&self) -> &Faults {
        &self.engine.faults
    }

    /// Executes the requests that [`Fault::Late`](crate::Fault::Late) held back, in the order in which they were sent,
    /// and returns how many there were.
    pub fn deliver_late_requests(&self) -> usize {
        let late = self.engine.take_late_requests();
        let n = late.len();
        let mut store = self.engine.store.lock().unwrap();
        late.into_iter().for_each(|execute| execute(&mut store));
        n
    }

    /// Returns a copy of everything that the server stores.
    pub fn store(&self) -> Store {
        self.engine.store.lock().unwrap().clone()
    }

    /// Changes the stored data directly, without a request.
    pub fn tamper(&self, change: impl FnOnce(&mut Store)) {
        change(&mut self.engine.store.lock().unwrap());
    }
}

impl Drop for QdrantDouble {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the Qdrant double panicked");
        }
    }
}
