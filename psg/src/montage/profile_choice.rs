//! The choice of a profile: detected, by name, or from a file.

use std::borrow::Cow;
use std::path::PathBuf;

use super::{Profile, embedded_profiles};
use crate::error::{Error, Result};

/// How to choose the profile of a recording.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ProfileChoice {
    /// Detect it from the labels of the file.
    #[default]
    Auto,
    /// The embedded profile with a name.
    Named(String),
    /// A profile file ([`Profile::read`]).
    File(PathBuf),
}

impl ProfileChoice {
    /// Returns the chosen profile, or `None` if it must be detected.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownProfile`] if no embedded profile has the name, and those of [`Profile::read`].
    pub fn profile(&self) -> Result<Option<Cow<'static, Profile>>> {
        match self {
            Self::Auto => Ok(None),
            Self::Named(name) => match embedded_profiles::named(name) {
                Some(profile) => Ok(Some(Cow::Borrowed(profile))),
                None => Err(Error::UnknownProfile {
                    name: name.clone(),
                    known: embedded_profiles::quoted_names(),
                }),
            },
            Self::File(path) => Ok(Some(Cow::Owned(Profile::read(path)?))),
        }
    }

    /// Returns how the profile was chosen, for reports.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::Auto => "detected from the labels".to_owned(),
            Self::Named(_) => "selected by name".to_owned(),
            Self::File(path) => format!("selected by the file `{}`", path.display()),
        }
    }
}

impl From<&str> for ProfileChoice {
    /// Parses `auto`, the name of a profile, or the path of a file, which has a separator or the extension `.toml`.
    fn from(text: &str) -> Self {
        let path = PathBuf::from(text);
        let is_path = path.components().count() > 1
            || path.is_absolute()
            || path.extension().is_some_and(|extension| extension == "toml");
        match text {
            "auto" => Self::Auto,
            _ if is_path => Self::File(path),
            _ => Self::Named(text.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distinguishes_names_and_paths() {
        assert_eq!(ProfileChoice::from("auto"), ProfileChoice::Auto);
        assert_eq!(ProfileChoice::from("mros"), ProfileChoice::Named("mros".to_owned()));
        assert_eq!(ProfileChoice::from("lab.toml"), ProfileChoice::File("lab.toml".into()));
        assert_eq!(ProfileChoice::from("./lab"), ProfileChoice::File("./lab".into()));
    }

    #[test]
    fn unknown_names_give_an_error_with_the_known_ones() {
        let error = ProfileChoice::from("mross").profile().unwrap_err().to_string();
        assert!(
            error.starts_with("unknown profile `mross`; expected one of `general`, "),
            "{error}"
        );
    }

    #[test]
    fn reads_profile_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lab.toml");
        let text = "name = \"lab\"\ntitle = \"Lab\"\nsource = \"manual\"\nextends = \"general\"\n";
        std::fs::write(&path, text).unwrap();
        let profile = ProfileChoice::File(path.clone()).profile().unwrap().unwrap();
        assert_eq!(profile.name, "lab");
        assert_eq!(profile.rules.len(), embedded_profiles::general().rules.len());

        std::fs::write(&path, format!("{text}colour = \"red\"\n")).unwrap();
        let error = ProfileChoice::File(path.clone()).profile().unwrap_err().to_string();
        let expected =
            format!("`{}`: line 5, `colour = \"red\"`: unknown field `colour`, ", path.display());
        assert!(error.starts_with(&expected), "{error}");
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(ProfileChoice::File(path).profile(), Err(Error::Io { .. })));
    }
}
