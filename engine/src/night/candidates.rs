//! Which nights are scored epoch by epoch: all of them, or, of a great collection in Qdrant, those whose sketches promise
//! the most.

use std::collections::BTreeSet;

use nocturne_index::qdrant::{QdrantIndex, Sketched};
use nocturne_index::{Filter, RecordingEntry, Recordings};
use nocturne_psg::{RecordingId, Stage};

use super::sought::Sought;
use crate::Result;
use crate::snapshot::Snapshot;

/// Least number of candidates for each night that is wanted, however long they are.
const LEAST_FOR_EACH: usize = 4;

/// The nights that are scored, and how they were chosen.
#[derive(Debug, PartialEq)]
pub(super) struct Candidates {
    /// Nothing where every night is scored that the filter allows.
    pub(super) nights: Option<BTreeSet<RecordingId>>,
    /// In few words, for the answer.
    pub(super) plan: String,
    /// What to keep in mind about the answer.
    pub(super) caution: Option<String>,
}

impl Candidates {
    /// Chooses for the best `k` nights; sets the threshold of words without a calibration where it chooses some only.
    pub(super) fn choose(
        snapshot: &Snapshot,
        sought: &mut Sought,
        filter: &Filter,
        k: usize,
    ) -> Result<Self> {
        match snapshot {
            Snapshot::Folder { .. } => Ok(Self::all("scan")),
            Snapshot::Qdrant(index) => Self::choose_in_qdrant(index, sought, filter, k),
        }
    }

    fn all(plan: &str) -> Self {
        Self { nights: None, plan: plan.to_owned(), caution: None }
    }

    fn choose_in_qdrant(
        index: &QdrantIndex,
        sought: &mut Sought,
        filter: &Filter,
        k: usize,
    ) -> Result<Self> {
        let most_epochs = index.collection().settings().full_pass;
        let entries = index.collection().entries().into_iter();
        let asked: Vec<_> = entries.filter(|entry| filter.may_allow(entry)).collect();
        let n_epochs = |entries: &[&RecordingEntry]| -> usize {
            entries.iter().map(|entry| entry.n_epochs).sum()
        };
        let pass = || Self::all("qdrant pass");
        if n_epochs(&asked) <= most_epochs {
            return Ok(pass());
        }
        let sketches = index.sketches(&sought.margins.direction(), &asked)?;
        let (sketched, plain): (Vec<_>, Vec<_>) =
            asked.iter().copied().partition(|entry| sketches.contains_key(&entry.id));
        if sketched.is_empty() {
            let caution = "the nights have no sketches by which some could be chosen, so every epoch was looked at; \
                           `nocturne copy` makes sketches";
            return Ok(Self { caution: Some(caution.to_owned()), ..pass() });
        }
        let promise = Promise::of(sought, sketches.values());
        let mut ranked: Vec<(f64, &RecordingEntry)> =
            sketched.iter().map(|entry| (promise.share(&sketches[&entry.id]), *entry)).collect();
        ranked.sort_by(|a, b| {
            let order = b.0.total_cmp(&a.0);
            let order = if sought.question.fewest_first { order.reverse() } else { order };
            order.then_with(|| a.1.id.cmp(&b.1.id))
        });
        let mut left = most_epochs.saturating_sub(n_epochs(&plain));
        let least = LEAST_FOR_EACH * k;
        let mut nights: BTreeSet<RecordingId> = plain.iter().map(|it| it.id.clone()).collect();
        for (place, (_, entry)) in ranked.into_iter().enumerate() {
            if place >= least && entry.n_epochs > left {
                break;
            }
            left = left.saturating_sub(entry.n_epochs);
            nights.insert(entry.id.clone());
        }
        if nights.len() == asked.len() {
            return Ok(pass());
        }
        let threshold = promise.threshold;
        sought.set_threshold(threshold);
        let (n, of) = (nights.len(), asked.len());
        let plan = format!("qdrant candidates ({n} of {of} nights)");
        let unsketched = match plain.len() {
            0 => String::new(),
            n => format!("; {n} of them have no sketch, which `nocturne copy` makes"),
        };
        let caution = format!(
            "{n} of {of} nights were scored epoch by epoch, chosen by their sketches; a night that was not chosen may be \
             missing{unsketched}"
        );
        Ok(Self { nights: Some(nights), plan, caution: Some(caution) })
    }
}

