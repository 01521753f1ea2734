//! The only files that name the SDK's types. Each adapter offers its callers what they need, in
//! their words, and turns a failure into a [`CallError`](crate::error::CallError) once.

pub(crate) mod codebuild;
pub mod codecommit;
pub mod connections;
mod failure;
mod remembered;
mod retry;
pub(crate) mod s3;
pub(crate) mod sqs;

use std::collections::HashMap;
use std::sync::Arc;

use aws_config::environment::{
    EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider,
};
use aws_config::sts::AssumeRoleProvider;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_sdk_codecommit::config::SharedCredentialsProvider;
use parking_lot::Mutex;

use crate::config::{Config, Reader};
use crate::memory::{FunctionMemory, MemoryBudget, TreeBudget};
use connections::Connections;
use failure::{common_cause, failed, sources, without_code};

/// All clients, built once for the life of the process.
pub struct Aws {
    sdk: SdkConfig,
    pub(crate) bundles: s3::Bundles,
    /// The builds.
    pub builds: codebuild::Builds,
    /// The queue that feeds this function.
    pub queue: Arc<sqs::Queue>,
    /// The memory budget for large contents, those of all pushes together.
    pub memory: MemoryBudget,
    /// The memory that pushes take by their size.
    pub trees: TreeBudget,
    /// How many pushes are worked on at once.
    pub pushes: usize,
    /// CodeCommit's clients by region and reader: repositories of other accounts and regions need
    /// clients of their own.
    codecommit: Mutex<HashMap<(String, Option<Reader>), codecommit::Client>>,
}

impl Aws {
    /// Builds the clients over these connections.
    pub async fn connect(config: &Config, connections: Connections) -> Self {
        let sdk = sdk_config(connections).await;
        let memory = FunctionMemory::of_environment();
        let aws = Self {
            bundles: s3::Bundles::new(&sdk, config, memory.pushes()),
            builds: codebuild::Builds::new(&sdk),
            queue: Arc::new(sqs::Queue::new(&sdk)),
            memory: memory.contents(),
            trees: memory.trees(),
            pushes: memory.pushes(),
            codecommit: Mutex::default(),
            sdk,
        };
        if let Some(home) = aws.sdk.region() {
            aws.codecommit(home.as_ref(), None).await;
        }
        aws
    }

    /// CodeCommit in the repository's region, read under a role where there is one.
    pub async fn codecommit(&self, region: &str, reader: Option<Reader>) -> codecommit::Client {
        let key = (region.to_owned(), reader);
        let known = self.codecommit.lock().get(&key).cloned();
        if let Some(client) = known {
            return client;
        }
        let mut sdk = self.sdk.to_builder().region(Region::new(region.to_owned()));
        if let Some(reader) = &key.1 {
            let mut role = AssumeRoleProvider::builder(&reader.role_arn)
                .session_name("pushbuild")
                .configure(&self.sdk);
            if let Some(id) = &reader.external_id {
                role = role.external_id(id);
            }
            sdk = sdk.credentials_provider(SharedCredentialsProvider::new(role.build().await));
        }
        let client = codecommit::Client::new(&sdk.build());
        self.codecommit.lock().insert(key, client.clone());
        client
    }
}

/// The queues alone: the handler `intake` calls nothing else.
pub async fn connect_queue(connections: Connections) -> Arc<sqs::Queue> {
    Arc::new(sqs::Queue::new(&sdk_config(connections).await))
}

/// The SDK's own settings, read from the environment.
async fn sdk_config(connections: Connections) -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .app_name(AppName::new("pushbuild").expect("the name has no character to refuse"))
        .retry_config(retry::standard())
        .timeout_config(retry::timeouts())
        .http_client(connections);
    // Lambda puts these into the environment, where the SDK looks first. By default it would set up
    // all its other sources too.
    if all_set(&["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]) {
        loader = loader.credentials_provider(EnvironmentVariableCredentialsProvider::new());
    }
    if all_set(&["AWS_REGION"]) {
        loader = loader.region(EnvironmentVariableRegionProvider::new());
    }
    loader.load().await
}

/// Whether the SDK would find something in each of these environment variables.
fn all_set(variables: &[&str]) -> bool {
    let mut values = variables.iter().map(std::env::var);
    values.all(|value| value.is_ok_and(|value| !value.trim().is_empty()))
}
