//! The environment that `template.yaml` gives each function is the one that its handler reads, and so
//! is the README's table of it. What the template accepts, the functions accept.

use std::collections::BTreeMap;

use pushbuild::config::{Config, INTAKE_VARIABLES, VARIABLES};
use regex_lite::Regex;

const TEMPLATE: &str = include_str!("../../template.yaml");
const README: &str = include_str!("../../README.md");

/// A variable's name and default.
type Variable = (&'static str, Option<&'static str>);

/// Each function with the variables that its handler reads.
const FUNCTIONS: [(&str, &[Variable]); 2] = [
    ("IntakeFunction", &INTAKE_VARIABLES),
    ("PublishFunction", &VARIABLES),
];

/// The lines below the first `heading` of a text that are indented deeper, without the indentation.
fn block(text: &'static str, heading: &str) -> Vec<&'static str> {
    let (_, rest) = text
        .split_once(&format!("\n{heading}\n"))
        .unwrap_or_else(|| panic!("the template has no `{heading}`"));
    let indentation = heading.len() - heading.trim_start().len() + 2;
    rest.lines()
        .take_while(|line| line.len() - line.trim_start().len() >= indentation)
        .map(|line| &line[indentation..])
        .collect()
}

/// The variables that a deployed function has, and where each has its value from.
fn variables(function: &str) -> BTreeMap<&'static str, &'static str> {
    let (_, own) = TEMPLATE.split_once(&format!("\n  {function}:\n")).unwrap();
    block(TEMPLATE, "      Variables:")
        .into_iter()
        .chain(block(own, "        Variables:"))
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_once(": ").unwrap())
        .filter(|(name, value)| *value != "!Ref AWS::NoValue" && !is_for_glibc(name))
        .collect()
}

/// What the function itself does not read.
fn is_for_glibc(name: &str) -> bool {
    name.starts_with("MALLOC_")
}

/// The default of a parameter.
fn default_of(parameter: &str) -> &'static str {
    block(TEMPLATE, &format!("  {parameter}:"))
        .into_iter()
        .find_map(|line| line.strip_prefix("Default: "))
        .unwrap_or_else(|| panic!("{parameter} has no default"))
        .trim_matches('\'')
}

/// Whether CloudFormation takes a value for a parameter: the pattern has to match all of it.
fn allowed(parameter: &str) -> impl Fn(&str) -> bool {
    let lines = block(TEMPLATE, &format!("  {parameter}:"));
    let find = |key: &str| lines.iter().find_map(|line| line.strip_prefix(key));
    let values = find("AllowedValues: ").map(|list| list.trim_matches(['[', ']']));
    let pattern = find("AllowedPattern: ").map(|quoted| {
        let pattern = quoted.trim_matches('\'').replace("''", "'");
        Regex::new(&format!("^(?:{pattern})$")).unwrap()
    });
    move |value| match (&pattern, values) {
        (Some(pattern), _) => pattern.is_match(value),
        (None, Some(values)) => values.split(", ").any(|allowed| allowed == value),
        (None, None) => true,
    }
}

/// Whether the function starts with this value of one variable, and defaults for the others.
fn starts(variable: &str, value: &str) -> bool {
    let required = VARIABLES.iter().filter(|(_, default)| default.is_none());
    let mut environment: BTreeMap<_, _> = required.map(|(name, _)| (*name, "required")).collect();
    environment.insert(variable, value);
    Config::read(|name| environment.get(name).map(|value| (*value).to_owned())).is_ok()
}

/// Everything that up to `length` of these pieces make, one after the other.
fn strings(pieces: &[&str], length: usize) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut begin = 0;
    for _ in 0..length {
        let longest = begin..all.len();
        begin = all.len();
        for place in longest {
            for piece in pieces {
                all.push(format!("{}{piece}", all[place]));
            }
        }
    }
    all
}

/// Everything that one piece from each list makes.
fn products(lists: &[&[&str]]) -> Vec<String> {
    lists.iter().fold(vec![String::new()], |begun, pieces| {
        begun
            .iter()
            .flat_map(|begin| pieces.iter().map(move |piece| format!("{begin}{piece}")))
            .collect()
    })
}

/// Values to hold template and `Config` against each other with: many that are right, and many
/// that are wrong in one place.
fn values_of(variable: &str) -> Vec<String> {
    match variable {
        "CODE_BUCKET" => strings(&["a", "0", "-", ".", "_", "A", " ", "/", ":", "a9a9a9"], 4),
        "CODEBUILD_PROJECT" => strings(
            &[
                "{repository}",
                "{repo}",
                "{",
                "}",
                "a",
                "0",
                "-",
                "_",
                ".",
                " ",
                "é",
            ],
            4,
        ),
        "INCLUDE_REFERENCES" | "EXCLUDE_REFERENCES" => strings(
            &[
                "a", "0-9", "-", "**", "/", "{", "}", "[", "]", "!", ",", " ", "\\", "refs/",
                "\u{a0}",
            ],
            4,
        ),
        "CODECOMMIT_ROLE_ARN" => products(&[
            &["", " ", "arn:"],
            &["aws", "aws-cn", "azure", "", "AWS"],
            &[":iam::", ":sts::", ":iam:eu-west-1:", ":"],
            &["{account}", "111122223333", "1", "{acc}", ""],
            &[":role/", ":user/", ":role", "/"],
            &[
                "reader",
                "ci/reader",
                "x+=,.@_-",
                "",
                " ",
                "two words",
                "\n",
                "é",
            ],
        ]),
        "CODECOMMIT_EXTERNAL_ID" => {
            let mut values = strings(&["a", "_", "+=,.@", ":/-", " ", "é", "~", "\""], 4);
            values.extend(["a".repeat(1224), "a".repeat(1225)]);
            values
        }
        "BUCKET_OWNER" => {
            let mut values = strings(&["0", "1", "-", " ", "a", "é"], 3);
            values.extend(
                [
                    "111122223333",
                    "1111222233334",
                    "11112222333",
                    "111122223333 ",
                ]
                .map(str::to_owned),
            );
            values
        }
        "UNBUNDLABLE" => strings(&["codecommit", "reject", "ignore", " "], 2),
        "REPOSITORIES" => {
            let mut values = strings(&["a", "0", "*", "-", ".", "_", "/", "?", " ", "é"], 4);
            values.extend(["a".repeat(100), "a".repeat(101)]);
            values
        }
        "ARTIFACTS" => strings(&["none", "project", "s3", " "], 2),
        _ => panic!("{variable} has no values here"),
    }
}

