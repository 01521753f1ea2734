//! One HTTP client for all services: one pool of connections, one TLS configuration, one reading
//! of the trusted certificates.
//!
//! By default the SDK makes a TLS configuration for each of its clients, only to check that it can,
//! and reads every file in the system's folders of certificates, though one file beside them holds
//! the same. That took more than half of a cold start (docs/performance.md).

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{fs, panic};

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use parking_lot::Mutex;

use super::retry;

/// How long a connector waits for a connection, and for an answer's first byte.
type Timeouts = (Option<Duration>, Option<Duration>);

/// The connectors by their timeouts. Each has connections of its own.
#[derive(Clone, Debug)]
pub struct Connections {
    /// The system's one file of certificates; `None` to let the SDK search for certificates.
    bundle: Option<PathBuf>,
    connectors: Arc<Mutex<HashMap<Timeouts, SharedHttpConnector>>>,
}

impl Connections {
    /// Begins to make the connector that all clients use, on another thread: reading the certificates
    /// takes as long as the rest of the start. The first call waits for what is left of it.
    pub fn prepare() -> Self {
        let connections = Self::trusting(system_bundle());
        let prepared = connections.clone();
        tokio::spawn(async move { prepared.usual() });
        connections
    }

    fn trusting(bundle: Option<PathBuf>) -> Self {
        Self {
            bundle,
            connectors: Arc::default(),
        }
    }

    fn usual(&self) -> SharedHttpConnector {
        let timeouts = retry::timeouts();
        self.connector((timeouts.connect_timeout(), timeouts.read_timeout()))
    }

    fn connector(&self, timeouts: Timeouts) -> SharedHttpConnector {
        let mut connectors = self.connectors.lock();
        let connector = connectors.entry(timeouts);
        connector.or_insert_with(|| self.connect(timeouts)).clone()
    }

    fn connect(&self, timeouts: Timeouts) -> SharedHttpConnector {
        if let Some(tls) = self.bundle.as_deref().and_then(trusting) {
            // The connector panics at a certificate that it cannot read; the SDK skips those.
            let made = panic::catch_unwind(|| connector(tls, timeouts));
            if let Ok(connector) = made {
                return connector;
            }
            tracing::warn!(
                "the system's file of certificates has one that cannot be read: \
                 its folders are read instead, which makes the start slower"
            );
        }
        connector(TlsContext::default(), timeouts)
    }
}

/// A connector as the SDK makes it (`aws_smithy_runtime::client::http`), proxies included.
fn connector(tls: TlsContext, (connect_timeout, read_timeout): Timeouts) -> SharedHttpConnector {
    let mut settings = HttpConnectorSettings::builder();
    settings
        .set_connect_timeout(connect_timeout)
        .set_read_timeout(read_timeout);
    let connector = Connector::builder()
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .tls_context(tls)
        .proxy_config(ProxyConfig::from_env())
        .connector_settings(settings.build());
    SharedHttpConnector::new(connector.build())
}

/// The file with all certificates that the operating system trusts; `None` where the environment
/// names others, which the SDK reads.
fn system_bundle() -> Option<PathBuf> {
    let named = ["SSL_CERT_FILE", "SSL_CERT_DIR"].map(std::env::var_os);
    let probed = || openssl_probe::probe().cert_file;
    named.iter().all(Option::is_none).then(probed).flatten()
}

/// Trust in this file's certificates alone.
fn trusting(bundle: &Path) -> Option<TlsContext> {
    let trusted = TrustStore::empty().with_pem_certificate(fs::read(bundle).ok()?);
    TlsContext::builder().with_trust_store(trusted).build().ok()
}

impl HttpClient for Connections {
    /// What finds credentials outside Lambda, and a copy in S3, have timeouts of their own.
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        _components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        self.connector((settings.connect_timeout(), settings.read_timeout()))
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        Some(ConnectorMetadata::new("hyper", Some("1.x".into())))
    }
}

#[cfg(test)]
mod tests;
