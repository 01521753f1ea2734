//! `cargo local serve`: every service on one port, until Ctrl-C.

use std::process::ExitCode;
use std::time::Duration;

use super::{ServeArgs, sample, storage};
use crate::aws::{ACCOUNT, LocalAws, Options, REGION, SECRET_ACCESS_KEY};
use crate::calls::Call;
use crate::codebuild::is_project_name;
use crate::codecommit::describe;
use crate::faults::Faults;
use crate::sqs::QueueOptions;

/// The bucket and the queue that are there from the start.
const BUCKET: &str = "pushbuild-bundles";
const PUSH_QUEUE: &str = "pushbuild-pushes.fifo";

pub async fn run(args: ServeArgs) -> anyhow::Result<ExitCode> {
    let mut options = Options::new(storage());
    options.port = args.port;
    let root = options.root.clone();
    let aws = LocalAws::start(options).await?;
    aws.codebuild.accept_any_project(true);
    aws.s3.create_bucket(BUCKET)?;
    let push_queue = QueueOptions {
        is_push_queue: true,
        ..QueueOptions::default()
    };
    let push_queue_url = aws.sqs.create_queue(PUSH_QUEUE, push_queue);
    let _sample = sample::serve(&aws.codecommit)?;
    for path in &args.paths {
        let name = describe(path)?.repository_name;
        aws.codecommit.add_repository(&name, path)?;
    }
    if let Some(file) = &args.faults {
        for rule in Faults::read(file)? {
            aws.faults.add(rule);
        }
    }
    let repositories = aws.codecommit.repositories();

    println!("# A local AWS: it listens on this machine alone and takes any credentials.");
    let names = repositories.join(", ");
    println!("# Repositories: {names}. Any CodeBuild project.");
    println!("# Buckets are folders of {}", root.display());
    for (name, value) in [
        ("AWS_ENDPOINT_URL", &*aws.endpoint),
        ("AWS_REGION", REGION),
        ("AWS_DEFAULT_REGION", REGION),
        ("AWS_ACCESS_KEY_ID", "LOCALUSER"),
        ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("CODE_BUCKET", BUCKET),
        // An emulator makes up the function's ARN, and with it another account.
        ("BUCKET_OWNER", ACCOUNT),
        // For the handler `intake`.
        ("PUSH_QUEUE_URL", &push_queue_url),
        ("REPOSITORIES", &repositories.join(",")),
    ] {
        println!("export {name}={value}");
    }
    let is_impossible = |name: &String| !is_project_name(&name.replace('.', "-"));
    if repositories.iter().any(is_impossible) {
        println!("# CodeBuild can have no project of the name of one of these repositories:");
        println!("export CODEBUILD_PROJECT='build-{{repository}}'");
    }
    println!("# Ctrl-C ends it.");
    let mut shown = 0;
    let stop = tokio::signal::ctrl_c();
    tokio::pin!(stop);
    loop {
        tokio::select! {
            stop = &mut stop => {
                stop?;
                return Ok(ExitCode::SUCCESS);
            }
            () = tokio::time::sleep(Duration::from_millis(50)) => {}
        }
        for call in aws.calls.since(shown) {
            show(&call);
            shown += 1;
        }
    }
}

fn show(call: &Call) {
    let service = format!("{:?}", call.service).to_lowercase();
    let (operation, detail) = (&call.operation, &call.detail);
    let status = call.status.map_or("cut".to_owned(), |it| it.to_string());
    let error = call.error.as_deref().unwrap_or_default();
    let ms = call.duration.as_millis();
    eprintln!("{service} {operation} {detail} {status} {error} {ms} ms");
}
