//! Which nights are scored epoch by epoch: all of them, or, in a large collection in Qdrant, those with the best
//! sketches.

use std::collections::BTreeSet;
use std::f64::consts::SQRT_2;

use nocturne_index::{Filter, RecordingEntry, SketchedCluster};
use nocturne_psg::{RecordingId, Stage};

use crate::error::Result;
use crate::live::snapshot::Snapshot;
use crate::question::nights::concept_query::{ConceptQuery, UNCALIBRATED_SHARE};

/// Minimum number of candidates for each night of the answer, however long they are.
const CANDIDATES_PER_HIT: usize = 4;

/// The nights that are scored, and how they were chosen.
#[derive(Debug, PartialEq)]
pub(super) struct CandidateNights {
    /// `None` if every night that the filter allows is scored.
    pub(super) nights: Option<BTreeSet<RecordingId>>,
    /// The plan, as it is reported with the answer.
    pub(super) plan: String,
    /// A limit of the answer to keep in mind.
    pub(super) caution: Option<String>,
}

impl CandidateNights {
    /// Chooses candidates for the best `k` nights. If it chooses some only, it sets the threshold of words that are not a
    /// known concept.
    pub(super) fn choose(
        snapshot: &Snapshot,
        query: &mut ConceptQuery,
        filter: &Filter,
        k: usize,
    ) -> Result<Self> {
        let Some(most_epochs) = snapshot.full_scan_limit() else { return Ok(Self::all("scan")) };
        let entries = snapshot.entries().into_iter();
        let allowed: Vec<_> = entries.filter(|entry| filter.may_allow(entry)).collect();
        let n_epochs = |entries: &[&RecordingEntry]| -> usize {
            entries.iter().map(|entry| entry.n_epochs).sum()
        };
        let pass = || Self::all("qdrant pass");
        if n_epochs(&allowed) <= most_epochs {
            return Ok(pass());
        }
        let sketches = snapshot.sketches(&query.margins.direction(), &allowed)?;
        let (sketched, plain): (Vec<_>, Vec<_>) =
            allowed.iter().copied().partition(|entry| sketches.contains_key(&entry.id));
        if sketched.is_empty() {
            let caution = "every epoch was scored: the nights have no sketches to choose candidates by; \
                           copying the collection to Qdrant builds them";
            return Ok(Self { caution: Some(caution.to_owned()), ..pass() });
        }
        let estimate = SketchEstimate::of(query, sketches.values());
        let mut ranked: Vec<(f64, &RecordingEntry)> =
            sketched.iter().map(|entry| (estimate.share(&sketches[&entry.id]), *entry)).collect();
        ranked.sort_by(|a, b| {
            let order = b.0.total_cmp(&a.0);
            let order = if query.question.fewest_first { order.reverse() } else { order };
            order.then_with(|| a.1.id.cmp(&b.1.id))
        });
        let mut left = most_epochs.saturating_sub(n_epochs(&plain));
        let least = CANDIDATES_PER_HIT * k;
        let mut nights: BTreeSet<RecordingId> = plain.iter().map(|it| it.id.clone()).collect();
        for (rank, (_, entry)) in ranked.into_iter().enumerate() {
            if rank >= least && entry.n_epochs > left {
                break;
            }
            left = left.saturating_sub(entry.n_epochs);
            nights.insert(entry.id.clone());
        }
        if nights.len() == allowed.len() {
            return Ok(pass());
        }
        let threshold = estimate.threshold;
        query.set_cosine_threshold(threshold);
        let (n, of) = (nights.len(), allowed.len());
        let plan = format!("qdrant candidates ({n} of {of} nights)");
        let unsketched = match plain.len() {
            0 => String::new(),
            n => format!("; {n} of them have no sketch; copying the collection builds it"),
        };
        let caution = format!(
            "{n} of {of} nights were scored epoch by epoch, chosen by their sketches; a night that was not chosen may be \
             missing{unsketched}"
        );
        Ok(Self { nights: Some(nights), plan, caution: Some(caution) })
    }

    fn all(plan: &str) -> Self {
        Self { nights: None, plan: plan.to_owned(), caution: None }
    }
}