/// How often nights are expected to show what is sought.
struct Promise<'a> {
    sought: &'a Sought,
    /// Margin from which on an epoch counts as found.
    threshold: f32,
    /// Length of the direction that margins are products with.
    length: f32,
}

impl<'a> Promise<'a> {
    fn of(sought: &'a Sought, sketches: impl Iterator<Item = &'a Vec<Sketched>> + Clone) -> Self {
        let direction = sought.margins.direction();
        let length = direction.iter().map(|number| number * number).sum::<f32>().sqrt();
        let mut promise = Self { sought, threshold: f32::NEG_INFINITY, length };
        promise.threshold = match sought.least_margin() {
            Some(margin) => margin,
            None => promise.quantile(sketches),
        };
        promise
    }

    /// Returns the share of the epochs of a night, of those that are asked about, that count as found; epochs of a
    /// cluster are taken to lie around its mean as the normal distribution has it.
    fn share(&self, sketch: &[Sketched]) -> f64 {
        let (mut found, mut n_epochs) = (0.0, 0.0);
        for (cluster, n) in self.asked(sketch) {
            found += n * self.share_above(cluster, self.threshold);
            n_epochs += n;
        }
        if n_epochs > 0.0 { found / n_epochs } else { 0.0 }
    }

    /// Returns the clusters of a sketch, each with the number of its epochs that are asked about: of a night that nobody
    /// has scored, every epoch.
    fn asked<'s>(&self, sketch: &'s [Sketched]) -> Vec<(&'s Sketched, f64)> {
        let n_scored = |cluster: &Sketched| -> usize {
            Stage::ALL.iter().map(|stage| cluster.n_epochs(Some(*stage))).sum()
        };
        let is_scored = sketch.iter().any(|cluster| n_scored(cluster) > 0);
        let n_asked = |cluster: &Sketched| -> usize {
            let stages = Stage::ALL.iter().copied().map(Some);
            let asked = stages.filter(|stage| self.sought.question.is_about(*stage));
            if is_scored {
                asked.map(|stage| cluster.n_epochs(stage)).sum()
            } else {
                cluster.n_epochs(None)
            }
        };
        sketch.iter().map(|cluster| (cluster, n_asked(cluster) as f64)).collect()
    }

    fn share_above(&self, cluster: &Sketched, margin: f32) -> f64 {
        let deviation = f64::from(cluster.spread * self.length).max(1e-6);
        normal((f64::from(cluster.mean) - f64::from(margin)) / deviation)
    }

    /// Returns the margin that as many epochs reach as count of words without a calibration.
    fn quantile(&self, sketches: impl Iterator<Item = &'a Vec<Sketched>> + Clone) -> f32 {
        let clusters: Vec<_> = sketches.flat_map(|sketch| self.asked(sketch)).collect();
        let n_epochs: f64 = clusters.iter().map(|(_, n)| n).sum();
        let (mut low, mut high) = (-2.0, 2.0);
        for _ in 0..30 {
            let middle = f32::midpoint(low, high);
            let found: f64 = clusters.iter().map(|(it, n)| n * self.share_above(it, middle)).sum();
            if found > super::sought::UNCALIBRATED_SHARE * n_epochs {
                low = middle;
            } else {
                high = middle;
            }
        }
        high
    }
}

/// Returns the share of a normal distribution below `x` standard deviations, to within 1e-4 (Abramowitz and Stegun 1964,
/// 26.2.18).
fn normal(x: f64) -> f64 {
    let z = x.abs();
    let sum = 1.0 + z * (0.196854 + z * (0.115194 + z * (0.000344 + z * 0.019527)));
    let above = 0.5 / sum.powi(4);
    if x < 0.0 { above } else { 1.0 - above }
}

