//! The environment that `template.yaml` gives the function is the one that `Config` reads, and so
//! is the README's table of it.

use std::collections::BTreeMap;

use pushbuild::config::VARIABLES;

const TEMPLATE: &str = include_str!("../../template.yaml");
const README: &str = include_str!("../../README.md");

/// The lines below `heading` that are indented deeper, without the indentation.
fn block(heading: &str) -> Vec<&'static str> {
    let (_, rest) = TEMPLATE
        .split_once(&format!("\n{heading}\n"))
        .unwrap_or_else(|| panic!("the template has no `{heading}`"));
    let indentation = heading.len() - heading.trim_start().len() + 2;
    rest.lines()
        .take_while(|line| line.len() - line.trim_start().len() >= indentation)
        .map(|line| &line[indentation..])
        .collect()
}

/// The template's variables, and where each has its value from.
fn variables() -> BTreeMap<&'static str, &'static str> {
    block("        Variables:")
        .into_iter()
        .map(|line| line.split_once(": ").unwrap())
        .collect()
}

/// The default of a parameter.
fn default_of(parameter: &str) -> &'static str {
    block(&format!("  {parameter}:"))
        .into_iter()
        .find_map(|line| line.strip_prefix("Default: "))
        .unwrap_or_else(|| panic!("{parameter} has no default"))
        .trim_matches('\'')
}

#[test]
fn the_template_sets_every_variable_that_is_read_and_no_other() {
    let set: Vec<_> = variables().into_keys().collect();
    let mut read: Vec<_> = VARIABLES.iter().map(|(name, _)| *name).collect();
    read.sort_unstable();
    assert_eq!(set, read);
}

#[test]
fn every_default_of_the_template_is_the_configurations() {
    let variables = variables();
    for (name, default) in VARIABLES {
        let value = variables[name];
        match default {
            None => assert!(value.starts_with("!If"), "{name}: {value}"),
            Some(default) => {
                let parameter = value.strip_prefix("!Ref ").unwrap();
                assert_eq!(default_of(parameter), default, "{name} by {parameter}");
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
    let read: BTreeMap<&str, &str> = VARIABLES
        .iter()
        .map(|(name, default)| match default {
            None => (*name, "required"),
            Some("") => (*name, "none"),
            Some(default) => (*name, *default),
        })
        .collect();
    assert_eq!(told, read);
}
