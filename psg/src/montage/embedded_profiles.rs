//! The profiles that are embedded in the program.

use std::sync::LazyLock;

use super::Profile;

/// File name and text of each profile. A profile may only extend earlier ones.
pub(super) const FILES: [(&str, &str); 26] = [
    ("general.toml", include_str!("../../data/profiles/general.toml")),
    ("nocturne.toml", include_str!("../../data/profiles/nocturne.toml")),
    ("shhs.toml", include_str!("../../data/profiles/shhs.toml")),
    ("mros.toml", include_str!("../../data/profiles/mros.toml")),
    ("cfs.toml", include_str!("../../data/profiles/cfs.toml")),
    ("ccshs.toml", include_str!("../../data/profiles/ccshs.toml")),
    ("wsc.toml", include_str!("../../data/profiles/wsc.toml")),
    ("mesa.toml", include_str!("../../data/profiles/mesa.toml")),
    ("chat.toml", include_str!("../../data/profiles/chat.toml")),
    ("sof.toml", include_str!("../../data/profiles/sof.toml")),
    ("pats.toml", include_str!("../../data/profiles/pats.toml")),
    ("abc.toml", include_str!("../../data/profiles/abc.toml")),
    ("bestair.toml", include_str!("../../data/profiles/bestair.toml")),
    ("heartbeat.toml", include_str!("../../data/profiles/heartbeat.toml")),
    ("homepap.toml", include_str!("../../data/profiles/homepap.toml")),
    ("mnc.toml", include_str!("../../data/profiles/mnc.toml")),
    ("nchsdb.toml", include_str!("../../data/profiles/nchsdb.toml")),
    ("stages.toml", include_str!("../../data/profiles/stages.toml")),
    ("sleep-edf.toml", include_str!("../../data/profiles/sleep-edf.toml")),
    ("ucddb.toml", include_str!("../../data/profiles/ucddb.toml")),
    ("dreams.toml", include_str!("../../data/profiles/dreams.toml")),
    ("cap.toml", include_str!("../../data/profiles/cap.toml")),
    ("hmc.toml", include_str!("../../data/profiles/hmc.toml")),
    ("boas.toml", include_str!("../../data/profiles/boas.toml")),
    ("nox.toml", include_str!("../../data/profiles/nox.toml")),
    ("resmed.toml", include_str!("../../data/profiles/resmed.toml")),
];

static EMBEDDED: LazyLock<Vec<Profile>> = LazyLock::new(|| {
    let mut profiles: Vec<Profile> = Vec::with_capacity(FILES.len());
    for (name, text) in FILES {
        let find = |base: &str| profiles.iter().find(|profile| profile.name == base);
        let profile = Profile::parse_extending(name, text, find);
        profiles.push(profile.expect("a test parses every embedded profile"));
    }
    profiles
});

/// Returns all profiles, `general` first.
pub(super) fn all() -> &'static [Profile] {
    &EMBEDDED
}

/// Returns the general profile, which applies to any file.
pub(super) fn general() -> &'static Profile {
    &EMBEDDED[0]
}

/// Returns the profile with a name.
pub(super) fn named(name: &str) -> Option<&'static Profile> {
    EMBEDDED.iter().find(|profile| profile.name == name)
}

/// Returns the names of all profiles, quoted for a message.
///
/// They come from the file names, so that errors can be reported while the profiles are still being parsed.
pub(super) fn quoted_names() -> String {
    let names = FILES.iter().map(|(file, _)| format!("`{}`", file.trim_end_matches(".toml")));
    names.collect::<Vec<_>>().join(", ")
}