#[test]
fn what_the_template_accepts_lets_the_function_start() {
    for (variable, value) in variables("PublishFunction") {
        // `!Ref Parameter`, `!If [Condition, …, !Ref Parameter]`, or `!Join [',', !Ref Parameter]`.
        let parameter = value.rsplit("!Ref ").next().unwrap().trim_end_matches(']');
        let is_allowed = allowed(parameter);
        let mut taken = 0;
        for value in values_of(variable) {
            // An empty one makes the template put its own in.
            if is_allowed(&value) && !(value.is_empty() && variable == "CODE_BUCKET") {
                taken += 1;
                assert!(
                    starts(variable, &value),
                    "{parameter}={value:?} by {variable}"
                );
            }
        }
        assert!(taken > 1, "{parameter}: {taken} values of {variable}");
    }
}

#[test]
fn the_template_takes_what_people_write_and_refuses_what_the_function_would() {
    for (parameter, taken, refused) in [
        (
            "Repositories",
            vec!["app", "*", "team-*", "my.app_1", "-"],
            vec!["", "a b", "team/app", "app?"],
        ),
        (
            "BuildProject",
            vec![
                "ci",
                "{repository}",
                "{repository}-ci",
                "ci-{repository}-x_1",
            ],
            vec![
                "",
                "{repo}",
                "{repository",
                "build {repository}",
                "a",
                "-a",
                "a.b",
            ],
        ),
        (
            "IncludeReferences",
            vec![
                "main",
                "refs/heads/**,refs/tags/**",
                "main, {release,hotfix}/*",
                "v[0-9]*,release-?",
                "feature/JIRA-1_x",
                "[!a]*",
            ],
            vec![
                "", " ", ",", "[", "{a", "a}", "[z-a]", "main,[a", "a\\", "{a,{b}}", "[]", "{}",
            ],
        ),
        (
            "ExcludeReferences",
            vec!["", "test,develop,staging"],
            vec![" ", ",", "{a", "main,,b"],
        ),
        (
            "ReaderRoleArn",
            vec![
                "",
                "arn:aws:iam::{account}:role/pushbuild-reader",
                "arn:aws-us-gov:iam::111122223333:role/ci/reader",
            ],
            vec![
                "reader",
                "arn:aws:iam::1:role/x",
                "arn:aws:iam::{account}:role/",
                "arn:x:iam::{account}:role/x",
            ],
        ),
        (
            "ReaderExternalId",
            vec!["", "a_b", "7f+=,.@:/-"],
            vec!["x", "two words"],
        ),
        (
            "ExistingBucket",
            vec!["", "my.bundles-1"],
            vec!["My", "arn:aws:s3:::x", "s3://x", "a"],
        ),
    ] {
        let is_allowed = allowed(parameter);
        for value in taken {
            assert!(is_allowed(value), "{parameter} takes {value:?}");
        }
        for value in refused {
            assert!(!is_allowed(value), "{parameter} refuses {value:?}");
        }
    }
}

#[test]
fn the_template_sets_every_variable_that_is_read_and_no_other() {
    for (function, read) in FUNCTIONS {
        let set: Vec<_> = variables(function).into_keys().collect();
        let mut read: Vec<_> = read.iter().map(|(name, _)| *name).collect();
        read.sort_unstable();
        assert_eq!(set, read, "{function}");
    }
}

#[test]
fn every_default_of_the_template_is_the_configurations() {
    for (function, read) in FUNCTIONS {
        let variables = variables(function);
        for (name, default) in read {
            let value = variables[name];
            // What has no default has its value from a parameter without one, or from a resource.
            if let Some(default) = default {
                let parameter = value.strip_prefix("!Ref ").unwrap();
                assert_eq!(default_of(parameter), *default, "{name} by {parameter}");
            }
        }
    }
}

#[test]
fn the_readmes_table_has_every_variable_with_its_default() {
    let (_, table) = README.split_once("| variable | default |").unwrap();
    let told: BTreeMap<&str, &str> = table
        .lines()
        .skip(2)
        .take_while(|row| row.starts_with('|'))
        .map(|row| {
            let mut cells = row
                .split('|')
                .skip(1)
                .map(|cell| cell.trim().trim_matches('`'));
            (cells.next().unwrap(), cells.next().unwrap())
        })
        .collect();
    let read: BTreeMap<&str, &str> = FUNCTIONS
        .iter()
        .flat_map(|(_, read)| read.iter())
        .map(|(name, default)| match default {
            None => (*name, "required"),
            Some("") => (*name, "none"),
            Some(default) => (*name, *default),
        })
        .collect();
    assert_eq!(told, read);
}
