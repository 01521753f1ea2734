//! AWS is reached over TLS, with certificates that the system or the environment trusts.

use std::sync::{Arc, Mutex};

use crate::setup::prelude::*;
use pushbuild_local::tls::TlsEndpoint;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Deploys pushbuild with these variables and this endpoint for all of AWS.
async fn behind(tls: &TlsEndpoint, env: &[(&str, &str)]) -> World {
    let endpoint = tls.endpoint();
    let world = World::with_env(&[env, &[("AWS_ENDPOINT_URL", &endpoint)]].concat()).await;
    tls.forward_to(&world.aws.endpoint);
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_is_built_over_tls_and_connections_are_kept() {
    let tls = TlsEndpoint::listen().await.unwrap();
    let authority = tls.authority().display().to_string();
    let world = behind(&tls, &[("SSL_CERT_FILE", &authority)]).await;
    let shop = Repository::small();
    world.push_shop(&shop).await;
    world.assert_built(&shop.0, &shop.1);
    let (calls, handshakes) = (world.aws.calls.list().len(), tls.handshakes());
    assert!(
        (1..calls).contains(&handshakes),
        "{handshakes} for {calls} calls"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environments_proxy_is_the_way_to_aws() {
    let (proxy, asked_for) = proxy().await;
    let tls = TlsEndpoint::listen().await.unwrap();
    let authority = tls.authority().display().to_string();
    let world = behind(
        &tls,
        &[("SSL_CERT_FILE", &authority), ("HTTPS_PROXY", &proxy)],
    )
    .await;
    world.push_shop(&Repository::small()).await;
    world.build();
    let host = tls.endpoint().replace("https://", "");
    let asked_for = asked_for.lock().unwrap();
    assert_eq!(*asked_for, vec![host; tls.handshakes()]);
}

/// A proxy that tunnels to whoever it is asked for, and what it was asked for.
async fn proxy() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let asked_for: Arc<Mutex<Vec<String>>> = Arc::default();
    let noted = asked_for.clone();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let mut client = BufReader::new(client);
            let mut request = String::new();
            while !request.ends_with("\r\n\r\n") {
                client.read_line(&mut request).await.unwrap();
            }
            let host = request.split(' ').nth(1).unwrap().to_owned();
            assert!(request.starts_with("CONNECT "), "{request}");
            noted.lock().unwrap().push(host.clone());
            let mut server = TcpStream::connect(host).await.unwrap();
            client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            tokio::spawn(
                async move { tokio::io::copy_bidirectional(&mut client, &mut server).await },
            );
        }
    });
    (endpoint, asked_for)
}
