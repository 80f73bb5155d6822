//! Merges hits that follow each other in a recording.

use nocturne_engine::EpochHit;
use nocturne_psg::EPOCH_S;
use serde::Serialize;

/// Successive epochs of a recording that are all hits.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Bout {
    pub(super) recording: String,
    /// Number of the first epoch.
    pub(super) first_epoch: u32,
    /// Number of the last epoch.
    pub(super) last_epoch: u32,
    /// Onset of the first epoch in seconds from the start of the recording.
    pub(super) onset_s: f64,
    /// Seconds from there to the end of the last epoch.
    pub(super) duration_s: f64,
    /// The highest score of its epochs.
    pub(super) best_score: f32,
    /// Number of the epoch with that score.
    pub(super) best_epoch: u32,
}

/// Merges hits into bouts, that with the highest score first. No bout crosses a gap in the recording.
pub(super) fn bouts(hits: &[EpochHit]) -> Vec<Bout> {
    let mut ordered: Vec<&EpochHit> = hits.iter().collect();
    ordered.sort_by(|a, b| a.recording.cmp(&b.recording).then(a.epoch.cmp(&b.epoch)));
    let mut bouts: Vec<Bout> = Vec::new();
    for hit in ordered {
        match bouts.last_mut() {
            Some(bout)
                if bout.recording == hit.recording
                    && bout.last_epoch + 1 == hit.epoch
                    && (bout.onset_s + bout.duration_s - hit.onset_s).abs() < 1e-3 =>
            {
                bout.last_epoch = hit.epoch;
                bout.duration_s += EPOCH_S;
                if hit.score > bout.best_score {
                    (bout.best_score, bout.best_epoch) = (hit.score, hit.epoch);
                }
            }
            Some(_) | None => bouts.push(Bout {
                recording: hit.recording.clone(),
                first_epoch: hit.epoch,
                last_epoch: hit.epoch,
                onset_s: hit.onset_s,
                duration_s: EPOCH_S,
                best_score: hit.score,
                best_epoch: hit.epoch,
            }),
        }
    }
    bouts.sort_by(|a, b| b.best_score.total_cmp(&a.best_score));
    bouts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hit(recording: &str, epoch: u32, onset_s: f64, score: f32) -> EpochHit {
        EpochHit {
            recording: recording.to_owned(),
            epoch,
            score,
            onset_s,
            local_time: None,
            stage: None,
            events: vec![],
            channels: vec![],
        }
    }

    #[test]
    fn epochs_that_follow_each_other_are_one_bout() {
        let hits = [
            hit("a", 7, 210.0, 0.9),
            hit("b", 8, 240.0, 0.95),
            hit("a", 6, 180.0, 0.5),
            // A gap of 5 s lies before it.
            hit("a", 8, 245.0, 0.4),
        ];
        let spans =
            |bout: Bout| (bout.recording, bout.first_epoch, bout.last_epoch, bout.best_epoch);
        let found: Vec<_> = bouts(&hits).into_iter().map(spans).collect();
        let a = || "a".to_owned();
        assert_eq!(found, [("b".to_owned(), 8, 8, 8), (a(), 6, 7, 7), (a(), 8, 8, 8)]);
    }
}
