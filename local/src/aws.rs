//! The local AWS in one piece: every service behind one port, and pushbuild deployed on it.
//!
//! - [`LocalAws`]: the services, their clock, the call log and the faults
//! - [`deployment`]: bucket, queues, function and mapping, as the template deploys them

pub mod deployment;

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;

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
use crate::s3::S3;
use crate::sqs::Sqs;
use crate::sts::Sts;
use crate::wire::{Front, serve};

/// The account of everything here.
pub const ACCOUNT: &str = "000000000000";
/// The Region of everything here.
pub const REGION: &str = "eu-west-1";
/// The secret that goes with every access key id; any other is taken, too.
pub(crate) const SECRET_ACCESS_KEY: &str = "local-and-not-a-secret";

/// Where and when the local AWS is.
#[derive(Clone, Debug)]
pub struct Options {
    /// The port on loopback; 0 for any that is free.
    pub port: u16,
    /// The folder that S3's buckets are in.
    pub root: PathBuf,
    pub clock: Clock,
}

impl Options {
    /// Any port, real time, S3 below `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            port: 0,
            root: root.into(),
            clock: Clock::default(),
        }
    }
}

/// AWS on this machine. Dropped, it closes its port and connections.
pub struct LocalAws {
    pub clock: Clock,
    /// `http://127.0.0.1:PORT`, the endpoint of every service.
    pub endpoint: String,
    pub calls: CallLog,
    pub faults: Faults,
    pub codecommit: CodeCommit,
    pub codebuild: CodeBuild,
    pub s3: S3,
    pub sqs: Sqs,
    pub sts: Sts,
    _serving: JoinSet<()>,
}

impl LocalAws {
    /// Opens the port and serves.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let Options { port, root, clock } = options;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .with_context(|| format!("port {port} on 127.0.0.1 cannot be opened"))?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let s3 = S3::new(root.clone(), clock.clone())
            .with_context(|| format!("{} cannot hold S3's buckets", root.display()))?;
        let front = Front {
            codecommit: CodeCommit::default(),
            codebuild: CodeBuild::new(clock.clone()),
            s3,
            sqs: Sqs::new(clock.clone(), &endpoint),
            sts: Sts::new(clock.clone()),
            calls: CallLog::default(),
            faults: Faults::new(clock.clone()),
        };
        let served = front.clone();
        Ok(Self {
            clock,
            endpoint,
            calls: front.calls,
            faults: front.faults,
            codecommit: front.codecommit,
            codebuild: front.codebuild,
            s3: front.s3,
            sqs: front.sqs,
            sts: front.sts,
            _serving: serve(listener, Arc::new(served)),
        })
    }
}