#[cfg(test)]
mod tests {
    use nocturne_encoder::bundle::Calibration;
    use nocturne_encoder::{Embedding, LabelDirections, Target};
    use nocturne_index::RecordingDraft;
    use nocturne_index::qdrant::QdrantSettings;
    use nocturne_index::qdrant::double::Double;
    use nocturne_psg::EventKind;
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    use super::*;
    use crate::LearnedConcept;
    use crate::doubles::{draft, send, settings};
    use crate::epochs::TextReading;
    use crate::margins::Margins;
    use crate::night::question::Question;

    const DIM: usize = 32;
    const NIGHTS: usize = 60;
    const EPOCHS: u32 = 120;

    fn any_vector(random: &mut Pcg64Mcg) -> Vec<f32> {
        let embedding = Embedding::new((0..DIM).map(|_| random.random_range(-1.0..1.0)).collect());
        embedding.unwrap().as_slice().to_vec()
    }

    /// Nights whose epochs lie around the centres of their stages, each night a little beside the others, and some of whose
    /// epochs show one of three concepts, each in another share of each night.
    fn nights(random: &mut Pcg64Mcg, concepts: &[Vec<f32>]) -> Vec<RecordingDraft> {
        let centres: Vec<_> = Stage::ALL.iter().map(|_| any_vector(random)).collect();
        let night = |number: usize| {
            let own = any_vector(random);
            let shares: Vec<f32> = concepts.iter().map(|_| random.random_range(0.0..0.3)).collect();
            let mut stage = Stage::Wake;
            let epochs = (0..EPOCHS).map(|_| {
                if random.random_bool(0.1) {
                    stage = Stage::ALL[random.random_range(0..Stage::ALL.len())];
                }
                let noise = any_vector(random);
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

    /// Puts nights into a double, of which so many epochs are looked at in a full pass.
    fn served(drafts: Vec<RecordingDraft>, full_pass: usize) -> (Double, Snapshot) {
        let double = Double::start();
        send(&double, DIM, drafts);
        let settings = QdrantSettings { full_pass, ..settings(&double) };
        let snapshot = Snapshot::open(&settings.into()).unwrap();
        (double, snapshot)
    }

    fn sought(question: &str, concept: &[f32]) -> Sought {
        let calibration = Calibration {
            slope: 10.0,
            offset: -5.0,
            threshold: 0.5,
            true_positive_rate: 1.0,
            false_positive_rate: 0.0,
        };
        let direction = Embedding::new(concept.to_vec()).unwrap();
        let target = Target::Event(EventKind::Arousal);
        let fingerprint = "5d41".to_owned();
        let concept = LearnedConcept { fingerprint, target, direction, calibration };
        Sought::learned(Question::read(question), &concept)
    }

    /// Returns the share of the sleep of each night that counts as found, greatest first.
    fn shares(drafts: &[RecordingDraft], sought: &Sought) -> Vec<(f64, RecordingId)> {
        let direction = Embedding::new(sought.margins.direction()).unwrap();
        let share = |draft: &RecordingDraft| {
            let asleep = draft.epochs.iter().filter(|it| sought.question.is_about(it.stage));
            let asleep: Vec<f32> = asleep.map(|it| it.vector.cosine(&direction)).collect();
            let least = sought.least_margin().unwrap();
            let found = asleep.iter().filter(|margin| **margin >= least).count();
            (found as f64 / asleep.len() as f64, draft.id.clone())
        };
        let mut shares: Vec<_> = drafts.iter().map(share).collect();
        shares.sort_by(|a, b| b.0.total_cmp(&a.0));
        shares
    }

    #[test]
    fn candidates_hold_the_best_nights() {
        let random = &mut Pcg64Mcg::seed_from_u64(11);
        let concepts: Vec<_> = (0..3).map(|_| any_vector(random)).collect();
        let drafts = nights(random, &concepts);
        // A fifth of the nights.
        let (_double, snapshot) = served(drafts.clone(), NIGHTS * EPOCHS as usize / 5);
        let (mut n_held, mut n_best) = (0, 0);
        for concept in &concepts {
            for question in ["frequent arousals", "few arousals", "frequent arousals in n2"] {
                let mut sought = sought(question, concept);
                let mut best = shares(&drafts, &sought);
                if sought.question.fewest_first {
                    best.reverse();
                }
                let chosen =
                    Candidates::choose(&snapshot, &mut sought, &Filter::default(), 3).unwrap();
                assert_eq!(chosen.plan, "qdrant candidates (12 of 60 nights)");
                assert!(chosen.caution.unwrap().contains("may be missing"));
                let candidates = chosen.nights.unwrap();
                n_best += 3;
                n_held += best[..3].iter().filter(|(_, id)| candidates.contains(id)).count();
            }
        }
        // Chance would hold a fifth of them.
        assert!(n_held >= 24, "{n_held} of {n_best} of the best nights are candidates");
    }

    #[test]
    fn small_collections_and_those_without_sketches_are_looked_at_whole() {
        let random = &mut Pcg64Mcg::seed_from_u64(12);
        let concepts = [any_vector(random)];
        let mut drafts = nights(random, &concepts);
        drafts.truncate(4);
        let choose = |snapshot: &Snapshot| {
            let sought = &mut sought("frequent arousals", &concepts[0]);
            Candidates::choose(snapshot, sought, &Filter::default(), 1).unwrap()
        };
        let (_double, snapshot) = served(drafts.clone(), 4 * EPOCHS as usize);
        let all = Candidates { nights: None, plan: "qdrant pass".to_owned(), caution: None };
        assert_eq!(choose(&snapshot), all);
        let (double, snapshot) = served(drafts.clone(), 10);
        assert_eq!(choose(&snapshot), all, "four nights are candidates at least");
        double.tamper(|store| {
            store.collections.get_mut("sleep-nights").unwrap().points.clear();
        });
        let Candidates { nights, plan, caution } = choose(&snapshot);
        assert_eq!((nights, plan.as_str()), (None, "qdrant pass"));
        assert!(caution.unwrap().contains("no sketches"));
    }

    #[test]
    fn words_without_a_calibration_count_their_share_of_all_nights() {
        let random = &mut Pcg64Mcg::seed_from_u64(13);
        let concepts = [any_vector(random)];
        let drafts = nights(random, &concepts);
        let (_double, snapshot) = served(drafts.clone(), 10);
        let direction = Embedding::new(concepts[0].clone()).unwrap();
        let mut sought = Sought {
            question: Question::read("frequent whatever"),
            name: "whatever".to_owned(),
            known: None,
            margins: Margins::of(&[LabelDirections {
                positive: direction.clone(),
                negative: None,
            }]),
            calibration: sought("x", &concepts[0]).calibration,
            text: TextReading::default(),
        };
        let chosen = Candidates::choose(&snapshot, &mut sought, &Filter::default(), 2).unwrap();
        assert_eq!(chosen.nights.unwrap().len(), 8);
        let asleep = drafts.iter().flat_map(|draft| &draft.epochs);
        let asleep: Vec<f32> = asleep
            .filter(|it| it.stage.is_some_and(Stage::is_sleep))
            .map(|it| it.vector.cosine(&direction))
            .collect();
        let found = asleep.iter().filter(|it| **it >= sought.calibration.threshold).count();
        let share = found as f64 / asleep.len() as f64;
        assert!((0.03..0.08).contains(&share), "{share}");
    }

    #[test]
    fn normal_distribution_is_that_of_the_tables() {
        for (x, expect) in [(0.0, 0.5), (1.0, 0.841345), (-1.0, 0.158655), (2.5, 0.993790)] {
            assert!((normal(x) - expect).abs() < 3e-4, "{x}: {}", normal(x));
        }
    }
}
