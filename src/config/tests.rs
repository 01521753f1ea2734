use super::*;
use crate::event::{Push, ReferenceKind, Skip};

/// With every repository, unless the variables say otherwise.
fn read(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::read(|name| {
        variables
            .iter()
            .chain(&[("REPOSITORIES", "*")])
            .find(|(variable, _)| *variable == name)
            .map(|(_, value)| (*value).to_owned())
    })
}

fn builds(config: &Config, kind: ReferenceKind, short_name: &str) -> bool {
    let push = Push::sample(kind, short_name);
    config.selection.skips(&push).is_none()
}

#[test]
fn the_bucket_and_the_repositories_are_enough() {
    let config = read(&[("CODE_BUCKET", "bundles")]).unwrap();
    assert_eq!(config.project_of("shop").unwrap(), "shop");
    assert_eq!(config.artifacts, Artifacts::None);
    assert_eq!(config.reader_in("111122223333"), None);
    assert_eq!(config.unbundlable, UnbundlablePolicy::CodeCommit);
    assert!(builds(&config, ReferenceKind::Branch, "feature/x"));
    for branch in ["test", "develop", "staging"] {
        assert!(!builds(&config, ReferenceKind::Branch, branch), "{branch}");
    }
    assert!(!builds(&config, ReferenceKind::Tag, "v1"));
}

#[test]
fn exclude_wins_over_include_and_may_be_empty() {
    let all = [("CODE_BUCKET", "bundles"), ("EXCLUDE_REFERENCES", "")];
    let config = read(&all).unwrap();
    assert!(builds(&config, ReferenceKind::Branch, "test"));
    let both = [
        ("CODE_BUCKET", "bundles"),
        ("INCLUDE_REFERENCES", "main"),
        ("EXCLUDE_REFERENCES", "ma*"),
    ];
    let config = read(&both).unwrap();
    assert!(!builds(&config, ReferenceKind::Branch, "main"));
}

#[test]
fn the_account_is_put_into_the_role() {
    let role = "arn:aws-us-gov:iam::{account}:role/ci/reader";
    let config = read(&[("CODE_BUCKET", "bundles"), ("CODECOMMIT_ROLE_ARN", role)]).unwrap();
    let reader = config.reader_in("111122223333").unwrap();
    assert_eq!(
        reader.role_arn,
        "arn:aws-us-gov:iam::111122223333:role/ci/reader"
    );
    assert_eq!(reader.external_id, None);
}

#[test]
fn the_role_is_assumed_with_the_external_id() {
    let config = read(&[
        ("CODE_BUCKET", "bundles"),
        ("CODECOMMIT_ROLE_ARN", "arn:aws:iam::{account}:role/reader"),
        ("CODECOMMIT_EXTERNAL_ID", "external"),
    ])
    .unwrap();
    let reader = config.reader_in("111122223333").unwrap();
    assert_eq!(reader.external_id.as_deref(), Some("external"));
}

#[test]
fn an_external_id_that_cannot_be_is_refused_and_not_repeated() {
    for value in ["x", "two words", &"x".repeat(1225)] {
        let error = read(&[
            ("CODE_BUCKET", "bundles"),
            ("CODECOMMIT_EXTERNAL_ID", value),
        ])
        .unwrap_err()
        .to_string();
        assert!(error.starts_with("CODECOMMIT_EXTERNAL_ID="), "{error}");
        assert!(
            error.contains("1,224") && !error.contains(value) || value == "x",
            "{error}"
        );
    }
}

#[test]
fn a_dot_in_a_repositorys_name_is_a_hyphen_in_its_projects() {
    let build = [
        ("CODE_BUCKET", "bundles"),
        ("CODEBUILD_PROJECT", "ci-{repository}-build"),
    ];
    assert_eq!(
        read(&build).unwrap().project_of("my.shop.de").unwrap(),
        "ci-my-shop-de-build"
    );
}

#[test]
fn a_project_that_codebuild_cannot_have_is_named_with_its_repository() {
    let config = read(&[("CODE_BUCKET", "bundles")]).unwrap();
    for (repository, project) in [
        ("r", "r"),
        (".github", "-github"),
        ("_x", "_x"),
        ("-x", "-x"),
    ] {
        let error = config.project_of(repository).unwrap_err().to_string();
        assert!(
            error.contains(&format!("repository {repository} ")),
            "{error}"
        );
        assert!(error.contains(&format!("`{project}`")), "{error}");
    }
    let prefixed = [
        ("CODE_BUCKET", "bundles"),
        ("CODEBUILD_PROJECT", "ci-{repository}"),
    ];
    assert_eq!(read(&prefixed).unwrap().project_of("_x").unwrap(), "ci-_x");
}

