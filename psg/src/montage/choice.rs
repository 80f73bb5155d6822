//! Which profile a recording is to be read by.

use std::borrow::Cow;
use std::path::PathBuf;

use super::{Profile, embedded};
use crate::{Error, Result};

/// Which profile a recording is to be read by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ProfileChoice {
    /// The one that the file's labels speak for.
    #[default]
    Auto,
    /// The embedded one of that name.
    Named(String),
    /// One's own, see [`Profile::read`].
    File(PathBuf),
}

impl ProfileChoice {
    /// Returns the profile that was chosen, `None` where the file's labels are to tell.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownProfile`] for a name that no embedded profile has, and those of [`Profile::read`].
    pub fn profile(&self) -> Result<Option<Cow<'static, Profile>>> {
        match self {
            Self::Auto => Ok(None),
            Self::Named(name) => match embedded::named(name) {
                Some(profile) => Ok(Some(Cow::Borrowed(profile))),
                None => Err(Error::UnknownProfile {
                    name: name.clone(),
                    known: embedded::quoted_names(),
                }),
            },
            Self::File(path) => Ok(Some(Cow::Owned(Profile::read(path)?))),
        }
    }

    /// Returns why the chosen profile is the one.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::Auto => "chosen by the labels".to_owned(),
            Self::Named(_) => "chosen by name".to_owned(),
            Self::File(path) => format!("chosen by the file `{}`", path.display()),
        }
    }
}

/// Reads `auto`, the name of a profile, or the path of a file: a path has a separator or ends with `.toml`.
impl From<&str> for ProfileChoice {
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
    fn names_and_paths_are_told_apart() {
        assert_eq!(ProfileChoice::from("auto"), ProfileChoice::Auto);
        assert_eq!(ProfileChoice::from("mros"), ProfileChoice::Named("mros".to_owned()));
        assert_eq!(ProfileChoice::from("lab.toml"), ProfileChoice::File("lab.toml".into()));
        assert_eq!(ProfileChoice::from("./lab"), ProfileChoice::File("./lab".into()));
    }

    #[test]
    fn unknown_names_are_refused_with_the_known_ones() {
        let error = ProfileChoice::from("mross").profile().unwrap_err().to_string();
        assert!(
            error.starts_with("no profile is called `mross`; expected one of `general`, "),
            "{error}"
        );
    }

    #[test]
    fn a_file_of_ones_own_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lab.toml");
        let text = "name = \"lab\"\ntitle = \"Lab\"\nsource = \"manual\"\nextends = \"general\"\n";
        std::fs::write(&path, text).unwrap();
        let profile = ProfileChoice::File(path.clone()).profile().unwrap().unwrap();
        assert_eq!(profile.name, "lab");
        assert_eq!(profile.rules.len(), embedded::general().rules.len());

        std::fs::write(&path, format!("{text}colour = \"red\"\n")).unwrap();
        let error = ProfileChoice::File(path.clone()).profile().unwrap_err().to_string();
        let place =
            format!("`{}`: line 5, `colour = \"red\"`: unknown field `colour`, ", path.display());
        assert!(error.starts_with(&place), "{error}");
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(ProfileChoice::File(path).profile(), Err(Error::Io { .. })));
    }
}