/// Estimates from a sketch how often a night shows the concept.
struct SketchEstimate<'a> {
    query: &'a ConceptQuery,
    /// Margin from which on an epoch counts as found.
    threshold: f32,
    /// Length of the direction whose products with embeddings are margins.
    length: f32,
}

impl<'a> SketchEstimate<'a> {
    fn of(
        query: &'a ConceptQuery,
        sketches: impl Iterator<Item = &'a Vec<SketchedCluster>> + Clone,
    ) -> Self {
        let direction = query.margins.direction();
        let length = direction.iter().map(|number| number * number).sum::<f32>().sqrt();
        let mut estimate = Self { query, threshold: f32::NEG_INFINITY, length };
        estimate.threshold = match query.margin_threshold() {
            Some(margin) => margin,
            None => estimate.quantile(sketches),
        };
        estimate
    }

    /// Returns the estimated share of a night's epochs, of those that the question is about, that count as found. The
    /// margins of a cluster are assumed to be normally distributed.
    fn share(&self, sketch: &[SketchedCluster]) -> f64 {
        let (mut found, mut n_epochs) = (0.0, 0.0);
        for (cluster, n) in self.clusters(sketch) {
            found += n * self.share_above(cluster, self.threshold);
            n_epochs += n;
        }
        if n_epochs > 0.0 { found / n_epochs } else { 0.0 }
    }

    /// Returns the clusters of a sketch, each with the number of its epochs that the question is about: all of them if the
    /// night was not scored.
    fn clusters<'s>(&self, sketch: &'s [SketchedCluster]) -> Vec<(&'s SketchedCluster, f64)> {
        let n_scored = |cluster: &SketchedCluster| -> usize {
            Stage::ALL.iter().map(|stage| cluster.n_epochs(Some(*stage))).sum()
        };
        let is_scored = sketch.iter().any(|cluster| n_scored(cluster) > 0);
        let n_included = |cluster: &SketchedCluster| -> usize {
            let stages = Stage::ALL.iter().copied().map(Some);
            let allowed = stages.filter(|stage| self.query.question.is_about(*stage));
            if is_scored {
                allowed.map(|stage| cluster.n_epochs(stage)).sum()
            } else {
                cluster.n_epochs(None)
            }
        };
        sketch.iter().map(|cluster| (cluster, n_included(cluster) as f64)).collect()
    }

    fn share_above(&self, cluster: &SketchedCluster, margin: f32) -> f64 {
        let deviation = f64::from(cluster.spread * self.length).max(1e-6);
        normal_cdf((f64::from(cluster.mean) - f64::from(margin)) / deviation)
    }

    /// Returns the margin that [`UNCALIBRATED_SHARE`] of all epochs are estimated to reach.
    fn quantile(&self, sketches: impl Iterator<Item = &'a Vec<SketchedCluster>> + Clone) -> f32 {
        let clusters: Vec<_> = sketches.flat_map(|sketch| self.clusters(sketch)).collect();
        let n_epochs: f64 = clusters.iter().map(|(_, n)| n).sum();
        let (mut low, mut high) = (-2.0, 2.0);
        // Bisection of [-2, 2], the range of a margin; 30 halvings reach the precision of an f32.
        for _ in 0..30 {
            let middle = f32::midpoint(low, high);
            let found: f64 = clusters.iter().map(|(it, n)| n * self.share_above(it, middle)).sum();
            if found > UNCALIBRATED_SHARE * n_epochs {
                low = middle;
            } else {
                high = middle;
            }
        }
        high
    }
}

/// Returns the standard normal distribution function at `x`.
fn normal_cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x / SQRT_2)
}

#[cfg(test)]
mod tests {
    use nocturne_encoder::bundle::Calibration;
    use nocturne_encoder::{ConceptTarget, Embedding, LabelDirections};
    use nocturne_index::RecordingDraft;
    use nocturne_index::qdrant::QdrantSettings;
    use nocturne_psg::EventKind;
    use nocturne_qdrant_double::QdrantDouble;
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    use super::*;
    use crate::question::epochs::TextReading;
    use crate::question::label_margins::LabelMargins;
    use crate::question::learned_concept::LearnedConcept;
    use crate::question::nights::grammar::NightQuestion;
    use crate::tests::collections::{draft, send, settings};

