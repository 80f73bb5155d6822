//! `nocturne serve`

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use nocturne_service::{Error, ServeOptions};
use tokio::net::TcpListener;

use crate::args::{Common, Serve};
use crate::console;
use crate::error::CommandOutcome;
use crate::session::Session;

pub(super) fn run(common: &Common, arguments: Serve) -> Result<CommandOutcome> {
    let Serve { listen, allow_plaintext, most_at_once, recall, collection } = arguments;
    if !listen.ip().is_loopback() && !allow_plaintext {
        bail!(
            "other machines can reach `{listen}`, and connections are not encrypted; \
             listen on a loopback address, or pass `--allow-plaintext`"
        );
    }
    let session = Session::open_for(common, &collection.encoder, &collection.location())?;
    let engine = Arc::new(session.serving_engine(&collection, recall.recall)?);
    let info = engine.info()?;
    let runtime =
        tokio::runtime::Runtime::new().context("cannot start the threads of the server")?;
    runtime.block_on(async {
        let listener = TcpListener::bind(listen)
            .await
            .map_err(|source| Error::Serve { address: listen, source: source.into() })?;
        let address = listener.local_addr().unwrap_or(listen);
        let stop = stop_signal().context("cannot listen for signals")?;
        // Programs that start a server wait for this line.
        console::print(format_args!(
            "serving {} recordings with {} epochs on {address}",
            info.recordings, info.epochs
        ))?;
        let options =
            ServeOptions { max_concurrent: most_at_once.into(), ..ServeOptions::default() };
        nocturne_service::serve(engine, listener, options, stop).await?;
        Ok(CommandOutcome::Done)
    })
}

/// Installs handlers for the signals that stop the server, and returns a future that waits for one.
///
/// The handlers are installed at once, so that a signal right after the server's first output is not lost.
#[cfg(unix)]
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Returns a future that waits for the signal that stops the server.
#[cfg(not(unix))]
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async { drop(tokio::signal::ctrl_c().await) })
}
