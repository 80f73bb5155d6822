//! The methods of the gRPC service: each converts its request, asks the engine and converts the answer.

use std::sync::Arc;
use std::time::Duration;

use nocturne_encoder::PromptSet;
use nocturne_engine::{Engine, Result};
use nocturne_proto::v1;
use nocturne_proto::v1::nocturne_service_server::NocturneService;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use crate::messages::{answers, generate, requests};
use crate::options::ServeOptions;
use crate::status::{FAILED, status};

/// Maximum number of labels that wait for the client; labelling pauses when the queue is full.
const LABEL_QUEUE: usize = 256;
/// Maximum number of caption parts that wait for the client: more than an answer has, so that a slow client never blocks
/// the captioner.
const CAPTION_QUEUE: usize = 2048;

/// The service.
#[derive(Debug)]
pub(crate) struct Service {
    engine: Arc<Engine>,
    /// One permit for each question in progress.
    permits: Arc<Semaphore>,
    max_concurrent: usize,
    deadline: Duration,
}

type Answer<T> = std::result::Result<Response<T>, Status>;
type Stream<T> = ReceiverStream<std::result::Result<T, Status>>;

impl Service {
    pub(crate) fn new(engine: Arc<Engine>, options: ServeOptions) -> Self {
        let ServeOptions { max_concurrent, deadline, drain: _, health_interval: _ } = options;
        Self { engine, permits: Arc::new(Semaphore::new(max_concurrent)), max_concurrent, deadline }
    }

    /// Acquires a permit. Called after the request was received, so that a client that sends slowly does not occupy one.
    fn permit(&self) -> std::result::Result<OwnedSemaphorePermit, Status> {
        Arc::clone(&self.permits).try_acquire_owned().map_err(|_| {
            let n = self.max_concurrent;
            Status::resource_exhausted(format!("{n} questions in progress; ask again in a moment"))
        })
    }

    /// Puts a question to the engine on a thread that may block.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Engine) -> Result<T> + Send + 'static,
    ) -> Answer<T> {
        let permit = self.permit()?;
        let engine = Arc::clone(&self.engine);
        let answer = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            question(&engine)
        });
        match answer.await {
            Ok(answer) => answer.map(Response::new).map_err(|error| status(&error)),
            // The thread panicked; the panic is in the log.
            Err(_) => Err(Status::internal(FAILED)),
        }
    }
}

#[tonic::async_trait]
impl NocturneService for Service {
    async fn search_epochs(
        &self,
        request: Request<v1::SearchEpochsRequest>,
    ) -> Answer<v1::SearchEpochsResponse> {
        let (query, request) =
            requests::search_epochs(request.into_inner()).map_err(|status| *status)?;
        self.ask(move |engine| engine.search_epochs(&query, request).map(answers::epoch_answer))
            .await
    }

    async fn search_nights(
        &self,
        request: Request<v1::SearchNightsRequest>,
    ) -> Answer<v1::SearchNightsResponse> {
        let request = requests::search_nights(request.into_inner()).map_err(|status| *status)?;
        self.ask(move |engine| engine.search_nights(&request).map(answers::night_answer)).await
    }

    async fn rank_nights(
        &self,
        request: Request<v1::RankNightsRequest>,
    ) -> Answer<v1::RankNightsResponse> {
        let request = requests::rank_nights(request.into_inner()).map_err(|status| *status)?;
        self.ask(move |engine| engine.rank_nights(request, |_, _| ()).map(answers::night_ranking))
            .await
    }

    type LabelEpochsStream = Stream<v1::LabelEpochsResponse>;

    async fn label_epochs(
        &self,
        request: Request<v1::LabelEpochsRequest>,
    ) -> Answer<Self::LabelEpochsStream> {
        let v1::LabelEpochsRequest { filter, mut label_set } = request.into_inner();
        let filter = requests::filter(filter).map_err(|status| *status)?;
        if label_set.is_empty() {
            label_set.clone_from(&PromptSet::stages().name);
        }
        let permit = self.permit()?;
        let engine = Arc::clone(&self.engine);
        let (sender, receiver) = mpsc::channel(LABEL_QUEUE);
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            // Sending fails once the client has gone away, which ends the labelling.
            let take = |labels| sender.blocking_send(Ok(answers::epoch_labels(labels))).is_ok();
            if let Err(error) = engine.label_epochs(&filter, &label_set, take) {
                let _ = sender.blocking_send(Err(status(&error)));
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn search_captions(
        &self,
        request: Request<v1::SearchCaptionsRequest>,
    ) -> Answer<v1::SearchCaptionsResponse> {
        let (epoch, request) =
            requests::search_captions(request.into_inner()).map_err(|status| *status)?;
        self.ask(move |engine| engine.search_captions(&epoch, &request).map(answers::captions))
            .await
    }

    type GenerateCaptionStream = Stream<v1::GenerateCaptionResponse>;

    async fn generate_caption(
        &self,
        request: Request<v1::GenerateCaptionRequest>,
    ) -> Answer<Self::GenerateCaptionStream> {
        let request = generate::request(request.into_inner(), self.deadline);
        let request = request.map_err(|status| *status)?;
        let permit = self.permit()?;
        let engine = Arc::clone(&self.engine);
        let (sender, receiver) = mpsc::channel(CAPTION_QUEUE);
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            // Sending fails once the client has gone away, which ends the generation.
            let take = |part| match generate::response(part) {
                Some(response) => sender.try_send(Ok(response)).is_ok(),
                None => !sender.is_closed(),
            };
            if let Err(error) = engine.generate_caption(request, take) {
                let _ = sender.try_send(Err(status(&error)));
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn get_recording(
        &self,
        request: Request<v1::GetRecordingRequest>,
    ) -> Answer<v1::GetRecordingResponse> {
        let id =
            requests::recording_id(request.into_inner().recording).map_err(|status| *status)?;
        self.ask(move |engine| Ok(answers::recording(&*engine.recording(&id)?))).await
    }

    async fn list_recordings(
        &self,
        request: Request<v1::ListRecordingsRequest>,
    ) -> Answer<v1::ListRecordingsResponse> {
        let v1::ListRecordingsRequest { filter, page_size, page_token } = request.into_inner();
        let page_size = requests::page_size(page_size).map_err(|status| *status)?;
        let filter = requests::filter(filter).map_err(|status| *status)?;
        self.ask(move |engine| {
            let page = engine.list_recordings(&filter, page_size, &page_token)?;
            Ok(answers::recording_page(&page))
        })
        .await
    }

    async fn get_facets(
        &self,
        request: Request<v1::GetFacetsRequest>,
    ) -> Answer<v1::GetFacetsResponse> {
        let v1::GetFacetsRequest { filter, facets } = request.into_inner();
        let facets = requests::facets(facets).map_err(|status| *status)?;
        let filter = requests::filter(filter).map_err(|status| *status)?;
        self.ask(move |engine| {
            let counts = engine.count_facets(&filter, &facets)?;
            let facets = counts.into_iter().map(answers::facet_counts).collect();
            Ok(v1::GetFacetsResponse { facets })
        })
        .await
    }

    async fn info(&self, _: Request<v1::InfoRequest>) -> Answer<v1::InfoResponse> {
        self.ask(|engine| engine.info().map(answers::info)).await
    }
}