    const DIM: usize = 32;
    const NIGHTS: usize = 60;
    const EPOCHS: u32 = 120;

    fn random_vector(random: &mut Pcg64Mcg) -> Vec<f32> {
        let embedding = Embedding::new((0..DIM).map(|_| random.random_range(-1.0..1.0)).collect());
        embedding.unwrap().as_slice().to_vec()
    }

    /// Nights whose epochs scatter around the centres of their stages, each night with an offset of its own. Some epochs
    /// show one of the concepts, each in a different share of each night.
    fn nights(random: &mut Pcg64Mcg, concepts: &[Vec<f32>]) -> Vec<RecordingDraft> {
        let centres: Vec<_> = Stage::ALL.iter().map(|_| random_vector(random)).collect();
        let night = |number: usize| {
            let own = random_vector(random);
            let shares: Vec<f32> = concepts.iter().map(|_| random.random_range(0.0..0.3)).collect();
            let mut stage = Stage::Wake;
            let epochs = (0..EPOCHS).map(|_| {
                if random.random_bool(0.1) {
                    stage = Stage::ALL[random.random_range(0..Stage::ALL.len())];
                }
                let noise = random_vector(random);
                let mut vector: Vec<f32> = (0..DIM)
                    .map(|i| centres[stage.index()][i] + 0.3 * own[i] + 0.5 * noise[i])
                    .collect();
                for (concept, share) in concepts.iter().zip(&shares) {
                    if random.random_bool((*share).into()) {
                        vector.iter_mut().zip(concept).for_each(|(it, more)| *it += 0.8 * more);
                    }
                }
                (stage, vector)
            });
            draft(&format!("night-{number:02}"), epochs)
        };
        (0..NIGHTS).map(night).collect()
    }

    /// Copies nights into a double of Qdrant; `full_pass` is the number of epochs up to which all are scored.
    fn snapshot_of(drafts: Vec<RecordingDraft>, full_pass: usize) -> (QdrantDouble, Snapshot) {
        let double = QdrantDouble::start();
        send(&double, DIM, drafts);
        let settings = QdrantSettings { full_pass, ..settings(&double) };
        let snapshot = Snapshot::open(&settings.into()).unwrap();
        (double, snapshot)
    }

    fn query(question: &str, concept: &[f32]) -> ConceptQuery {
        let calibration = Calibration {
            slope: 10.0,
            offset: -5.0,
            threshold: 0.5,
            true_positive_rate: 1.0,
            false_positive_rate: 0.0,
        };
        let direction = Embedding::new(concept.to_vec()).unwrap();
        let target = ConceptTarget::Event(EventKind::Arousal);
        let fingerprint = "5d41".to_owned();
        let concept = LearnedConcept { fingerprint, target, direction, calibration };
        ConceptQuery::of_learned(NightQuestion::parse(question), &concept)
    }

    /// Returns the share of the sleep of each night that counts as found, largest first.
    fn shares(drafts: &[RecordingDraft], query: &ConceptQuery) -> Vec<(f64, RecordingId)> {
        let direction = Embedding::new(query.margins.direction()).unwrap();
        let share = |draft: &RecordingDraft| {
            let asleep = draft.epochs.iter().filter(|it| query.question.is_about(it.stage));
            let asleep: Vec<f32> = asleep.map(|it| it.vector.cosine(&direction)).collect();
            let least = query.margin_threshold().unwrap();
            let found = asleep.iter().filter(|margin| **margin >= least).count();
            (found as f64 / asleep.len() as f64, draft.id.clone())
        };
        let mut shares: Vec<_> = drafts.iter().map(share).collect();
        shares.sort_by(|a, b| b.0.total_cmp(&a.0));
        shares
    }

