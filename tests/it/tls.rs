//! Over TLS, as AWS is reached, with certificates that the system or the environment vouches for.

use std::sync::{Arc, Mutex};

use crate::setup::prelude::*;
use pushbuild_local::tls::Front;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A front, and pushbuild deployed so that the front is all it knows of AWS.
async fn behind_tls(env: impl FnOnce(&Front) -> Vec<(&'static str, String)>) -> (Front, World) {
    let front = Front::listen().await.unwrap();
    let world = World::with(|options| {
        let known = ("AWS_ENDPOINT_URL", front.endpoint());
        let env = env(&front).into_iter().chain([known]);
        options.max_receive_count = 1;
        options
            .env
            .extend(env.map(|(name, value)| (name.to_owned(), value)));
    })
    .await;
    front.lead_to(&world.aws.endpoint()).unwrap();
    (front, world)
}

fn authority(front: &Front) -> (&'static str, String) {
    ("SSL_CERT_FILE", front.authority().display().to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_is_built_over_tls_and_connections_are_kept() {
    let (front, world) = behind_tls(|front| vec![authority(front)]).await;
    let shop = Repository::small();
    world.push_shop(&shop).await;
    world.assert_built(&shop.0, &shop.1);
    let calls = world.aws.calls().list().len();
    let handshakes = front.handshakes();
    assert!(
        (1..calls).contains(&handshakes),
        "{handshakes} handshakes for {calls} calls"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environments_proxy_is_the_way_to_aws() {
    let (proxy, asked_for) = proxy().await;
    let (front, world) = behind_tls(|front| vec![authority(front), ("HTTPS_PROXY", proxy)]).await;
    world.push_shop(&Repository::small()).await;
    world.build();
    let asked_for = asked_for.lock().unwrap();
    assert_eq!(asked_for.len(), front.handshakes());
    let host = front.endpoint().replace("https://", "");
    assert!(
        asked_for.iter().all(|asked| *asked == host),
        "{asked_for:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_nobody_vouches_for_gets_no_call() {
    let (front, world) = behind_tls(|_| Vec::new()).await;
    world.push_shop(&Repository::small()).await;
    assert!(world.builds().is_empty());
    assert_eq!(front.handshakes(), 0);
    let failed = &world.outcomes("failed")[0];
    assert!(
        failed["error"].to_string().contains("UnknownIssuer"),
        "{failed}"
    );
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
