//! Records skipped tests, or fails them if their resource is required.

use std::fs::OpenOptions;
use std::io::Write;

use crate::absent::Absent;
use crate::locate::environment;
use crate::resource::Resource;

/// Records that the running test of `package` is skipped; called by [`skip!`](crate::skip).
///
/// # Panics
///
/// If `NOCTURNE_REQUIRE` names the resource, or the record cannot be written.
#[expect(clippy::print_stdout, reason = "a skipped test says so in its output")]
pub fn report(package: &str, absent: &Absent) {
    let required = environment("NOCTURNE_REQUIRE").unwrap_or_default();
    assert!(
        !names(&required, absent.resource()),
        "required by NOCTURNE_REQUIRE, but absent: {absent}"
    );
    println!("skipped: {absent}");
    let Some(record) = environment("NOCTURNE_SKIPPED") else { return };
    let thread = std::thread::current();
    // Test runners name the thread of a test after the test.
    let line = format!("{package}\t{}\t{absent}\n", thread.name().unwrap_or("unknown test"));
    // Test processes run at the same time; each line is one write to the end of the file.
    let file = OpenOptions::new().create(true).append(true).open(&record);
    let written = file.and_then(|mut file| file.write_all(line.as_bytes()));
    written.unwrap_or_else(|error| panic!("cannot write the skip to `{record}`: {error}"));
}

/// Returns whether a comma-separated list names a resource.
fn names(list: &str, resource: Resource) -> bool {
    list.split(',').map(str::trim).any(|name| name == resource.name() || name == "all")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_are_required_by_name_or_all_at_once() {
        assert!(names("data, encoder", Resource::Encoder));
        assert!(names("all", Resource::Qdrant));
        assert!(!names("", Resource::Encoder));
        assert!(!names("encoders", Resource::Encoder));
    }

    #[test]
    fn absent_resource_is_described_with_its_name_and_reason() {
        let absent = Absent::new(Resource::Qdrant, "QDRANT_URL is not set");
        assert_eq!(absent.to_string(), "qdrant: QDRANT_URL is not set");
    }
}
