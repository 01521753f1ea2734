//! `docs/operations.md` says of the log what the log says.

use std::collections::BTreeSet;

use super::*;
use crate::error::{CallError, Cause};

const DOCUMENT: &str = include_str!("../../../docs/operations.md");

/// The rows of the table with this heading, as cells.
fn table(heading: &str) -> Vec<Vec<&'static str>> {
    let (_, table) = DOCUMENT.split_once(heading).unwrap();
    table
        .lines()
        .skip(2)
        .take_while(|row| row.starts_with('|'))
        .map(|row| {
            let cells = row.trim_matches('|').split(" | ");
            cells.map(str::trim).collect()
        })
        .collect()
}

/// What stands in backquotes.
fn code(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// Lines that have every field among them.
fn lines() -> Vec<Value> {
    let call = Error::Call(CallError {
        request_id: Some("q1".to_owned()),
        ..CallError::sample(Cause::Throttled)
    });
    let skipped = Done::Skipped(Skip::UnreferencedMergeCommit);
    vec![
        line(&Ok(built()), Some(figures())),
        line(&Ok(skipped), None),
        line(&Err(call), None),
    ]
}

fn fields() -> BTreeSet<String> {
    let lines = lines().into_iter();
    lines
        .flat_map(|line| line.as_object().unwrap().clone())
        .map(|(name, _)| name)
        .collect()
}

#[test]
fn the_two_tables_name_every_field_and_no_other_with_the_units_of_the_metrics() {
    let mut told: Vec<(String, String)> = Vec::new();
    for cells in table("| metric | unit | counts |") {
        let names = code(cells[0]).into_iter();
        told.extend(names.map(|name| (name.to_owned(), cells[1].to_owned())));
    }
    told.sort();
    let mut said = metrics(&lines()[0]);
    said.sort();
    assert_eq!(said, told);

    let mut names: Vec<_> = told.into_iter().map(|(name, _)| name).collect();
    for cells in table("| field | holds |") {
        names.extend(code(cells[0]).into_iter().map(str::to_owned));
    }
    let once: BTreeSet<String> = names.iter().cloned().collect();
    assert_eq!(names.len(), once.len(), "a field is named twice");
    assert_eq!(once, fields());
}

#[test]
fn every_outcome_and_class_is_told_and_no_other() {
    let outcomes = [
        PushOutcome::Built.name(),
        PushOutcome::BuiltFromStored.name(),
        PushOutcome::AlreadyBuilt.name(),
        PushOutcome::BuiltFromCodeCommit.name(),
        "forwarded",
        "skipped",
        "failed",
    ];
    let classes = [
        Class::Retry.name(),
        Class::RefusedByAws.name(),
        Class::Reject.name(),
        Skip::UnreferencedMergeCommit.name(),
        Skip::ReferenceDeleted(String::new()).name(),
        Skip::Excluded(String::new()).name(),
        Skip::NotSelected(String::new()).name(),
        Skip::NoProject {
            repository: String::new(),
            project: String::new(),
        }
        .name(),
        "unbundlable",
    ];
    for (field, words) in [("outcome", &outcomes[..]), ("class", &classes[..])] {
        let rows = table("| field | holds |");
        let row = rows.iter().find(|cells| code(cells[0]) == [field]).unwrap();
        let told: BTreeSet<_> = code(row[1]).into_iter().collect();
        assert_eq!(told, words.iter().copied().collect(), "{field}");
    }
}

/// Words of the query language that the queries use, and its functions.
const LANGUAGE: &str = "filter sort display stats limit by as asc desc count latest max sum avg bin \
                        ispresent timestamp";

#[test]
fn the_queries_ask_for_fields_that_there_are() {
    let (_, questions) = DOCUMENT.split_once("\n## Questions\n").unwrap();
    let (questions, _) = questions.split_once("\n## ").unwrap();
    let fields = fields();
    let mut asked = 0;
    for query in questions
        .split("\n\n")
        .filter(|text| text.starts_with("    "))
    {
        // Quoted values are no names, nor is what follows a digit: `bin(5m)`.
        let text: String = query.split('"').step_by(2).collect();
        let words: Vec<&str> = text
            .split(|letter: char| !letter.is_alphanumeric() && letter != '_')
            .filter(|word| word.starts_with(char::is_alphabetic))
            .collect();
        let named: BTreeSet<&str> = words
            .windows(2)
            .filter(|pair| pair[0] == "as")
            .map(|pair| pair[1])
            .collect();
        for word in words {
            if !LANGUAGE.split(' ').any(|known| known == word) && !named.contains(word) {
                assert!(fields.contains(word), "`{word}` in\n{query}");
                asked += 1;
            }
        }
    }
    assert!(asked > 30, "{asked}");
}
