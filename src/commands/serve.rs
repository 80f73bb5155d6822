//! `nocturne serve`

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use nocturne_engine::{Error, ServeOptions};
use tokio::net::TcpListener;

use crate::args::{Common, Serve};
use crate::console;
use crate::error::Outcome;
use crate::session;

pub(super) fn run(common: &Common, arguments: Serve) -> Result<Outcome> {
    let Serve { listen, allow_plaintext, most_at_once, collection } = arguments;
    if !listen.ip().is_loopback() && !allow_plaintext {
        bail!(
            "`{listen}` can be reached from other machines, and answers are not encrypted; \
             listen on a loopback address, or say `--allow-plaintext`"
        );
    }
    let engine = Arc::new(session::engine(common, &collection)?);
    let info = engine.info()?;
    let runtime = tokio::runtime::Runtime::new().context("cannot start the server's threads")?;
    runtime.block_on(async {
        let listener = TcpListener::bind(listen)
            .await
            .map_err(|source| Error::Serve { address: listen, source: source.into() })?;
        let address = listener.local_addr().unwrap_or(listen);
        // A program that waits for the server reads this line.
        console::print(format_args!(
            "serving {} recordings with {} epochs on {address}",
            info.recordings, info.epochs
        ))?;
        let options = ServeOptions { most_at_once: most_at_once.into(), ..ServeOptions::default() };
        nocturne_engine::serve(engine, listener, options, stop_signal()).await?;
        Ok(Outcome::Done)
    })
}

/// Waits until somebody wants the server to end.
async fn stop_signal() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => {
                tokio::select! {
                    _ = interrupt => {}
                    _ = terminate.recv() => {}
                }
            }
            Err(_) => drop(interrupt.await),
        }
    }
    #[cfg(not(unix))]
    drop(interrupt.await);
}
