//! `docs/operations.md` says of the log what the log says.

use super::*;
use crate::documents::{code, table};

const DOCUMENT: &str = include_str!("../../../docs/operations.md");

/// A line of each kind, so that every field is among them.
fn lines() -> Vec<Value> {
    let outcomes = outcomes().into_iter();
    outcomes
        .map(|(outcome, _)| line(&outcome, Some(figures())))
        .collect()
}

fn fields(lines: &[Value]) -> BTreeSet<&str> {
    let fields = lines.iter().flat_map(|line| line.as_object().unwrap());
    fields.map(|(name, _)| name.as_str()).collect()
}

#[test]
fn the_two_tables_name_every_field_once_with_the_units_of_the_metrics() {
    let (mut told, mut names) = (BTreeSet::new(), Vec::new());
    for cells in table(DOCUMENT, "| metric | unit | counts |") {
        told.extend(code(cells[0]).map(|name| (name, cells[1])));
        names.extend(code(cells[0]));
    }
    let lines = lines();
    assert_eq!(metrics(&lines[0]), told);
    for cells in table(DOCUMENT, "| field | holds |") {
        names.extend(code(cells[0]));
    }
    names.sort_unstable();
    assert!(fields(&lines).into_iter().eq(names.clone()), "{names:?}");
}

#[test]
fn every_outcome_and_class_is_told_and_no_other() {
    let lines = lines();
    let rows = table(DOCUMENT, "| field | holds |");
    for field in ["outcome", "class"] {
        let row = rows.iter().find(|cells| code(cells[0]).eq([field]));
        let told: BTreeSet<_> = code(row.unwrap()[1]).collect();
        let said = lines.iter().filter_map(|line| line[field].as_str());
        assert_eq!(told, said.collect(), "{field}");
    }
}

/// Words of the query language that the queries use, and its functions.
const LANGUAGE: &str = "filter sort display stats limit by as asc desc count latest max sum avg bin \
                        ispresent timestamp";

#[test]
fn the_queries_ask_for_fields_that_there_are() {
    let (_, questions) = DOCUMENT.split_once("\n## Questions\n").unwrap();
    let (questions, _) = questions.split_once("\n## ").unwrap();
    let lines = lines();
    let fields = fields(&lines);
    let mut asked = 0;
    // Matches a quoted text, a name after `as`, or a word. A word begins with a letter: in `bin(5m)`, `bin`
    // is a word, and `5m` is not.
    let word = regex_lite::Regex::new(r#""[^"]*"|\bas (\w+)|\b[A-Za-z]\w*"#).unwrap();
    for query in questions
        .split("\n\n")
        .filter(|text| text.starts_with("    "))
    {
        let mut named = Vec::new();
        for found in word.captures_iter(query) {
            let word = &found[0];
            if let Some(name) = found.get(1) {
                named.push(name.as_str());
            } else if !word.starts_with('"')
                && !LANGUAGE.split(' ').any(|known| known == word)
                && !named.contains(&word)
            {
                assert!(fields.contains(word), "`{word}` in\n{query}");
                asked += 1;
            }
        }
    }
    assert!(asked > 30, "{asked}");
}
