//! The local AWS in one piece: every service behind one port, and pushbuild deployed on it.
//!
//! - [`LocalAws`]: the services, their clock, the call log and the faults
//! - [`deployment`]: bucket, queues, function and mapping, as the template deploys them

pub mod deployment;

use std::net::Ipv4Addr;
use std::path::PathBuf;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

pub use deployment::Deployment;

pub use crate::lambda::DeployOptions;

use crate::calls::CallLog;
use crate::clock::Clock;
use crate::codebuild::CodeBuild;
use crate::codecommit::CodeCommit;
use crate::faults::Faults;
use crate::s3::{S3, SECRET_ACCESS_KEY};
use crate::sqs::Sqs;
use crate::sts::Sts;
use crate::wire::{Services, serve};

/// The account of everything here.
pub const ACCOUNT: &str = "000000000000";
/// The Region of everything here.
pub const REGION: &str = "eu-west-1";

/// Where and when the local AWS is.
#[derive(Clone, Debug)]
pub struct Options {
    /// The port on loopback; any that is free if not given.
    pub port: Option<u16>,
    /// The folder that S3's buckets are in.
    pub root: PathBuf,
    pub clock: Clock,
}

impl Options {
    /// Any port, real time, S3 below `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            port: None,
            root: root.into(),
            clock: Clock::default(),
        }
    }
}

/// AWS on this machine. Dropped, it closes its port and connections.
pub struct LocalAws {
    clock: Clock,
    endpoint: String,
    services: Services,
    calls: CallLog,
    faults: Faults,
    _serving: JoinSet<()>,
}

impl LocalAws {
    /// Opens the port and serves.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let Options { port, root, clock } = &options;
        let port = port.unwrap_or(0);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .with_context(|| format!("port {port} on 127.0.0.1 cannot be opened"))?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let services = Services {
            codecommit: CodeCommit::default(),
            codebuild: CodeBuild::new(clock.clone()),
            s3: S3::new(root.clone(), clock.clone())
                .with_context(|| format!("{} cannot hold S3's buckets", root.display()))?,
            sqs: Sqs::new(clock.clone(), &endpoint),
            sts: Sts::new(clock.clone()),
        };
        let calls = CallLog::default();
        let faults = Faults::new(clock.clone());
        Ok(Self {
            _serving: serve(listener, services.clone(), calls.clone(), faults.clone()),
            clock: options.clock,
            endpoint,
            services,
            calls,
            faults,
        })
    }

    /// `http://127.0.0.1:PORT`, the endpoint of every service.
    pub fn endpoint(&self) -> String {
        self.endpoint.clone()
    }

    /// What an SDK or the AWS CLI needs in its environment to come here. Any credentials
    /// will do.
    pub fn environment(&self) -> [(&'static str, String); 6] {
        [
            ("AWS_ENDPOINT_URL", self.endpoint()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_DEFAULT_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", "LOCALUSER".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY.to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ]
    }

    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    pub fn calls(&self) -> &CallLog {
        &self.calls
    }

    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    pub fn codecommit(&self) -> &CodeCommit {
        &self.services.codecommit
    }

    pub fn codebuild(&self) -> &CodeBuild {
        &self.services.codebuild
    }

    pub fn s3(&self) -> &S3 {
        &self.services.s3
    }

    pub fn sqs(&self) -> &Sqs {
        &self.services.sqs
    }

    pub fn sts(&self) -> &Sts {
        &self.services.sts
    }
}