#[test]
fn a_repository_that_is_not_listed_is_skipped_whatever_its_reference_is() {
    let listed = [("CODE_BUCKET", "bundles"), ("REPOSITORIES", "team-*,site")];
    let config = read(&listed).unwrap();
    let skipped = |repository: &str| {
        let repository = repository.to_owned();
        config.selection.skips(&Push {
            repository,
            ..Push::sample(ReferenceKind::Branch, "main")
        })
    };
    assert_eq!(skipped("team-a"), None);
    assert_eq!(skipped("site"), None);
    let repository = "shop".to_owned();
    assert_eq!(skipped("shop"), Some(Skip::NotSelected { repository }));
}

#[test]
fn the_intake_needs_no_bucket_but_the_push_queue() {
    let read = |variables: &[(&str, &str)]| {
        IntakeConfig::read(|name| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    };
    let all = ("REPOSITORIES", "*");
    let error = read(&[all]).unwrap_err().to_string();
    assert!(error.contains("PUSH_QUEUE_URL is not set"), "{error}");
    let error = read(&[all, ("PUSH_QUEUE_URL", "arn:aws:sqs")]).unwrap_err();
    assert!(error.to_string().contains("begins with https://"));
    let url = "https://sqs.eu-west-1.amazonaws.com/111122223333/pushes.fifo";
    assert_eq!(
        read(&[all, ("PUSH_QUEUE_URL", url)])
            .unwrap()
            .push_queue_url,
        url
    );
    let error = read(&[("PUSH_QUEUE_URL", url)]).unwrap_err().to_string();
    assert!(error.contains("REPOSITORIES is not set"), "{error}");
}

#[test]
fn a_missing_bucket_is_named() {
    let error = read(&[]).unwrap_err().to_string();
    assert!(error.contains("CODE_BUCKET is not set"), "{error}");
}

#[test]
fn under_sam_local_the_function_does_not_look_for_aws_itself() {
    let bucket = ("CODE_BUCKET", "bundles");
    let sam = ("AWS_SAM_LOCAL", "true");
    for given in [&[bucket, sam][..], &[bucket, sam, ("AWS_ENDPOINT_URL", "")]] {
        let error = read(given).unwrap_err().to_string();
        assert!(error.contains("AWS_ENDPOINT_URL is not set"), "{error}");
        assert!(error.contains("events/local-aws.json"), "{error}");
    }
    let local = ("AWS_ENDPOINT_URL", "http://host.docker.internal:4566");
    assert!(read(&[bucket, sam, local]).is_ok());
    assert!(read(&[bucket]).is_ok());
}

#[test]
fn a_bad_value_is_refused_with_its_name_itself_and_what_is_accepted() {
    for (variable, value, accepted) in [
        ("CODE_BUCKET", "arn:aws:s3:::bundles", "bare name"),
        ("CODE_BUCKET", "", "bare name"),
        ("BUCKET_OWNER", "1111-2222-3333", "12 digits"),
        ("CODEBUILD_PROJECT", "", "name of a CodeBuild project"),
        ("CODEBUILD_PROJECT", "build {repository}", "letters"),
        ("INCLUDE_REFERENCES", "", "at least one glob"),
        ("INCLUDE_REFERENCES", "[", "comma-separated"),
        ("EXCLUDE_REFERENCES", "{a", "comma-separated"),
        ("CODECOMMIT_ROLE_ARN", "reader", "role's ARN"),
        ("CODECOMMIT_ROLE_ARN", "arn:aws:iam::1:role/x", "role's ARN"),
        ("CODEBUILD_PROJECT", "-{repository}", "the first a letter"),
        ("UNBUNDLABLE", "ignore", "`codecommit` or `reject`"),
        ("ARTIFACTS", "s3", "`none` or `project`"),
        ("REPOSITORIES", "", "comma-separated"),
        (
            "REPOSITORIES",
            "team/*",
            "`team/*` matches no repository's name",
        ),
    ] {
        let error = read(
            &[("CODE_BUCKET", "bundles"), (variable, value)]
                .into_iter()
                .rev()
                .collect::<Vec<_>>(),
        )
        .unwrap_err()
        .to_string();
        assert!(error.contains(&format!("{variable}={value:?}")), "{error}");
        assert!(error.contains(accepted), "{error}");
    }
}
