//! The messages of `GenerateCaption` to and from the types of the engine.

use std::time::{Duration, Instant};

use nocturne_encoder::caption::{DecodingOptions, DecodingStrategy, FinishReason};
use nocturne_encoder::{AttentionMap, AttentionSpan, Caption};
use nocturne_engine::{EpochSignal, GenerateRequest, GeneratedPart};
use nocturne_proto::v1;
use nocturne_proto::v1::generate_caption_request::Decoding;
use nocturne_proto::v1::generate_caption_response::Part;
use nocturne_psg::caption::CaptionKind;
use nocturne_psg::montage::ChannelMask;
use nocturne_psg::night::INPUT_LEN;

use crate::messages::requests::{Parsed, caption_kinds, channel};
use crate::status::{invalid, status};

/// Bytes of a float32.
const FLOAT_BYTES: usize = size_of::<f32>();
/// Spans returned for an epoch.
const SPANS: usize = 3;

pub(crate) fn request(
    request: v1::GenerateCaptionRequest,
    deadline: Duration,
) -> Parsed<GenerateRequest> {
    let mut kinds: Vec<CaptionKind> = caption_kinds(&request.kinds)?.into_iter().collect();
    if kinds.is_empty() {
        kinds.push(CaptionKind::StageEvent);
    }
    let signal = request
        .signal
        .ok_or_else(|| Box::new(invalid("signal", "absent", "the samples of an epoch")))?;
    Ok(GenerateRequest {
        signal: epoch_signal(&signal)?,
        kinds,
        search: search(request.decoding, request.max_length),
        explain: request.explain,
        deadline: Instant::now() + deadline,
    })
}

fn epoch_signal(signal: &v1::EpochSignal) -> Parsed<EpochSignal> {
    let bytes = &signal.samples;
    if bytes.len() != INPUT_LEN * FLOAT_BYTES {
        let value = format!("{} bytes long", bytes.len());
        let expected = format!("{} bytes: {INPUT_LEN} float32 numbers", INPUT_LEN * FLOAT_BYTES);
        return Err(Box::new(invalid("signal.samples", value, &expected)));
    }
    let (floats, _) = bytes.as_chunks::<FLOAT_BYTES>();
    let samples = floats.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    let mask = if signal.channels.is_empty() {
        ChannelMask::ALL
    } else {
        let channels = signal.channels.iter().map(|name| channel("signal.channels", name));
        channels.collect::<Parsed<_>>()?
    };
    EpochSignal::new(samples, mask).map_err(|error| Box::new(status(&error)))
}

fn search(decoding: Option<Decoding>, max_length: u32) -> DecodingOptions {
    let default = DecodingOptions::default();
    let max_length = if max_length == 0 { default.max_length } else { max_length as usize };
    let strategy = match decoding {
        None => DecodingStrategy::Greedy,
        Some(Decoding::Beams(beams)) => DecodingStrategy::BeamSearch { beams: beams as usize },
        Some(Decoding::Sampling(v1::Sampling { top_k, top_p, temperature, seed })) => {
            DecodingStrategy::Sampling {
                top_k: (top_k != 0).then_some(top_k as usize),
                top_p: (top_p != 0.0).then_some(top_p),
                temperature: if temperature == 0.0 { 1.0 } else { temperature },
                seed,
            }
        }
    };
    DecodingOptions {
        strategy,
        max_length,
        min_length: default.min_length.min(max_length),
        ..default
    }
}

/// Returns the message for a part; `None` if there is nothing to send.
pub(crate) fn response(part: GeneratedPart) -> Option<v1::GenerateCaptionResponse> {
    let part = match part {
        GeneratedPart::Working => return None,
        GeneratedPart::Attention(map) => Part::Attention(attention(&map)),
        GeneratedPart::Token { kind, id, raw } => {
            Part::Token(v1::CaptionToken { kind: kind.name().to_owned(), id, raw })
        }
        GeneratedPart::Caption { kind, caption } => Part::Caption(generated(kind, caption)),
    };
    Some(v1::GenerateCaptionResponse { part: Some(part) })
}

