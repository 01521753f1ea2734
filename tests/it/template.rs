//! The environment that `template.yaml` gives each function is the one that its handler reads, and so
//! is the README's table of it. What the template accepts, the functions accept.

use std::collections::BTreeMap;

use pushbuild::config::{Config, INTAKE_VARIABLES, VARIABLES, Variable};
use regex_lite::Regex;

const TEMPLATE: &str = include_str!("../../template.yaml");
const README: &str = include_str!("../../README.md");

/// Each function with the variables that its handler reads.
const FUNCTIONS: [(&str, &[&Variable]); 2] = [
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
    let longest = find("MaxLength: ").map_or(usize::MAX, |most| most.parse().unwrap());
    move |value| match (&pattern, values) {
        _ if value.chars().count() > longest => false,
        (Some(pattern), _) => pattern.is_match(value),
        (None, Some(values)) => values.split(", ").any(|allowed| allowed == value),
        (None, None) => true,
    }
}

/// Whether the function starts with this value of one variable, and defaults for the others.
fn starts(variable: &str, value: &str) -> bool {
    let required = VARIABLES.iter().filter(|read| read.default.is_none());
    let mut environment: BTreeMap<_, _> = required.map(|read| (read.name, "required")).collect();
    environment.insert(variable, value);
    Config::read(|name| environment.get(name).map(|value| (*value).to_owned())).is_ok()
}

/// Pieces of each variable's values, with `|` between, and how many make a value: many are right,
/// and many are wrong in one place.
const PIECES: [(&str, &str, usize); 10] = [
    ("CODE_BUCKET", "a|0|-|.|_|A| |/|:|a9a9a9", 4),
    (
        "CODEBUILD_PROJECT",
        "{repository}|{repo}|{|}|a|0|-|_|.| |é",
        4,
    ),
    ("INCLUDE_REFERENCES", REFERENCES, 4),
    ("EXCLUDE_REFERENCES", REFERENCES, 4),
    ("CODECOMMIT_ROLE_ARN", ROLES, 4),
    ("CODECOMMIT_EXTERNAL_ID", "a|_|+=,.@|:/-| |é|~|\"", 4),
    ("BUCKET_OWNER", "111122223333|11112222333|1|0|-| |a|é", 3),
    ("UNBUNDLABLE", "codecommit|reject|ignore| ", 2),
    ("REPOSITORIES", "a|0|*|-|.|_|/|?| |é", 4),
    ("ARTIFACTS", "none|project|s3| ", 2),
];
const REFERENCES: &str = "a|0-9|-|**|/|{|}|[|]|!|,| |\\|refs/|\u{a0}";
const ROLES: &str = "arn:aws:iam::|arn:aws-cn:iam::|arn:azure:iam::|arn:AWS:iam::|arn:aws:sts::|\
                     arn:aws:iam:eu-west-1:|{account}|111122223333|1|{acc}|:role/|:role/ci/|:user/|\
                     :role|x+=,.@_-| |\n|é";

/// Lengths about which the function or AWS has a limit.
const LENGTHS: [usize; 8] = [63, 64, 100, 101, 255, 256, 1224, 1225];

/// Values to hold template and `Config` against each other with.
fn values_of(variable: &str) -> Vec<String> {
    let (_, pieces, length) = PIECES.iter().find(|(name, ..)| *name == variable).unwrap();
    let mut values = LENGTHS.map(|length| "a".repeat(length)).to_vec();
    let mut longest = vec![String::new()];
    for _ in 0..*length {
        values.extend(longest.iter().cloned());
        let longer = |start| {
            pieces
                .split('|')
                .map(move |piece| format!("{start}{piece}"))
        };
        longest = longest.iter().flat_map(longer).collect();
    }
    values.extend(longest);
    values
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
    // Values with `|` between.
    for (parameter, taken, refused) in [
        (
            "Repositories",
            "app|*|team-*|my.app_1|-",
            "|a b|team/app|app?",
        ),
        (
            "BuildProject",
            "ci|{repository}|{repository}-ci|ci-{repository}-x_1",
            "|{repo}|{repository|build {repository}|a|-a|a.b",
        ),
        (
            "IncludeReferences",
            "main|refs/heads/**,refs/tags/**|main, {release,hotfix}/*|v[0-9]*,release-?|\
             feature/JIRA-1_x|[!a]*",
            "| |,|[|{a|a}|[z-a]|main,[a|a\\|{a,{b}}|[]|{}",
        ),
        (
            "ExcludeReferences",
            "|test,develop,staging",
            " |,|{a|main,,b",
        ),
        (
            "ReaderRoleArn",
            "|arn:aws:iam::{account}:role/pushbuild-reader|\
             arn:aws-us-gov:iam::111122223333:role/ci/reader",
            "reader|arn:aws:iam::1:role/x|arn:aws:iam::{account}:role/|arn:x:iam::{account}:role/x",
        ),
        ("ReaderExternalId", "|a_b|7f+=,.@:/-", "x|two words"),
        (
            "ExistingBucket",
            "|my.bundles-1",
            "My|arn:aws:s3:::x|s3://x|a",
        ),
    ] {
        let is_allowed = allowed(parameter);
        for value in taken.split('|') {
            assert!(is_allowed(value), "{parameter} takes {value:?}");
        }
        for value in refused.split('|') {
            assert!(!is_allowed(value), "{parameter} refuses {value:?}");
        }
    }
}

#[test]
fn the_template_sets_every_variable_that_is_read_and_no_other_with_the_same_default() {
    for (function, read) in FUNCTIONS {
        let mut set = variables(function);
        for Variable { name, default, .. } in read {
            let value = set.remove(name).expect(name);
            // What has no default has its value from a parameter without one, or from a resource.
            if let Some(default) = default {
                let parameter = value.strip_prefix("!Ref ").unwrap();
                assert_eq!(default_of(parameter), *default, "{name} by {parameter}");
            }
        }
        assert!(set.is_empty(), "{function} does not read {set:?}");
    }
}

#[test]
fn the_readmes_table_has_every_variable_with_its_default() {
    let (_, table) = README.split_once("| variable | default |").unwrap();
    let rows = table.lines().skip(2).take_while(|row| row.starts_with('|'));
    let cells = rows.map(|row| row.split('|').map(|cell| cell.trim().trim_matches('`')));
    let told: BTreeMap<_, _> = cells
        .map(|mut cells| (cells.nth(1), cells.next()))
        .collect();
    let read = FUNCTIONS.iter().flat_map(|(_, read)| read.iter());
    let shown = |default| match default {
        None => "required",
        Some("") => "none",
        Some(default) => default,
    };
    let read = read.map(|variable| (Some(variable.name), Some(shown(variable.default))));
    let read: BTreeMap<_, _> = read.collect();
    assert_eq!(told, read);
}
