//! The local S3 over a real socket, called by the real AWS SDK.

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::builders::GetObjectFluentBuilder;
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::primitives::ByteStream;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::*;

mod multipart;
mod objects;
mod requests;
mod versions;

const BUCKET: &str = "bundles";

/// A local S3 on a port of its own, with one bucket and a client.
struct Served {
    root: TempDir,
    versioned: bool,
    s3: S3,
    address: String,
    client: Client,
}

impl Served {
    async fn new(versioned: bool) -> Self {
        let root = tempfile::tempdir().unwrap();
        let s3 = S3::new(root.path().to_owned(), Clock::default()).unwrap();
        s3.create_bucket(BUCKET, versioned).unwrap();
        let address = serve(&s3).await;
        let client = client(&address, SECRET_ACCESS_KEY);
        Self {
            root,
            versioned,
            s3,
            address,
            client,
        }
    }

    fn put_object(&self, key: impl Into<String>) -> PutObjectFluentBuilder {
        self.client.put_object().bucket(BUCKET).key(key)
    }

    fn get_object(&self, key: impl Into<String>) -> GetObjectFluentBuilder {
        self.client.get_object().bucket(BUCKET).key(key)
    }

    async fn put(&self, key: &str, body: &str) -> Option<String> {
        let body = ByteStream::from(body.as_bytes().to_vec());
        let put = self.put_object(key).body(body).send().await.unwrap();
        put.version_id
    }

    async fn get(&self, key: &str) -> Result<String, String> {
        match self.get_object(key).send().await {
            Ok(got) => Ok(text(got.body).await),
            Err(error) => Err(code(&error)),
        }
    }

    async fn delete(&self, key: &str) -> Option<String> {
        let delete = self.client.delete_object().bucket(BUCKET).key(key);
        let deleted = delete.send().await.unwrap();
        assert_eq!(
            deleted.delete_marker,
            deleted.version_id.as_ref().map(|_| true)
        );
        deleted.version_id
    }

    /// How many files of data there are, of versions and of parts.
    fn data_files(&self) -> usize {
        let files = std::fs::read_dir(self.root.path().join(".s3").join(BUCKET)).unwrap();
        let is_data = |path: &PathBuf| path.extension().is_none();
        files
            .filter(|file| is_data(&file.as_ref().unwrap().path()))
            .count()
    }

    /// The same folder, as the next start of the program sees it.
    fn restarted(&self) -> S3 {
        let again = S3::new(self.root.path().to_owned(), Clock::default()).unwrap();
        again.create_bucket(BUCKET, self.versioned).unwrap();
        again
    }
}

async fn serve(s3: &S3) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let service = s3.service();
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let service = service.clone();
            let answer = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
                let service = service.clone();
                async move { Ok::<_, std::convert::Infallible>(service.call(request).await) }
            });
            tokio::spawn(
                hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(socket), answer),
            );
        }
    });
    address
}

fn client(address: &str, secret: &str) -> Client {
    let credentials = Credentials::new("anyone", secret, Some("a session".into()), None, "test");
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(pushbuild::aws::connections::Connections::prepare())
        .region(Region::new("eu-west-1"))
        .credentials_provider(credentials)
        .endpoint_url(address)
        .force_path_style(true)
        .build();
    Client::from_conf(config)
}

fn code<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> String {
    error.code().unwrap_or("no code").to_owned()
}

async fn text(body: ByteStream) -> String {
    String::from_utf8(body.collect().await.unwrap().to_vec()).unwrap()
}

/// Bytes that differ from place to place.
fn noise(size: usize) -> Vec<u8> {
    let byte = |at: usize| u8::try_from((at * 7 + at / 251) % 256).unwrap();
    (0..size).map(byte).collect()
}
