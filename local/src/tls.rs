//! TLS in front of the local AWS, with a certificate of its own: the real AWS is reached over TLS.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::wire::accept;

/// Ends TLS and forwards what it carries to a server without TLS. Dropped, it stops.
pub struct TlsEndpoint {
    address: SocketAddr,
    behind: Arc<OnceLock<String>>,
    authority: PathBuf,
    handshakes: Arc<AtomicUsize>,
    _serving: JoinSet<()>,
    _folder: TempDir,
}

impl TlsEndpoint {
    /// Begins to listen on a port of its own, and forwards to nothing yet.
    pub async fn listen() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let authority = folder.path().join("authority.pem");
        let (config, certificate) = certified()?;
        std::fs::write(&authority, certificate)?;

        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let handshakes = Arc::new(AtomicUsize::new(0));
        let behind: Arc<OnceLock<String>> = Arc::default();
        let (counted, forwards_to) = (handshakes.clone(), behind.clone());
        let serving = accept(listener, move |connection| {
            let (acceptor, counted) = (acceptor.clone(), counted.clone());
            let forwards_to = forwards_to.get().cloned();
            async move {
                // A client that does not trust the certificate ends the handshake and reports it.
                let Ok(mut client) = acceptor.accept(connection).await else {
                    return;
                };
                counted.fetch_add(1, Ordering::Relaxed);
                if let Some(behind) = forwards_to
                    && let Ok(mut server) = TcpStream::connect(behind).await
                {
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                }
            }
        });
        Ok(Self {
            address,
            behind,
            authority,
            handshakes,
            _serving: serving,
            _folder: folder,
        })
    }

    /// Forwards to `http://HOST:PORT` from now on, unless it forwards already.
    pub fn forward_to(&self, endpoint: &str) {
        let host = endpoint.trim_start_matches("http://");
        self.behind.get_or_init(|| host.to_owned());
    }

    /// `https://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The file with the certificate to trust for this endpoint.
    pub fn authority(&self) -> &Path {
        &self.authority
    }

    /// Connections whose clients trusted the certificate.
    pub fn handshakes(&self) -> usize {
        self.handshakes.load(Ordering::Relaxed)
    }
}

/// A server's configuration for 127.0.0.1, and its self-signed certificate.
fn certified() -> anyhow::Result<(ServerConfig, String)> {
    let certified = rcgen::generate_simple_self_signed([Ipv4Addr::LOCALHOST.to_string()])?;
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der());
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(
            vec![certified.cert.der().clone()],
            key.map_err(anyhow::Error::msg)?,
        )?;
    Ok((config, certified.cert.pem()))
}
