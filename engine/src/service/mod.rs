//! The gRPC service: messages in, questions to the engine, messages out.

mod convert;
mod generate;
mod health;
mod server;
mod status;

use std::sync::Arc;
use std::time::Duration;

use nocturne_encoder::PromptSet;
use nocturne_index::{Catalogue, Facet};
use nocturne_proto::v1;
use nocturne_proto::v1::nocturne_service_server::NocturneService;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use crate::{CaptionRequest, Engine, EpochRequest, NightRequest, Result};
use convert::{
    caption_kinds, epoch_ref, evidence_or_default, filter, filter_of, hits_or_default, query,
};
use status::{invalid, status};

pub use server::{ServeOptions, serve};

/// Most facets that are counted at once.
const MOST_FACETS: usize = 20;
/// Labels that wait for a client to take them.
const LABEL_QUEUE: usize = 256;
/// Parts of captions that wait for a client to take them: more than all of an answer, so that a client that reads
/// slowly holds no place.
const CAPTION_QUEUE: usize = 2048;

/// Answers over gRPC.
#[derive(Debug)]
struct Service {
    engine: Arc<Engine>,
    /// Questions that may be worked on at once; the next is refused.
    permits: Arc<Semaphore>,
    most_at_once: usize,
    /// Longest time for an answer.
    deadline: Duration,
}

type Answer<T> = std::result::Result<Response<T>, Status>;

impl Service {
    fn new(engine: Arc<Engine>, options: ServeOptions) -> Self {
        let ServeOptions { most_at_once, deadline, drain: _, look: _ } = options;
        Self { engine, permits: Arc::new(Semaphore::new(most_at_once)), most_at_once, deadline }
    }

    /// Takes a place, after the request was read whole: a client that dribbles holds none.
    fn permit(&self) -> std::result::Result<OwnedSemaphorePermit, Status> {
        Arc::clone(&self.permits).try_acquire_owned().map_err(|_| {
            let message = format!(
                "{} questions are being answered; ask again in a moment",
                self.most_at_once
            );
            Status::resource_exhausted(message)
        })
    }

    /// Puts a question to the engine on a thread that may block.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Engine) -> Result<T> + Send + 'static,
    ) -> std::result::Result<T, Status> {
        let permit = self.permit()?;
        let engine = Arc::clone(&self.engine);
        let answer = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            question(&engine)
        });
        match answer.await {
            Ok(answer) => answer.map_err(|error| status(&error)),
            Err(_) => Err(Status::internal("the server has failed; its log says how")),
        }
    }
}

#[tonic::async_trait]
impl NocturneService for Service {
    async fn search_epochs(
        &self,
        request: Request<v1::SearchEpochsRequest>,
    ) -> Answer<v1::SearchEpochsResponse> {
        let request = request.into_inner();
        let (query, filter) =
            (query(request.query).map_err(|it| *it)?, filter(request.filter).map_err(|it| *it)?);
        let v1::SearchEpochsRequest { top_k, min_score, recall, .. } = request;
        let request = EpochRequest { k: hits_or_default(top_k), filter, min_score, recall };
        let answer = self.ask(move |engine| engine.search_epochs(&query, request)).await?;
        Ok(Response::new(v1::SearchEpochsResponse {
            hits: answer.hits.into_iter().map(convert::epoch_hit).collect(),
            reading: answer.reading.map(convert::reading),
            missing: answer.missing,
            plan: answer.plan,
        }))
    }

    async fn search_nights(
        &self,
        request: Request<v1::SearchNightsRequest>,
    ) -> Answer<v1::SearchNightsResponse> {
        let request = request.into_inner();
        let request = NightRequest {
            question: request.question,
            concept: None,
            filter: filter_of(request.recordings, &request.filter).map_err(|it| *it)?,
            k: hits_or_default(request.top_k),
            evidence: evidence_or_default(request.evidence),
        };
        let answer = self.ask(move |engine| engine.search_nights(&request)).await?;
        Ok(Response::new(convert::night_answer(answer)))
    }

    type LabelEpochsStream = ReceiverStream<std::result::Result<v1::LabelEpochsResponse, Status>>;

