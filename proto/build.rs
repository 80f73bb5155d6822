//! Generates the gRPC code from the `.proto` files, without `protoc`.

use std::error::Error;
use std::path::Path;

use prost::Message;

const FILES: [&str; 1] = ["proto/nocturne/v1/nocturne.proto"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    #[expect(
        clippy::disallowed_methods,
        reason = "Cargo passes the output folder of a build script as an environment variable"
    )]
    let out = std::env::var("OUT_DIR")?;
    let descriptors = protox::compile(FILES, ["proto"])?;
    std::fs::write(Path::new(&out).join("descriptors.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}
