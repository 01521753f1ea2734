//! `cargo local try`: the main job on a local clone.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use console::style;
use tokio::time::Instant;

use super::plan::{Message, Plan, Served};
use super::progress::Progress;
use super::report::{self, Ending};
use super::watch::Watch;
use super::{TryArgs, sample, storage};
use crate::aws::{DeployOptions, Deployment, LocalAws, Options};
use crate::codebuild::is_project_name;
use crate::lambda::EventSourceMapping;

/// An invocation's time, as on AWS; and how long a try is waited for.
const TIMEOUT: Duration = Duration::from_mins(15);

/// What a project is called whose repository's name no project can have.
const OTHER_PROJECT: &str = "build-{repository}";

pub async fn run(args: TryArgs) -> anyhow::Result<ExitCode> {
    let mut plan = Plan::of(&args)?;
    let aws = LocalAws::start(Options::new(storage())).await?;
    aws.codebuild.accept_any_project(true);
    let _sample = sample::serve(&aws.codecommit)?;
    let mut deploy = deploy_options()?;
    if let Some(Served { name, path }) = &plan.served {
        aws.codecommit
            .add_repository(name, path)
            .context("the repository cannot be served; --repository gives it another name")?;
        let project = name.replace('.', "-");
        if !is_project_name(&project) && !deploy.env.contains_key("CODEBUILD_PROJECT") {
            plan.notes.push(format!(
                "CodeBuild can have no project named {name}: here it is {}, as with CODEBUILD_PROJECT={OTHER_PROJECT}",
                OTHER_PROJECT.replace("{repository}", &project)
            ));
            let other = ("CODEBUILD_PROJECT".to_owned(), OTHER_PROJECT.to_owned());
            deploy.env.extend([other]);
        }
    }
    let mut trial = Trial {
        deployment: aws.deploy(deploy)?,
        aws,
        json: args.json,
        shown: 0,
        any_failed: false,
    };
    let endpoint = &trial.aws.endpoint;
    trial.say(format_args!(
        "pushbuild on a local AWS at {endpoint}: nothing leaves this machine"
    ));
    for note in &plan.notes {
        trial.say(format_args!("  {}       {note}", style("note").yellow()));
    }
    trial.push(&plan.messages).await?;
    if let (true, Some(served)) = (args.watch, &plan.served) {
        trial.watch(served).await?;
    }
    Ok(ExitCode::from(u8::from(trial.any_failed)))
}

/// A deployment and what was shown of its work.
struct Trial {
    deployment: Deployment,
    aws: LocalAws,
    json: bool,
    /// How many endings were shown.
    shown: usize,
    any_failed: bool,
}

impl Trial {
    /// Tells a person.
    fn say(&self, line: impl Display) {
        if !self.json {
            println!("{line}");
        }
    }

    /// Pushes each commit as it is made, until Ctrl-C.
    async fn watch(&mut self, served: &Served) -> anyhow::Result<()> {
        let mut watch = Watch::begin(&served.path)?;
        loop {
            let name = &served.name;
            self.say(format_args!(
                "\nwaiting for commits in {name}; Ctrl-C ends it"
            ));
            tokio::select! {
                stop = tokio::signal::ctrl_c() => return Ok(stop?),
                messages = watch.next(&served.name) => self.push(&messages?).await?,
            }
        }
    }

    /// Sends messages, waits for what becomes of each, and shows it.
    async fn push(&mut self, messages: &[Message]) -> anyhow::Result<()> {
        self.aws.calls.clear();
        for message in messages {
            let (title, repository) = (&message.title, &message.repository);
            self.say(format_args!("  sent       {title} of {repository}"));
            self.deployment.send_to_intake(&message.body)?;
        }
        let wanted = self.shown + messages.len();
        let endings = self.endings(wanted).await?.split_off(self.shown);
        self.shown += endings.len();
        self.any_failed |= endings.iter().any(Ending::failed);
        let bucket = &self.deployment.bucket;
        self.say("");
        for ending in &endings {
            if self.json {
                println!("{}", ending.json(&self.aws, bucket));
            } else {
                ending.show(&self.aws, bucket);
            }
        }
        for warning in report::warnings(&self.deployment.log) {
            self.say(format_args!("  {}    {warning}", style("warning").yellow()));
        }
        if let Some(calls) = report::calls(&self.aws) {
            self.say(format_args!("calls: {calls}"));
        }
        Ok(())
    }

    /// Waits until so many messages have ended, and shows the calls meanwhile. One that failed has
    /// ended, too, though it will come back.
    async fn endings(&self, wanted: usize) -> anyhow::Result<Vec<Ending>> {
        let begun = Instant::now();
        let log = &self.deployment.log;
        let mut progress = Progress::default();
        loop {
            let endings = Ending::all(log);
            let are_all = endings.len() >= wanted;
            if are_all {
                // The function writes its line before it postpones a failed push.
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            if !self.json {
                progress.show(&self.aws.calls);
            }
            if are_all {
                return Ok(endings);
            }
            let mappings = [&self.deployment.intake, &self.deployment.publish];
            let mut outcomes = mappings.into_iter().flat_map(EventSourceMapping::outcomes);
            if let Some(died) = outcomes.find(|outcome| outcome.response.is_none()) {
                let ended = died.invocation;
                anyhow::bail!("the function gave no answer: {ended:?}\n{}", log.text());
            }
            if begun.elapsed() > TIMEOUT {
                anyhow::bail!("after {TIMEOUT:?} not every push has ended: {endings:?}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn deploy_options() -> anyhow::Result<DeployOptions> {
    let program = std::env::current_exe().context("this program cannot find itself")?;
    let mut options = DeployOptions::new(program);
    options.args = vec!["function".to_owned()];
    options.timeout = TIMEOUT;
    options.env = BTreeMap::from([("AWS_LAMBDA_LOG_FORMAT".to_owned(), "JSON".to_owned())]);
    // A deployment's settings can be tried by setting them here too.
    let settings = pushbuild::config::VARIABLES
        .iter()
        .map(|variable| variable.name);
    for variable in settings.chain(["AWS_LAMBDA_LOG_LEVEL"]) {
        if let Ok(value) = std::env::var(variable) {
            options.env.insert(variable.to_owned(), value);
        }
    }
    if let Some(bucket) = options.env.remove("CODE_BUCKET") {
        options.bucket = bucket;
    }
    Ok(options)
}
