//! The calibration file of a bundle: which probabilities and which measures of nights may be believed, and how far.

use std::collections::BTreeMap;
use std::path::Path;

use nocturne_psg::hash::sha256;
use nocturne_psg::montage::Channel;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Name of the file beside the bundle's manifest.
pub const FILE_NAME: &str = "calibration.toml";
/// The version of the format.
const FORMAT: u32 = 1;

/// What was learned from scored nights about a bundle; the contents of `calibration.toml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    format: u32,
    /// Fingerprint of the bundle; the calibration fits no other.
    pub bundle: String,
    /// Fingerprint of the registry that defines the concepts.
    pub registry: String,
    /// The nights.
    pub population: Population,
    /// How an embedding becomes the probability of a concept, by id.
    #[serde(default, rename = "concept")]
    pub concepts: BTreeMap<String, EpochModel>,
    /// How the probabilities of a night become a measure of it, and how far that may be off.
    #[serde(default, rename = "measure")]
    pub measures: Vec<MeasureModel>,
}

/// The nights that a calibration was learned from, and for which alone its intervals hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Population {
    /// Whether the nights were simulated.
    pub origin: Origin,
    /// What a reader knows them by, such as the name of a cohort.
    pub name: String,
    /// Their number.
    pub nights: usize,
    /// Least number of usable channels that each of them had, of the ten inputs of the encoder.
    pub min_channels: usize,
}

/// Least number of channels of a night that is calibrated on: all but two of the ten inputs.
pub const MIN_CHANNELS: usize = Channel::COUNT - 2;

/// Where nights come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A simulator.
    Simulated,
    /// A person.
    Recorded,
}

/// A logistic curve over embeddings: the probability that the concept occurs in an epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochModel {
    /// One for each number of an embedding.
    pub weights: Vec<f32>,
    /// The intercept.
    pub bias: f32,
    /// Probability from which an epoch is labelled with the concept: the highest F1 on nights held out.
    pub threshold: f32,
    /// How good the probabilities are on nights held out.
    pub quality: EpochQuality,
}

/// How good the probabilities of a concept are in epochs of nights that its curve was not fitted to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochQuality {
    /// Number of epochs with the concept.
    pub positive: usize,
    /// Number of epochs without it.
    pub negative: usize,
    /// Expected calibration error in 15 bins of equal mass.
    pub ece: f64,
    /// Brier skill over the base rate: 0 is that of a constant, 1 is perfect.
    pub brier_skill: f64,
}

/// A measure of a night as a monotone function of what the model finds, with prediction intervals.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeasureModel {
    /// The measure in its normal form, such as `rate(arousal)`.
    pub measure: String,
    /// Number of nights with this measure.
    pub nights: usize,
    /// Rank correlation of estimates and truth on nights held out.
    pub spearman: f64,
    /// Mean width of the 95 % intervals over the central 95 % range of the true values.
    pub relative_width: f64,
    /// Why it must not be answered; `None` if it may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// Corners of the function: what the model finds, ascending, and the value.
    pub points: Vec<[f64; 2]>,
    /// Intervals, by the estimate, ascending; the last has no upper end.
    pub bands: Vec<Band>,
}

/// How far the truth lay from the estimates of one level, on a square-root scale.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Band {
    /// Estimates below this; `None` for the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<f64>,
    /// 2.5 % of the nights lay further below: difference of `√(value + 1)`.
    pub lower: f64,
    /// 2.5 % of the nights lay further above.
    pub upper: f64,
}

/// Minimum number of nights for an interval with two tails of 2.5 % each.
pub const MIN_NIGHTS: usize = 39;

impl Calibration {
    /// Creates a calibration.
    pub fn new(bundle: String, registry: String, population: Population) -> Self {
        let (concepts, measures) = (BTreeMap::new(), Vec::new());
        Self { format: FORMAT, bundle, registry, population, concepts, measures }
    }

    /// Reads the calibration of a bundle from its folder; `None` if it has none.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::Calibration`] if the file is malformed, and [`Error::OtherCalibration`] if it is of another
    /// bundle than the one with this fingerprint.
    pub fn read(folder: &Path, bundle: &str) -> Result<Option<Self>> {
        let path = folder.join(FILE_NAME);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(source) if source.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(Error::Io { path, source }),
        };
        let malformed = |problem: String| Error::Calibration { path: path.clone(), problem };
        let read: Self =
            toml::from_str(&text).map_err(|error| malformed(error.message().to_owned()))?;
        if read.format != FORMAT {
            return Err(malformed(format!("its format is {}; expected {FORMAT}", read.format)));
        }
        if read.bundle != bundle {
            let (found, expected) = (read.bundle, bundle.to_owned());
            return Err(Error::OtherCalibration { path, found, expected });
        }
        read.check().map_err(malformed)?;
        Ok(Some(read))
    }

    /// Returns the calibration as TOML.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("the fields are text, numbers and lists")
    }

    /// Returns a hash of everything in it, in hexadecimal.
    pub fn fingerprint(&self) -> String {
        sha256(self.to_toml())
    }

    /// Returns the model of a measure in its normal form.
    pub fn measure(&self, measure: &str) -> Option<&MeasureModel> {
        self.measures.iter().find(|model| model.measure == measure)
    }

    fn check(&self) -> std::result::Result<(), String> {
        for (id, concept) in &self.concepts {
            let numbers = concept.weights.iter().chain([&concept.bias, &concept.threshold]);
            if !numbers.clone().all(|number| number.is_finite()) {
                return Err(format!("`concept.{id}` has a number that is not finite"));
            }
        }
        for model in &self.measures {
            let MeasureModel { measure, points, bands, .. } = model;
            let ascends = |a: &[f64; 2], b: &[f64; 2]| a[0] < b[0] && a[1] <= b[1];
            if points.len() < 2 || !points.windows(2).all(|pair| ascends(&pair[0], &pair[1])) {
                return Err(format!("`points` of `{measure}` do not ascend"));
            }
            if bands.last().is_none_or(|band| band.below.is_some()) {
                return Err(format!("`bands` of `{measure}` do not end with one without `below`"));
            }
        }
        Ok(())
    }
}

