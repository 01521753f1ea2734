use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use pushbuild_local::tls::TlsEndpoint;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;

use super::*;

/// Sends a request, trusting the certificates of a file. Answers the status.
async fn send(tls: &TlsEndpoint, bundle: &Path) -> Result<u16, String> {
    let connections = Connections::trusting(Some(bundle.to_owned()));
    let request = HttpRequest::get(tls.endpoint()).unwrap();
    let answer = connections.usual().call(request).await;
    answer
        .map(|answer| answer.status().as_u16())
        .map_err(|error| format!("{error:?}"))
}

async fn tls_endpoint() -> TlsEndpoint {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let tls = TlsEndpoint::listen().await.unwrap();
    tls.forward_to(&server.local_addr().unwrap().to_string());
    tokio::spawn(async move {
        while let Ok((connection, _)) = server.accept().await {
            let mut connection = BufReader::new(connection);
            let mut request = String::new();
            while !request.ends_with("\r\n\r\n") {
                connection.read_line(&mut request).await.unwrap();
            }
            let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
            connection.write_all(answer).await.unwrap();
        }
    });
    tls
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_authorities_in_the_systems_file_are_trusted() {
    let (tls, other) = (tls_endpoint().await, tls_endpoint().await);
    assert_eq!(send(&tls, tls.authority()).await, Ok(204));
    let refused = send(&tls, other.authority()).await.unwrap_err();
    assert!(refused.contains("InvalidCertificate"), "{refused}");
    assert_eq!(tls.handshakes(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_with_a_broken_certificate_is_left_for_the_sdks_own_reader() {
    let tls = tls_endpoint().await;
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("bundle.pem");
    let authority = fs::read_to_string(tls.authority()).unwrap();
    for broken in ["aGVsbG8=", "!"] {
        let broken = format!("-----BEGIN CERTIFICATE-----\n{broken}\n-----END CERTIFICATE-----\n");
        fs::write(&bundle, format!("{authority}{broken}")).unwrap();
        let refused = send(&tls, &bundle).await.unwrap_err();
        assert!(refused.contains("UnknownIssuer"), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clients_use_the_connector_that_was_made_ready() {
    let connections = Connections::prepare();
    connections.usual();
    let client = aws_sdk_s3::Client::from_conf(
        aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(Credentials::new("TEST", "none", None, None, "test"))
            .timeout_config(retry::timeouts())
            .http_client(connections.clone())
            .endpoint_url("http://127.0.0.1:1")
            .retry_config(aws_smithy_types::retry::RetryConfig::disabled())
            .build(),
    );
    client.list_buckets().send().await.unwrap_err();
    assert_eq!(connections.connectors.lock().len(), 1);
}
