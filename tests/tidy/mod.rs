//! The shape of the repository, as tests: who may import whom, what every file has, and which words stay out.

mod files;
mod layers;
mod packages;
mod prose;

use std::path::{Path, PathBuf};

/// Returns the folders of all packages, `.` being the root package.
fn packages() -> impl Iterator<Item = &'static str> {
    packages::ARROWS.iter().map(|(package, _)| *package)
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the Rust files of a package: its sources, tests, benchmarks and examples.
fn sources(package: &str) -> Vec<PathBuf> {
    let folders = ["src", "tests", "benches", "examples"].map(|it| root().join(package).join(it));
    let mut files = Vec::new();
    folders.iter().filter(|it| it.is_dir()).for_each(|it| find(it, &["rs"], &mut files));
    assert!(!files.is_empty(), "`{package}` has no sources");
    files
}

/// Appends the files below a folder that have one of the extensions; skips build output and hidden folders.
fn find(folder: &Path, extensions: &[&str], files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if name != "target" && !name.starts_with('.') {
                find(&path, extensions, files);
            }
        } else if path.extension().is_some_and(|it| extensions.iter().any(|known| it == *known)) {
            files.push(path);
        }
    }
}

/// Returns a path relative to the root, for messages.
fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}
