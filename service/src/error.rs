//! Why the server cannot serve.

use std::net::SocketAddr;

/// The result of serving.
pub type Result<T> = std::result::Result<T, Error>;

/// Why the server cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server cannot listen on the address, or the transport failed.
    #[error("cannot serve on {address}: {source}")]
    Serve {
        /// The address.
        address: SocketAddr,
        /// The error of the system or the transport.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    /// Returns the next step for the user, if there is one.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Serve { .. } => {
                Some("another program may be listening there; choose another address")
            }
        }
    }
}