impl EpochQuality {
    /// Brier skill from which single epochs are labelled.
    const MIN_SKILL: f64 = 0.2;

    /// Returns whether the probabilities say enough about single epochs to label them.
    pub fn is_useful(&self) -> bool {
        self.brier_skill >= Self::MIN_SKILL
    }
}

impl EpochModel {
    /// Returns the probability of the concept in an epoch with this embedding.
    pub fn probability(&self, embedding: &[f32]) -> f64 {
        let sum: f32 = self.weights.iter().zip(embedding).map(|(weight, x)| weight * x).sum();
        1.0 / (1.0 + (-f64::from(sum + self.bias)).exp())
    }
}

impl MeasureModel {
    /// Returns the estimate for what the model finds in a night.
    pub fn estimate(&self, found: f64) -> f64 {
        interpolate(&self.points, found).max(0.0)
    }

    /// Returns the 95 % prediction interval of an estimate.
    pub fn interval(&self, estimate: f64) -> (f64, f64) {
        let band = self.bands.iter().find(|band| band.below.is_none_or(|below| estimate < below));
        let band = band.expect("the last band has no upper end");
        let back = |root: f64| root.max(1.0).powi(2) - 1.0;
        let root = (estimate + 1.0).sqrt();
        (back(root + band.lower).min(estimate), back(root + band.upper).max(estimate))
    }
}

/// Returns the value of a piecewise linear function; the first and the last piece go on beyond its corners.
pub(super) fn interpolate(points: &[[f64; 2]], x: f64) -> f64 {
    let last = points.len() - 1;
    let i = points[1..last].iter().take_while(|point| point[0] <= x).count();
    let ([x0, y0], [x1, y1]) = (points[i], points[i + 1]);
    y0 + (x - x0) * (y1 - y0) / (x1 - x0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calibration() -> Calibration {
        let population = Population {
            origin: Origin::Recorded,
            name: "SHHS".to_owned(),
            nights: 120,
            min_channels: 8,
        };
        let mut calibration = Calibration::new("5d41".to_owned(), "c0de".to_owned(), population);
        let quality = EpochQuality { positive: 10, negative: 90, ece: 0.02, brier_skill: 0.5 };
        let model = EpochModel { weights: vec![1.0, -2.5], bias: 0.5, threshold: 0.4, quality };
        calibration.concepts.insert("arousal".to_owned(), model);
        calibration.measures.push(MeasureModel {
            measure: "rate(arousal)".to_owned(),
            nights: 120,
            spearman: 0.9,
            relative_width: 0.3,
            refused: None,
            points: vec![[0.0, 1.0], [0.5, 41.0]],
            bands: vec![
                Band { below: Some(10.0), lower: -0.5, upper: 1.0 },
                Band { below: None, lower: -1.0, upper: 1.5 },
            ],
        });
        calibration
    }

    fn read(text: &str, bundle: &str) -> Result<Option<Calibration>> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE_NAME), text).unwrap();
        Calibration::read(folder.path(), bundle)
    }

    #[test]
    fn calibration_survives_its_file() {
        let read = read(&calibration().to_toml(), "5d41").unwrap().unwrap();
        assert_eq!(read, calibration());
        assert_eq!(read.fingerprint(), calibration().fingerprint());
    }

    #[test]
    fn bundle_without_a_file_has_no_calibration() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Calibration::read(folder.path(), "5d41").unwrap(), None);
    }

    #[test]
    fn calibration_of_another_bundle_is_refused() {
        let error = read(&calibration().to_toml(), "beef").unwrap_err().to_string();
        assert!(
            error.ends_with("calibrates the bundle `5d41`; the bundle in use is `beef`"),
            "{error}"
        );
    }

    #[test]
    fn malformed_calibrations_are_refused() {
        let refusal = |from: &str, to: &str| {
            let text = calibration().to_toml();
            assert!(text.contains(from), "{text}");
            read(&text.replacen(from, to, 1), "5d41").unwrap_err().to_string()
        };
        assert!(refusal("format = 1", "format = 2").ends_with("its format is 2; expected 1"));
        assert!(refusal("bias = 0.5", "bias = inf").ends_with("a number that is not finite"));
        assert!(refusal("[0.5, 41.0]", "[0.5, 0.5]").ends_with("do not ascend"));
        assert!(refusal("nights = 120", "night = 120").contains("unknown field"));
    }

    #[test]
    fn function_goes_on_beyond_its_corners_but_not_below_zero() {
        let calibration = calibration();
        let model = calibration.measure("rate(arousal)").unwrap();
        assert_eq!([0.0, 0.25, 1.0].map(|found| model.estimate(found)), [1.0, 21.0, 81.0]);
        assert_eq!(model.estimate(-1.0), 0.0);
    }

    #[test]
    fn interval_is_that_of_the_level() {
        let calibration = calibration();
        let model = calibration.measure("rate(arousal)").unwrap();
        // √(3 + 1) = 2: from 1.5² − 1 to 3² − 1.
        assert_eq!(model.interval(3.0), (1.25, 8.0));
        assert_eq!(model.interval(15.0), (8.0, 29.25));
        assert_eq!(model.interval(0.0).0, 0.0);
    }
}
