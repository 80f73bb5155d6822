//! Reads profiles.

#![no_main]

use libfuzzer_sys::fuzz_target;
use nocturne_psg::montage::Profile;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Profile::parse("a.toml", text) {
        Ok(profile) => assert!(!profile.name.trim().is_empty()),
        Err(error) => assert!(!error.to_string().contains(char::is_control)),
    }
});
