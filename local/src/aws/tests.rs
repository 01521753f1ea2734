//! What is told when it cannot start, and what is left when it ends.

use std::time::Duration;

use super::*;

#[tokio::test]
async fn deploying_twice_under_one_name_or_on_a_taken_port_is_told() {
    let root = tempfile::tempdir().unwrap();
    let aws = LocalAws::start(Options::new(root.path())).await.unwrap();
    let _deployment = aws.deploy(DeployOptions::new("python3")).unwrap();
    let mut other = DeployOptions::new("python3");
    other.max_receive_count = 7;
    let error = aws.deploy(other).err().unwrap();
    assert!(
        format!("{error:#}").contains("creating the queue"),
        "{error:#}"
    );
    let mut options = Options::new(std::env::temp_dir());
    options.port = aws
        .endpoint()
        .rsplit(':')
        .next()
        .and_then(|port| port.parse().ok());
    let error = LocalAws::start(options).await.err().unwrap();
    assert!(
        format!("{error:#}").contains("cannot be opened"),
        "{error:#}"
    );
}

#[tokio::test]
async fn dropping_it_closes_the_port() {
    let root = tempfile::tempdir().unwrap();
    let aws = LocalAws::start(Options::new(root.path())).await.unwrap();
    let address = aws.endpoint().replace("http://", "");
    let mut open = tokio::net::TcpStream::connect(&address).await.unwrap();
    drop(aws);
    let mut end = [0];
    let read = tokio::io::AsyncReadExt::read(&mut open, &mut end);
    let read = tokio::time::timeout(Duration::from_secs(5), read)
        .await
        .expect("the connection is closed");
    assert!(matches!(read, Ok(0) | Err(_)));
    assert!(tokio::net::TcpStream::connect(&address).await.is_err());
}
