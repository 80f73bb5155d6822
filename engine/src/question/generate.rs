//! The signals of an epoch to generated captions.

use crate::error::{Error, Result};
use crate::live::live_collection::PinnedSpace;
use crate::model::caption_thread::{GenerateRequest, GeneratedPart};

/// See [`Engine::generate_caption`](crate::Engine::generate_caption).
pub(crate) fn generate_caption(
    space: &PinnedSpace,
    request: GenerateRequest,
    take: impl FnMut(GeneratedPart) -> bool,
) -> Result<()> {
    let manifest = &space.bundle.manifest;
    request.search.check(manifest.tokenizer.context)?;
    let unsupported = |feature| Error::Unsupported { bundle: manifest.name.clone(), feature };
    let captioner = space.bundle.captions.as_ref();
    let captioner = captioner.ok_or_else(|| unsupported("generated captions"))?;
    if request.explain && !captioner.has_attention() {
        return Err(unsupported("attention maps"));
    }
    captioner.ask(request, take)
}
