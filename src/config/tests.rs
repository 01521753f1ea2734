use super::*;
use crate::event::{Push, ReferenceKind};

/// With a bucket and every repository, unless the variables say otherwise.
fn read(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let given = [("CODE_BUCKET", "bundles"), ("REPOSITORIES", "*")];
    Config::read(|name| of(&[variables, &given].concat(), name))
}

fn of(variables: &[(&str, &str)], name: &str) -> Option<String> {
    let found = variables.iter().find(|(variable, _)| *variable == name);
    found.map(|(_, value)| (*value).to_owned())
}

#[test]
fn the_bucket_and_the_repositories_are_enough() {
    let config = read(&[]).unwrap();
    assert_eq!(config.project_of("shop").unwrap(), "shop");
    assert_eq!(config.artifacts, Artifacts::None);
    assert_eq!(config.reader_in("111122223333"), None);
    assert_eq!(config.unbundlable, UnbundlablePolicy::CodeCommit);
}

#[test]
fn branches_are_built_but_a_few_and_exclude_wins_over_include_and_may_be_empty() {
    use ReferenceKind::{Branch, Tag};
    let exclude = "EXCLUDE_REFERENCES";
    let both = [("INCLUDE_REFERENCES", "main"), (exclude, "ma*")];
    for (variables, kind, name, is_built) in [
        (&[][..], Branch, "feature/x", true),
        (&[], Branch, "test", false),
        (&[], Branch, "develop", false),
        (&[], Branch, "staging", false),
        (&[], Tag, "v1", false),
        (&[(exclude, "")], Branch, "test", true),
        (&both, Branch, "main", false),
    ] {
        let selection = read(variables).unwrap().selection;
        let skip = selection.skips(&Push::sample(kind, name));
        assert_eq!(skip.is_none(), is_built, "{name}");
    }
}

#[test]
fn what_is_not_the_default_is_read() {
    let role = "arn:aws-us-gov:iam::{account}:role/ci/reader";
    let mut variables = vec![
        ("CODECOMMIT_ROLE_ARN", role),
        ("UNBUNDLABLE", "reject"),
        ("ARTIFACTS", " project "),
        ("BUCKET_OWNER", "111122223333"),
    ];
    let mut reader = Reader {
        role_arn: "arn:aws-us-gov:iam::123456789012:role/ci/reader".to_owned(),
        external_id: None,
    };
    let config = read(&variables).unwrap();
    assert_eq!(config.unbundlable, UnbundlablePolicy::Reject);
    assert_eq!(config.artifacts, Artifacts::Project);
    assert_eq!(config.bucket_owner.as_deref(), Some("111122223333"));
    assert_eq!(config.reader_in("123456789012").as_ref(), Some(&reader));
    variables.push(("CODECOMMIT_EXTERNAL_ID", "external"));
    reader.external_id = Some("external".to_owned());
    let config = read(&variables).unwrap();
    assert_eq!(config.reader_in("123456789012"), Some(reader));
}

#[test]
fn a_project_that_codebuild_cannot_have_is_named_with_its_repository() {
    let own = "{repository}";
    for (pattern, repository, project, is_good) in [
        // A dot becomes a hyphen.
        ("ci-{repository}-build", "my.shop", "ci-my-shop-build", true),
        ("ci-{repository}", "_x", "ci-_x", true),
        (own, "r", "r", false),
        (own, ".github", "-github", false),
        (own, "_x", "_x", false),
        (own, "-x", "-x", false),
    ] {
        let config = read(&[("CODEBUILD_PROJECT", pattern)]).unwrap();
        let named = format!("repository {repository} is built by the project `{project}`, which");
        match config.project_of(repository) {
            Ok(read) => assert_eq!((&*read, is_good), (project, true)),
            Err(error) => assert!(error.to_string().starts_with(&named) && !is_good, "{error}"),
        }
    }
}

#[test]
fn each_handler_names_the_variable_that_it_lacks() {
    let url = "https://sqs.eu-west-1.amazonaws.com/111122223333/pushes.fifo";
    let all = [("REPOSITORIES", "*"), ("PUSH_QUEUE_URL", url)];
    let read = |variables: &[_]| IntakeConfig::read(|name| of(variables, name));
    assert_eq!(read(&all).unwrap().push_queue_url, url);
    let bad = read(&[all[0], ("PUSH_QUEUE_URL", "arn:aws:sqs")]).unwrap_err();
    assert!(bad.to_string().contains("begins with https://"));
    let publish = Config::read(|name| of(&all, name));
    for (error, lacks) in [
        (read(&all[..1]).unwrap_err(), "PUSH_QUEUE_URL"),
        (read(&all[1..]).unwrap_err(), "REPOSITORIES"),
        (publish.unwrap_err(), "CODE_BUCKET"),
    ] {
        let error = error.to_string();
        assert!(error.contains(&format!("{lacks} is not set")), "{error}");
    }
}

#[test]
fn under_sam_local_the_function_does_not_look_for_aws_itself() {
    let sam = ("AWS_SAM_LOCAL", "true");
    for given in [&[sam][..], &[sam, ("AWS_ENDPOINT_URL", "")]] {
        let error = read(given).unwrap_err().to_string();
        assert!(error.contains("AWS_ENDPOINT_URL is not set"), "{error}");
        assert!(error.contains("events/local-aws.json"), "{error}");
    }
    let local = ("AWS_ENDPOINT_URL", "http://host.docker.internal:4566");
    assert!(read(&[sam, local]).is_ok());
}

#[test]
fn a_bad_value_is_refused_with_its_name_itself_and_what_is_accepted() {
    // May be a secret, and so is not repeated.
    let external_id = "CODECOMMIT_EXTERNAL_ID";
    for (variable, value, accepted) in [
        ("CODE_BUCKET", "arn:aws:s3:::bundles", "bare name"),
        ("CODE_BUCKET", "", "bare name"),
        ("BUCKET_OWNER", "1111-2222-3333", "12 digits"),
        ("CODEBUILD_PROJECT", "", "name of a CodeBuild project"),
        ("CODEBUILD_PROJECT", "build {repository}", "letters"),
        ("CODEBUILD_PROJECT", "-{repository}", "the first a letter"),
        ("CODEBUILD_PROJECT", &"x".repeat(256), "2 to 255 letters"),
        ("INCLUDE_REFERENCES", " ,", "at least one glob"),
        ("INCLUDE_REFERENCES", "[", "`[` is not a glob"),
        ("EXCLUDE_REFERENCES", "{a", "comma-separated"),
        ("CODECOMMIT_ROLE_ARN", "reader", "role's ARN"),
        ("CODECOMMIT_ROLE_ARN", "arn:aws:iam::1:role/x", "role's ARN"),
        (external_id, "x", "1,224"),
        (external_id, "two words", "1,224"),
        (external_id, &"x".repeat(1225), "1,224"),
        ("UNBUNDLABLE", "ignore", "`codecommit` or `reject`"),
        ("ARTIFACTS", "s3", "`none` or `project`"),
        ("REPOSITORIES", " , ", "comma-separated"),
        ("REPOSITORIES", "team/*", "`team/*` matches no repository"),
    ] {
        let error = read(&[(variable, value)]).unwrap_err().to_string();
        let shown = if variable == external_id {
            "…"
        } else {
            value
        };
        let named = format!("{variable}={:?} cannot be used", shown.trim());
        assert!(error.starts_with(&named), "{error}");
        assert!(error.contains(accepted), "{error}");
    }
}
