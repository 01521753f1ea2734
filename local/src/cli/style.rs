//! Colours, where a person looks at a terminal: not with `NO_COLOR` (<https://no-color.org>), and not
//! in a file or a pipe.

use std::io::IsTerminal as _;

/// Whether text is coloured.
#[derive(Clone, Copy, Debug)]
pub struct Style(bool);

impl Style {
    /// As standard output takes it.
    pub fn of_output() -> Self {
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        Self(std::io::stdout().is_terminal() && !is_set("NO_COLOR"))
    }

    /// Something went well.
    pub fn good(self, text: &str) -> String {
        self.coloured("32", text)
    }

    /// Something failed.
    pub fn bad(self, text: &str) -> String {
        self.coloured("1;31", text)
    }

    /// Something to look at.
    pub fn warning(self, text: &str) -> String {
        self.coloured("33", text)
    }

    fn coloured(self, code: &str, text: &str) -> String {
        if self.0 {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_coloured_for_a_terminal_alone() {
        assert_eq!(Style(true).good("built"), "\x1b[32mbuilt\x1b[0m");
        assert_eq!(Style(false).good("built"), "built");
    }
}