    async fn label_epochs(
        &self,
        request: Request<v1::LabelEpochsRequest>,
    ) -> Answer<Self::LabelEpochsStream> {
        let request = request.into_inner();
        let filter = filter_of(request.recordings, &request.filter).map_err(|it| *it)?;
        let set = if request.label_set.is_empty() {
            PromptSet::stages().name.clone()
        } else {
            request.label_set
        };
        let permit = self.permit()?;
        let engine = Arc::clone(&self.engine);
        let (sender, receiver) = mpsc::channel(LABEL_QUEUE);
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            // A client that has gone away ends the work.
            let take = |labels| sender.blocking_send(Ok(convert::epoch_labels(labels))).is_ok();
            if let Err(error) = engine.label_epochs(&filter, &set, take) {
                let _ = sender.blocking_send(Err(status(&error)));
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn search_captions(
        &self,
        request: Request<v1::SearchCaptionsRequest>,
    ) -> Answer<v1::SearchCaptionsResponse> {
        let request = request.into_inner();
        let epoch = epoch_ref(request.epoch).map_err(|it| *it)?;
        let wanted = CaptionRequest {
            k: hits_or_default(request.top_k),
            kinds: caption_kinds(&request.kinds).map_err(|it| *it)?,
            other_recordings_only: request.other_recordings_only,
        };
        let hits = self.ask(move |engine| engine.search_captions(&epoch, &wanted)).await?;
        let hits = hits.into_iter().map(convert::caption_hit).collect();
        Ok(Response::new(v1::SearchCaptionsResponse { hits }))
    }

    type GenerateCaptionStream =
        ReceiverStream<std::result::Result<v1::GenerateCaptionResponse, Status>>;

    async fn generate_caption(
        &self,
        request: Request<v1::GenerateCaptionRequest>,
    ) -> Answer<Self::GenerateCaptionStream> {
        let request = generate::request(request.into_inner(), self.deadline).map_err(|it| *it)?;
        let permit = self.permit()?;
        let engine = Arc::clone(&self.engine);
        let (sender, receiver) = mpsc::channel(CAPTION_QUEUE);
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            // A client that has gone away ends the work.
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
        let id = convert::recording_id(request.into_inner().recording).map_err(|it| *it)?;
        let answer = self
            .ask(move |engine| {
                let served = engine.served()?;
                let recording = served.snapshot().recording(&id)?;
                Ok(convert::recording_details(recording.as_ref()))
            })
            .await?;
        Ok(Response::new(answer))
    }

    async fn list_recordings(
        &self,
        request: Request<v1::ListRecordingsRequest>,
    ) -> Answer<v1::ListRecordingsResponse> {
        let request = request.into_inner();
        if request.page_size > 1000 {
            return Err(invalid("page_size", request.page_size, "0 to 1000"));
        }
        let page_size = if request.page_size == 0 { 100 } else { request.page_size as usize };
        let filter = filter_of(vec![], &request.filter).map_err(|it| *it)?;
        let token = request.page_token;
        let answer = self
            .ask(move |engine| {
                let served = engine.served()?;
                let snapshot = served.snapshot();
                let catalogue = Catalogue::new(snapshot.recordings(), &filter)?;
                Ok(convert::page(&catalogue.page(page_size, &token)?))
            })
            .await?;
        Ok(Response::new(answer))
    }

    async fn get_facets(
        &self,
        request: Request<v1::GetFacetsRequest>,
    ) -> Answer<v1::GetFacetsResponse> {
        let request = request.into_inner();
        if !(1..=MOST_FACETS).contains(&request.facets.len()) {
            return Err(invalid("facets", request.facets.len(), "1 to 20 names"));
        }
        let filter = filter_of(vec![], &request.filter).map_err(|it| *it)?;
        let facets = self
            .ask(move |engine| {
                let served = engine.served()?;
                let snapshot = served.snapshot();
                let catalogue = Catalogue::new(snapshot.recordings(), &filter)?;
                let count = |name: &String| {
                    let facet = Facet::of(name, snapshot.recordings())?;
                    Ok(convert::facet(catalogue.facet(&facet)?))
                };
                request.facets.iter().map(count).collect::<Result<Vec<_>>>()
            })
            .await?;
        Ok(Response::new(v1::GetFacetsResponse { facets }))
    }

    async fn info(&self, _: Request<v1::InfoRequest>) -> Answer<v1::InfoResponse> {
        let info = self.ask(Engine::info).await?;
        let sets = [PromptSet::stages(), PromptSet::events()];
        Ok(Response::new(v1::InfoResponse {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            bundle: info.bundle,
            bundle_fingerprint: info.bundle_fingerprint,
            embedding_dim: info.embedding_dim as u32,
            provider: info.provider.to_owned(),
            recordings: info.recordings as u32,
            epochs: info.epochs as u64,
            generation: info.generation,
            label_sets: sets.iter().map(|set| set.name.clone()).collect(),
            concepts: PromptSet::events().labels.iter().map(|label| label.name.clone()).collect(),
            search: info.search.to_owned(),
            captions: info.captions,
            z_score: convert::z_score(info.z_score).to_owned(),
            space: info.space,
        }))
    }
}
