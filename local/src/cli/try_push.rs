//! `cargo local try`: the main job on a local clone.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use tokio::time::Instant;

use super::plan::{Plan, Served};
use super::report::{self, Ending};
use super::{TryArgs, progress, sample, storage};
use crate::aws::{DeployOptions, Deployment, LocalAws, Options};
use crate::codecommit::count_tree;
use crate::lambda::EventSourceMapping;

/// An invocation's time, as on AWS; and how long a try is waited for.
const TIMEOUT: Duration = Duration::from_mins(15);

pub async fn run(args: TryArgs) -> anyhow::Result<ExitCode> {
    let options = Options::new(storage());
    let plan = Plan::of(&args, &options.account, &options.region)?;
    let aws = LocalAws::start(options).await?;
    aws.codebuild().accept_any_project(true);
    let sample = sample::Sample::build()?;
    aws.codecommit()
        .add_repository(sample::NAME, sample.path())?;
    if let Some(Served { name, path }) = &plan.served {
        aws.codecommit()
            .add_repository(name, path)
            .context("the repository cannot be served; --repository gives it another name")?;
    }
    let deployment = aws.deploy(deploy_options()?)?;

    println!(
        "pushbuild on a local AWS at {}: nothing leaves this machine",
        aws.endpoint()
    );
    let shown = tokio::spawn(progress::show(
        aws.calls().subscribe(),
        expected_calls(&plan),
    ));
    for message in &plan.messages {
        println!("  sent       {} of {}", message.title, message.repository);
        deployment.send_to_intake(&message.body)?;
    }
    let endings = endings(&deployment, plan.messages.len()).await;
    // Whatever the log still has to show is shown before the report.
    tokio::time::sleep(Duration::from_millis(50)).await;
    shown.abort();

    let endings = endings?;
    println!();
    for ending in &endings {
        print!("{}", ending.describe(&aws, deployment.bucket()));
    }
    for warning in report::warnings(deployment.function_log()) {
        println!("  warning    {warning}");
    }
    println!("calls: {}", report::calls(&aws));
    let failed = endings.iter().any(Ending::failed);
    deployment.stop().await;
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Waits until every message has ended in one way or another; a failure is not waited out.
async fn endings(deployment: &Deployment, wanted: usize) -> anyhow::Result<Vec<Ending>> {
    let begun = Instant::now();
    loop {
        let endings = Ending::all(deployment.function_log());
        if endings.len() >= wanted {
            return Ok(endings);
        }
        let stages = [deployment.intake().mapping(), deployment.mapping()];
        let mut outcomes = stages.into_iter().flat_map(EventSourceMapping::outcomes);
        let died = outcomes.find(|outcome| outcome.response.is_none());
        if let Some(outcome) = died {
            anyhow::bail!(
                "the function gave no answer: {:?}\n{}",
                outcome.invocation,
                deployment.function_log().text()
            );
        }
        if begun.elapsed() > TIMEOUT {
            anyhow::bail!("after {TIMEOUT:?} not every push has ended: {endings:?}");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn deploy_options() -> anyhow::Result<DeployOptions> {
    let program = std::env::current_exe().context("this program cannot find itself")?;
    let mut options = DeployOptions::new(program);
    options.args = vec!["function".to_owned()];
    options.timeout = TIMEOUT;
    options.env = BTreeMap::from([("AWS_LAMBDA_LOG_FORMAT".to_owned(), "JSON".to_owned())]);
    // A deployment's settings can be tried by setting them here too.
    for (variable, _) in pushbuild::config::VARIABLES {
        if let Ok(value) = std::env::var(variable) {
            options.env.insert(variable.to_owned(), value);
        }
    }
    if let Some(bucket) = options.env.remove("CODE_BUCKET") {
        options.bucket = bucket;
    }
    if let Ok(level) = std::env::var("AWS_LAMBDA_LOG_LEVEL") {
        options.env.insert("AWS_LAMBDA_LOG_LEVEL".to_owned(), level);
    }
    Ok(options)
}

/// Calls that the pushes need if nothing can be shared: the length of a progress bar.
fn expected_calls(plan: &Plan) -> u64 {
    let Some(served) = &plan.served else {
        return 0;
    };
    plan.messages
        .iter()
        .filter(|message| message.repository == served.name)
        .filter_map(|message| {
            let event: serde_json::Value = serde_json::from_str(&message.body).ok()?;
            let commit = event["detail"]["commitId"].as_str()?;
            let count = count_tree(&served.path, commit).ok()?;
            // GetCommit, and GetFolder for the root too.
            Some((2 + count) as u64)
        })
        .sum()
}
