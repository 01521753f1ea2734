//! Tables of the documentation, for tests that hold them against the code.

/// The rows of the table with these headings, as cells.
pub fn table(document: &'static str, headings: &str) -> Vec<Vec<&'static str>> {
    let (_, table) = document.split_once(headings).unwrap();
    let rows = table.lines().skip(2);
    rows.take_while(|row| row.starts_with('|'))
        .map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect()
}

/// The texts in backquotes.
pub fn code(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}