    #[test]
    fn candidates_include_the_best_nights() {
        let random = &mut Pcg64Mcg::seed_from_u64(11);
        let concepts: Vec<_> = (0..3).map(|_| random_vector(random)).collect();
        let drafts = nights(random, &concepts);
        // A fifth of the nights.
        let (_double, snapshot) = snapshot_of(drafts.clone(), NIGHTS * EPOCHS as usize / 5);
        let (mut n_included, mut n_best) = (0, 0);
        for concept in &concepts {
            for question in ["frequent arousals", "few arousals", "frequent arousals in n2"] {
                let mut query = query(question, concept);
                let mut best = shares(&drafts, &query);
                if query.question.fewest_first {
                    best.reverse();
                }
                let chosen =
                    CandidateNights::choose(&snapshot, &mut query, &Filter::default(), 3).unwrap();
                assert_eq!(chosen.plan, "qdrant candidates (12 of 60 nights)");
                assert!(chosen.caution.unwrap().contains("may be missing"));
                let candidates = chosen.nights.unwrap();
                n_best += 3;
                n_included += best[..3].iter().filter(|(_, id)| candidates.contains(id)).count();
            }
        }
        // Random candidates would include a fifth of them.
        assert!(n_included >= 24, "{n_included} of {n_best} of the best nights are candidates");
    }

    #[test]
    fn small_collections_and_those_without_sketches_are_scored_completely() {
        let random = &mut Pcg64Mcg::seed_from_u64(12);
        let concepts = [random_vector(random)];
        let mut drafts = nights(random, &concepts);
        drafts.truncate(4);
        let choose = |snapshot: &Snapshot| {
            let query = &mut query("frequent arousals", &concepts[0]);
            CandidateNights::choose(snapshot, query, &Filter::default(), 1).unwrap()
        };
        let (_double, snapshot) = snapshot_of(drafts.clone(), 4 * EPOCHS as usize);
        let all = CandidateNights { nights: None, plan: "qdrant pass".to_owned(), caution: None };
        assert_eq!(choose(&snapshot), all);
        let (double, snapshot) = snapshot_of(drafts.clone(), 10);
        assert_eq!(choose(&snapshot), all, "there are at least four candidates");
        double.tamper(|store| {
            store.collections.get_mut("sleep-nights").unwrap().points.clear();
        });
        let CandidateNights { nights, plan, caution } = choose(&snapshot);
        assert_eq!((nights, plan.as_str()), (None, "qdrant pass"));
        assert!(caution.unwrap().contains("no sketches"));
    }

    #[test]
    fn threshold_of_unknown_words_is_reached_by_their_share_of_all_epochs() {
        let random = &mut Pcg64Mcg::seed_from_u64(13);
        let concepts = [random_vector(random)];
        let drafts = nights(random, &concepts);
        let (_double, snapshot) = snapshot_of(drafts.clone(), 10);
        let direction = Embedding::new(concepts[0].clone()).unwrap();
        let directions = LabelDirections { positive: direction.clone(), negative: None };
        let mut query = ConceptQuery::of_words(
            NightQuestion::parse("frequent whatever"),
            "whatever".to_owned(),
            LabelMargins::of(&[directions]),
            query("x", &concepts[0]).calibration,
            TextReading::default(),
        );
        let chosen = CandidateNights::choose(&snapshot, &mut query, &Filter::default(), 2).unwrap();
        assert_eq!(chosen.nights.unwrap().len(), 8);
        let asleep = drafts.iter().flat_map(|draft| &draft.epochs);
        let asleep: Vec<f32> = asleep
            .filter(|it| it.stage.is_some_and(Stage::is_sleep))
            .map(|it| it.vector.cosine(&direction))
            .collect();
        let found = asleep.iter().filter(|it| query.threshold.is_reached_by(**it)).count();
        let share = found as f64 / asleep.len() as f64;
        assert!((0.03..0.08).contains(&share), "{share}");
    }

    #[test]
    fn normal_distribution_matches_published_values() {
        for (x, expect) in [(0.0, 0.5), (1.0, 0.841345), (-1.0, 0.158655), (2.5, 0.993790)] {
            assert!((normal_cdf(x) - expect).abs() < 1e-6, "{x}: {}", normal_cdf(x));
        }
    }
}
