//! What codes of stages mean, by the user's word or by a file that describes a table.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::names::{Meaning, meaning, normalised};
use super::scored_annotation::ScoredAnnotation;
use crate::sleep::Stage;

/// The stages that texts of annotations mean, such as `4=R,8=?`; `?` leaves an epoch unscored.
///
/// A map comes before everything that a format or a table of names says about a text. Case and blanks make no difference.
///
/// ```
/// use nocturne_psg::annotation::StageMap;
///
/// let map: StageMap = "4=R, 5=?".parse()?;
/// assert_eq!(map.to_string(), "4=R,5=?");
/// assert!("4=deep".parse::<StageMap>().is_err());
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StageMap(BTreeMap<String, Option<Stage>>);

/// How an unscored epoch is written.
const UNSCORED: &str = "?";

impl StageMap {
    /// Returns whether the map says nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds the entries of another map; those of this map stay.
    #[must_use]
    pub fn or(mut self, other: &Self) -> Self {
        for (text, stage) in &other.0 {
            self.0.entry(text.clone()).or_insert(*stage);
        }
        self
    }

    /// Creates a map from texts and the names of their stages; pairs whose name is not a stage are left out.
    pub(super) fn of_names<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let stage = |(text, name): (&'a str, &'a str)| match meaning(name)? {
            Meaning::Stage(stage) => Some((normalised(text), stage)),
            Meaning::Event(_)
            | Meaning::LightsOff
            | Meaning::LightsOn
            | Meaning::Other
            | Meaning::Ambiguous => None,
        };
        Self(pairs.into_iter().filter_map(stage).collect())
    }

    /// Returns whether the map has a text.
    pub(super) fn contains(&self, text: &str) -> bool {
        !self.0.is_empty() && self.0.contains_key(&normalised(text))
    }

    /// Returns whether the map has a number.
    pub(crate) fn has_number(&self, number: f64) -> bool {
        self.contains(&number.to_string())
    }

    /// Replaces the texts of the map by the names of their stages.
    pub(crate) fn apply(&self, annotations: &mut [ScoredAnnotation]) {
        if self.0.is_empty() {
            return;
        }
        for annotation in annotations {
            if let Some(stage) = self.0.get(&normalised(&annotation.text)) {
                stage.map_or(UNSCORED_NAME, edf_name).clone_into(&mut annotation.text);
            }
        }
    }
}

/// The name of an epoch without a stage in EDF+.
const UNSCORED_NAME: &str = "Sleep stage ?";

/// Returns the name of a stage in EDF+ (standard texts of the specification).
const fn edf_name(stage: Stage) -> &'static str {
    match stage {
        Stage::Wake => "Sleep stage W",
        Stage::N1 => "Sleep stage N1",
        Stage::N2 => "Sleep stage N2",
        Stage::N3 => "Sleep stage N3",
        Stage::Rem => "Sleep stage R",
    }
}

impl FromStr for StageMap {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut map = BTreeMap::new();
        for pair in text.split(',') {
            let (code, stage) = pair.split_once('=').ok_or_else(|| {
                format!("`{}` has no `=`; expected TEXT=STAGE, such as 4=R", pair.trim())
            })?;
            let stage = stage.trim();
            let stage = if stage == UNSCORED {
                None
            } else {
                let known = stage.parse::<Stage>();
                Some(known.map_err(|_| {
                    format!("`{stage}` is not a stage; expected W, N1, N2, N3, R or ?")
                })?)
            };
            let code = normalised(code);
            if code.is_empty() {
                return Err(format!("`{}` has no text before `=`", pair.trim()));
            }
            if map.insert(code.clone(), stage).is_some_and(|earlier| earlier != stage) {
                return Err(format!("`{code}` has two stages"));
            }
        }
        Ok(Self(map))
    }
}

impl fmt::Display for StageMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (text, stage)) in self.0.iter().enumerate() {
            let comma = if i > 0 { "," } else { "" };
            write!(f, "{comma}{text}={}", stage.map_or(UNSCORED, Stage::code))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_the_names_of_their_stages() {
        let map: StageMap = "4=R,Stage X=?".parse().unwrap();
        let texts = ["4", "stage  x", "3", "Arousal"];
        let mut annotations = texts.map(|text| ScoredAnnotation::new(0.0, None, text));
        map.apply(&mut annotations);
        let texts = annotations.map(|annotation| annotation.text);
        assert_eq!(texts, ["Sleep stage R", "Sleep stage ?", "3", "Arousal"]);
    }

    #[test]
    fn maps_that_say_nothing_or_two_things_are_refused() {
        let problem = |text: &str| text.parse::<StageMap>().unwrap_err();
        assert_eq!(problem("4"), "`4` has no `=`; expected TEXT=STAGE, such as 4=R");
        assert_eq!(problem("4=REMS"), "`REMS` is not a stage; expected W, N1, N2, N3, R or ?");
        assert_eq!(problem("4=R,4=N3"), "`4` has two stages");
        assert_eq!(problem("=R"), "`=R` has no text before `=`");
    }

    #[test]
    fn first_map_comes_before_the_second() {
        let [first, second]: [StageMap; 2] = ["4=R", "4=N3,5=R"].map(|it| it.parse().unwrap());
        assert_eq!(first.or(&second).to_string(), "4=R,5=R");
    }
}
