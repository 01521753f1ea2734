//! The only files that name the SDK's types. Each adapter offers what its callers need in their
//! own words, and turns what went wrong into a [`CallError`] once.

pub(crate) mod codebuild;
pub mod codecommit;
pub mod connections;
mod remembered;
mod retry;
pub(crate) mod s3;
pub(crate) mod sqs;

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_config::environment::{
    EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider,
};
use aws_config::sts::AssumeRoleProvider;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_runtime::retries::classifiers::{THROTTLING_ERRORS, TRANSIENT_ERRORS};
use aws_sdk_codecommit::config::SharedCredentialsProvider;
use aws_sdk_codecommit::operation::RequestId;
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::config::{Config, Reader};
use crate::error::{CallError, Cause};
use crate::memory::{FunctionMemory, MemoryBudget, TreeBudget};
use connections::Connections;

/// Every client, built once for the life of the process.
pub struct Aws {
    sdk: SdkConfig,
    /// The store of the bundles.
    pub(crate) bundles: s3::Bundles,
    /// The builds.
    pub builds: codebuild::Builds,
    /// The queue that feeds this function.
    pub queue: Arc<sqs::Queue>,
    /// The memory budget for large contents, whichever push they belong to.
    pub memory: MemoryBudget,
    /// The memory that pushes take by their size.
    pub trees: TreeBudget,
    /// Pushes worked on at once.
    pub pushes: usize,
    /// Repositories of other accounts and regions need clients of their own.
    codecommit: Mutex<CodeCommitClients>,
}

/// CodeCommit's clients by region and reader.
type CodeCommitClients = HashMap<(String, Option<Reader>), codecommit::Client>;

impl Aws {
    /// Builds the clients over these connections.
    pub async fn connect(config: &Config, connections: Connections) -> Self {
        let sdk = sdk_config(&connections).await;
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
        connections.wait();
        aws
    }

    /// CodeCommit in the repository's region, read under a role where there is one.
    pub async fn codecommit(&self, region: &str, reader: Option<Reader>) -> codecommit::Client {
        let key = (region.to_owned(), reader);
        let known = self.codecommit_clients().get(&key).cloned();
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
        self.codecommit_clients().insert(key, client.clone());
        client
    }

    fn codecommit_clients(&self) -> MutexGuard<'_, CodeCommitClients> {
        // A panic while it was locked leaves a map that is as good as before.
        let clients = self.codecommit.lock();
        clients.unwrap_or_else(PoisonError::into_inner)
    }
}

/// The queues alone, which is all that the handler `intake` calls.
pub async fn connect_queue(connections: Connections) -> Arc<sqs::Queue> {
    let queue = sqs::Queue::new(&sdk_config(&connections).await);
    connections.wait();
    Arc::new(queue)
}

/// The SDK's own settings, read from the environment.
async fn sdk_config(connections: &Connections) -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .app_name(AppName::new("pushbuild").expect("the name has no character to refuse"))
        .retry_config(retry::standard())
        .timeout_config(retry::timeouts())
        .http_client(connections.clone());
    // Lambda's own are where the SDK looks first, but it sets up all the other places before.
    if all_set(["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]) {
        loader = loader.credentials_provider(EnvironmentVariableCredentialsProvider::new());
    }
    if all_set(["AWS_REGION"]) {
        loader = loader.region(EnvironmentVariableRegionProvider::new());
    }
    loader.load().await
}

/// Whether the SDK would find something in each of these environment variables.
fn all_set<const N: usize>(variables: [&str; N]) -> bool {
    variables
        .map(std::env::var)
        .iter()
        .all(|value| value.as_ref().is_ok_and(|value| !value.trim().is_empty()))
}

/// Codes that mean the same in every service:
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html>, and those that the SDK
/// itself retries.
fn common_cause(code: &str) -> Option<Cause> {
    Some(match code {
        _ if THROTTLING_ERRORS.contains(&code) => Cause::Throttled,
        _ if TRANSIENT_ERRORS.contains(&code) => Cause::Unavailable,
        "InternalFailure"
        | "InternalError"
        | "InternalServerError"
        | "ServiceUnavailable"
        | "RequestExpired" => Cause::Unavailable,
        "AccessDenied"
        | "AccessDeniedException"
        | "NotAuthorized"
        | "OptInRequired"
        | "AllAccessDisabled" => Cause::Denied,
        _ => return None,
    })
}

/// An error and what caused it.
fn sources<'error>(
    error: &'error (dyn Error + 'static),
) -> impl Iterator<Item = &'error (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

/// The code of an AssumeRole that failed on the way to a call, which itself was then never sent.
fn role_refused<'error>(error: &'error (dyn Error + 'static)) -> Option<&'error str> {
    sources(error)
        .find_map(|error| error.downcast_ref::<SdkError<AssumeRoleError, HttpResponse>>())
        .and_then(SdkError::as_service_error)
        .and_then(AssumeRoleError::code)
}

/// Turns the SDK's error into one that says what it means. `known` holds the adapter's own codes.
fn failed<E>(
    call: &'static str,
    about: impl Into<String>,
    error: &SdkError<E, HttpResponse>,
    known: fn(&str) -> Option<Cause>,
) -> CallError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let code = error
        .code()
        .or_else(|| role_refused(error))
        .map(str::to_owned);
    let answer = error.raw_response();
    let status = answer.map(|answer| answer.status().as_u16());
    let told = |code: &String| known(code).or_else(|| common_cause(code));
    let cause = if answer.is_some_and(retry::is_throttle) {
        Cause::Throttled
    } else if codecommit::is_too_long(error) {
        Cause::TooLarge
    } else if let Some(cause) = code.as_ref().and_then(told) {
        cause
    } else {
        match (error, status, &code) {
            (_, Some(500..), _)
            | (_, None, Some(_))
            | (
                SdkError::TimeoutError(_)
                | SdkError::DispatchFailure(_)
                | SdkError::ResponseError(_),
                _,
                None,
            ) => Cause::Unavailable,
            // A HEAD request is refused without a body, and so without a code.
            (_, Some(403), None) => Cause::Denied,
            _ => Cause::Unknown,
        }
    };
    let message = error.message().map(str::to_owned);
    CallError {
        call,
        about: about.into(),
        cause,
        code,
        message: message.unwrap_or_else(|| with_sources(error)),
        request_id: error.request_id().map(str::to_owned),
    }
}

/// The error's message and those of its sources. (The SDK's `DisplayErrorContext` adds its Debug output.)
fn with_sources(error: &(dyn Error + 'static)) -> String {
    let messages: Vec<_> = sources(error).map(ToString::to_string).collect();
    messages.join(": ")
}

/// A failure that the service has no code for: its answer, or what it was to be asked, makes no
/// sense.
fn without_code(call: &'static str, about: impl Into<String>, message: &str) -> CallError {
    CallError {
        call,
        about: about.into(),
        cause: Cause::Unknown,
        code: None,
        message: message.to_owned(),
        request_id: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_in_messages_down_to_its_cause_without_debug_output() {
        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        let error = aws_smithy_runtime_api::client::result::ConnectorError::io(refused.into());
        let error = SdkError::<std::io::Error, HttpResponse>::dispatch_failure(error);
        assert_eq!(
            with_sources(&error),
            "dispatch failure: io error: connection refused"
        );
    }
}