fn attention(map: &AttentionMap) -> v1::Attention {
    let span = |AttentionSpan { channel, from_s, to_s, share }| v1::AttentionSpan {
        channel: channel.name().to_owned(),
        from_s,
        to_s,
        share,
    };
    v1::Attention {
        spans: map.spans(SPANS).into_iter().map(span).collect(),
        seconds: map.seconds(),
    }
}

fn generated(kind: CaptionKind, caption: Caption) -> v1::GeneratedCaption {
    let Caption { ids, raw, text, finish_reason } = caption;
    let end = match finish_reason {
        FinishReason::EndToken => v1::CaptionEnd::Token,
        FinishReason::MaxLength => v1::CaptionEnd::Length,
        FinishReason::Cancelled => v1::CaptionEnd::Unspecified,
    };
    v1::GeneratedCaption { kind: kind.name().to_owned(), text, raw, ids, end: end.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(request: v1::GenerateCaptionRequest, expected: &str) {
        let error = self::request(request, Duration::from_secs(1)).unwrap_err();
        assert_eq!(error.code(), tonic::Code::InvalidArgument);
        assert_eq!(error.message(), expected);
    }

    fn signal(value: f32, channels: &[&str]) -> v1::EpochSignal {
        let samples = value.to_le_bytes().repeat(INPUT_LEN);
        let channels = channels.iter().map(|name| (*name).to_owned()).collect();
        v1::EpochSignal { samples, channels }
    }

    #[test]
    fn malformed_requests_are_refused() {
        let with = |signal| v1::GenerateCaptionRequest { signal, ..Default::default() };
        check(with(None), "`signal` is absent; expected the samples of an epoch");
        check(
            with(Some(v1::EpochSignal { samples: vec![0; 76_799], channels: vec![] })),
            "`signal.samples` is 76799 bytes long; expected 76800 bytes: 19200 float32 numbers",
        );
        check(
            with(Some(signal(f32::NAN, &[]))),
            "`signal.samples` is NaN in ECG at sample 0; expected numbers from -10000 to 10000",
        );
        check(
            with(Some(signal(0.0, &["ECG"]))),
            "`signal.samples` is zero throughout; expected at least one channel with a signal",
        );
        let channels = "`ECG`, `ABD`, `THX`, `AF`, `EOG_L`, `EOG_R`, `EEG_C3_A2`, `EEG_C4_A1`, `EMG_CHIN`, `POS`";
        check(
            with(Some(signal(1.0, &["NOSE"]))),
            &format!("`signal.channels` is `NOSE`; expected some of {channels}"),
        );
        let kinds = vec!["mood".to_owned()];
        check(
            v1::GenerateCaptionRequest { kinds, ..with(Some(signal(1.0, &[]))) },
            "`kinds` is `mood`; expected some of `brain`, `heart`, `respiratory`, `position_muscle`, `stage_event`",
        );
    }

    #[test]
    fn default_is_greedy_decoding_of_stage_and_events() {
        let message =
            v1::GenerateCaptionRequest { signal: Some(signal(1.0, &[])), ..Default::default() };
        let request = request(message, Duration::from_secs(1)).unwrap();
        assert_eq!((request.search, request.explain), (DecodingOptions::default(), false));
        assert_eq!(request.kinds, [CaptionKind::StageEvent]);
    }

    #[test]
    fn sampling_with_zeros_draws_from_all_tokens() {
        let sampling = v1::Sampling { seed: 3, ..Default::default() };
        let expected =
            DecodingStrategy::Sampling { top_k: None, top_p: None, temperature: 1.0, seed: 3 };
        assert_eq!(search(Some(Decoding::Sampling(sampling)), 9).strategy, expected);
        assert_eq!(search(None, 9).min_length, 9);
    }
}
