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

pub use deployment::Deployment;

pub use crate::lambda::DeployOptions;

use crate::calls::{CallLog, Service};
use crate::clock::Clock;
use crate::codebuild::CodeBuild;
use crate::codecommit::CodeCommit;
use crate::faults::Faults;
use crate::s3::{S3, SECRET_ACCESS_KEY};
use crate::sqs::Sqs;
use crate::sts::Sts;
use crate::wire::{JsonRoute, Routes, Wire};

/// Where and when the local AWS is.
#[derive(Clone, Debug)]
pub struct Options {
    /// The port on loopback; any that is free if not given.
    pub port: Option<u16>,
    /// The folder that S3's buckets are in.
    pub root: PathBuf,
    /// The time as the services see it.
    pub clock: Clock,
    /// The only Region.
    pub region: String,
    /// The account, twelve digits.
    pub account: String,
}

impl Options {
    /// Any port, real time, S3 below `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            port: None,
            root: root.into(),
            clock: Clock::default(),
            region: "eu-west-1".to_owned(),
            account: "000000000000".to_owned(),
        }
    }
}

/// AWS on this machine. Dropped, it closes its port and connections.
pub struct LocalAws {
    options: Options,
    endpoint: String,
    _wire: Wire,
    codecommit: CodeCommit,
    codebuild: CodeBuild,
    s3: S3,
    sqs: Sqs,
    sts: Sts,
    calls: CallLog,
    faults: Faults,
}

impl LocalAws {
    /// Opens the port and serves.
    ///
    /// # Errors
    /// When the port is taken, or S3's folder cannot be used.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let Options {
            clock,
            region,
            account,
            ..
        } = &options;
        let port = options.port.unwrap_or(0);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .with_context(|| format!("port {port} on 127.0.0.1 cannot be opened"))?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let root = &options.root;
        let s3 = S3::new(root.clone(), clock.clone())
            .with_context(|| format!("{} cannot hold S3's buckets", root.display()))?;
        let codecommit = CodeCommit::new();
        let codebuild = CodeBuild::new(clock.clone(), region, account);
        let sqs = Sqs::new(clock.clone(), &endpoint, region, account);
        let calls = CallLog::default();
        let faults = Faults::new(clock.clone());
        let sts = Sts::new(clock.clone(), account);
        let routes = routes(&codecommit, &codebuild, &sqs, &s3, sts.clone());
        let wire = Wire::serve(listener, routes, calls.clone(), faults.clone());
        Ok(Self {
            options,
            endpoint,
            _wire: wire,
            codecommit,
            codebuild,
            s3,
            sqs,
            sts,
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
    pub fn environment(&self) -> Vec<(String, String)> {
        [
            ("AWS_ENDPOINT_URL", self.endpoint()),
            ("AWS_REGION", self.options.region.clone()),
            ("AWS_DEFAULT_REGION", self.options.region.clone()),
            ("AWS_ACCESS_KEY_ID", "LOCALUSER".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY.to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// Where and when it is.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The time as the services see it.
    pub fn clock(&self) -> &Clock {
        &self.options.clock
    }

    /// Every call so far.
    pub fn calls(&self) -> &CallLog {
        &self.calls
    }

    /// What goes wrong.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// The repositories.
    pub fn codecommit(&self) -> &CodeCommit {
        &self.codecommit
    }

    /// The projects and builds.
    pub fn codebuild(&self) -> &CodeBuild {
        &self.codebuild
    }

    /// The buckets.
    pub fn s3(&self) -> &S3 {
        &self.s3
    }

    /// The queues.
    pub fn sqs(&self) -> &Sqs {
        &self.sqs
    }

    /// The roles.
    pub fn sts(&self) -> &Sts {
        &self.sts
    }
}

fn routes(codecommit: &CodeCommit, codebuild: &CodeBuild, sqs: &Sqs, s3: &S3, sts: Sts) -> Routes {
    /// A service's `call`, as a route.
    macro_rules! json {
        ($service:expr) => {{
            let service = $service.clone();
            let route: JsonRoute = Arc::new(move |operation, input| {
                let service = service.clone();
                Box::pin(async move { service.call(&operation, input).await })
            });
            route
        }};
    }
    let s3 = s3.service();
    Routes {
        json: [
            (Service::CodeCommit, json!(codecommit)),
            (Service::CodeBuild, json!(codebuild)),
            (Service::Sqs, json!(sqs)),
        ]
        .into(),
        sts: Arc::new(move |form| sts.call(&form)),
        s3: Arc::new(move |request| {
            let s3 = s3.clone();
            Box::pin(async move { s3.call(request).await })
        }),
    }
}
