//! Installs the pinned ONNX Runtime library from its Python wheel and verifies its hash.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::python;

/// Version of ONNX Runtime.
const VERSION: &str = "1.31.1";

/// A wheel for one platform, and the library in it.
struct Wheel {
    os: &'static str,
    architecture: &'static str,
    /// The platform's name for pip.
    platform: &'static str,
    /// SHA-256 of the wheel.
    sha256: &'static str,
    /// The library's path in the wheel.
    member: &'static str,
    /// The library's name in `.ort/`.
    library: &'static str,
    /// SHA-256 of the library.
    library_sha256: &'static str,
}

const WHEELS: [Wheel; 3] = [
    Wheel {
        os: "linux",
        architecture: "x86_64",
        platform: "manylinux_2_28_x86_64",
        sha256: "5752bd508126ae7c49894d3b9d2e83f0c3d487319246d04c444b393308d7ad7f",
        member: "onnxruntime/capi/libonnxruntime.so.1.31.1",
        library: "libonnxruntime.so",
        library_sha256: "fc44112fbe06d7d689c57e11d3862031f64711007e4ee020f8eed5185fd2c1d3",
    },
    Wheel {
        os: "linux",
        architecture: "aarch64",
        platform: "manylinux_2_28_aarch64",
        sha256: "da05378364c44d4407e463982d2bf8d5e4cfea873283757e48beeb41df97b7f3",
        member: "onnxruntime/capi/libonnxruntime.so.1.31.1",
        library: "libonnxruntime.so",
        library_sha256: "8aa3b76b28c778a2b1dd660d34161adb1d508c9ccd04ff9dc80e26eca5df8467",
    },
    Wheel {
        os: "macos",
        architecture: "aarch64",
        platform: "macosx_14_0_arm64",
        sha256: "60b6b69bfe580eab576cacc5d132a0e9cf2a37fcfd18d46dd191042b1d1ed0d7",
        member: "onnxruntime/capi/libonnxruntime.1.31.1.dylib",
        library: "libonnxruntime.dylib",
        library_sha256: "f8b06155feece624e55e49124340eea279da812529ae6fbc46a9f2be9c9cad2e",
    },
];

/// Returns the library to use: the given one, or the pinned one in `.ort/`, which is installed if it is not there.
pub(crate) fn set_up(given: Option<&Path>) -> Result<PathBuf> {
    if let Some(library) = given.filter(|library| !library.as_os_str().is_empty()) {
        if !library.is_file() {
            bail!("`ORT_DYLIB_PATH` names `{}`, which does not exist", library.display());
        }
        eprintln!("setup: ONNX Runtime is {} (from `ORT_DYLIB_PATH`)", library.display());
        return Ok(library.to_owned());
    }
    let wheel = WHEELS
        .iter()
        .find(|wheel| wheel.os == env::consts::OS && wheel.architecture == env::consts::ARCH)
        .with_context(|| {
            let (os, architecture) = (env::consts::OS, env::consts::ARCH);
            format!(
                "there is no pinned ONNX Runtime for {os} on {architecture}; set `ORT_DYLIB_PATH` to a library"
            )
        })?;
    let library = crate::workspace::root().join(".ort").join(wheel.library);
    if library.is_file() && sha256(&library)? == wheel.library_sha256 {
        return Ok(library);
    }
    fetch(wheel, &library)?;
    Ok(library)
}

fn fetch(wheel: &Wheel, library: &Path) -> Result<()> {
    eprintln!("setup: installing ONNX Runtime {VERSION} for {} …", wheel.platform);
    let folder = library.parent().expect("the library is in `.ort/`");
    let work = folder.join("work.tmp");
    if work.exists() {
        fs::remove_dir_all(&work)?;
    }
    fs::create_dir_all(&work).with_context(|| format!("cannot create `{}`", work.display()))?;
    download(wheel, &work)?;
    unpack(&work)?;
    let unpacked = work.join("wheel").join(wheel.member);
    let found = sha256(&unpacked)?;
    if found != wheel.library_sha256 {
        bail!(
            "`{}` has the SHA-256 {found}; expected {}",
            unpacked.display(),
            wheel.library_sha256
        );
    }
    for licence in ["LICENSE", "ThirdPartyNotices.txt"] {
        fs::rename(work.join("wheel/onnxruntime").join(licence), folder.join(licence))?;
    }
    // The library comes last: if it is there, so is everything else.
    fs::rename(&unpacked, library)?;
    fs::remove_dir_all(&work)?;
    eprintln!("setup: ONNX Runtime is {}", library.display());
    Ok(())
}

/// Downloads the wheel with pip, which refuses a wheel with another hash.
fn download(wheel: &Wheel, work: &Path) -> Result<()> {
    let requirements = work.join("requirements.txt");
    fs::write(&requirements, format!("onnxruntime=={VERSION} --hash=sha256:{}\n", wheel.sha256))?;
    python::pip()?
        .args([
            "download",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--only-binary=:all:",
        ])
        .args([
            "--platform",
            wheel.platform,
            "--python-version",
            "3.11",
            "--implementation",
            "cp",
            "--abi",
            "cp311",
        ])
        .args(["--require-hashes", "--requirement"])
        .arg(&requirements)
        .arg("--dest")
        .arg(work)
        .status()
        .map_err(anyhow::Error::from)
        .and_then(python::check)
        .context("pip cannot download ONNX Runtime; set `ORT_DYLIB_PATH` to an installed library")
}

fn unpack(work: &Path) -> Result<()> {
    let wheel = fs::read_dir(work)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .context("pip did not download a wheel")?;
    let status = Command::new(python::interpreter()?)
        .args(["-m", "zipfile", "-e"])
        .arg(&wheel)
        .arg(work.join("wheel"))
        .status()?;
    python::check(status).with_context(|| format!("cannot unpack `{}`", wheel.display()))
}

fn sha256(path: &Path) -> Result<String> {
    let bytes = fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    Ok(Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat())
}
