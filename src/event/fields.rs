//! What the log says of any message.

use metrique::unit_of_work::metrics;

use super::Event;

/// Names and ids from a message, unchecked.
#[metrics(subfield_owned)]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFields {
    pub event_id: Option<String>,
    pub account: Option<String>,
    pub region: Option<String>,
    pub repository: Option<String>,
    pub reference: Option<String>,
    pub commit: Option<String>,
    pub pushed_at: Option<String>,
}

impl EventFields {
    /// Reads those fields of a body that can be read.
    pub fn of_body(body: &str) -> Self {
        let event = serde_json::from_str(body).unwrap_or_default();
        let field = |name| {
            let text = Event(&event).text(name);
            // No name that AWS allows is longer than that.
            text.filter(|text| text.len() <= 512).map(str::to_owned)
        };
        Self {
            event_id: field("id"),
            account: field("account"),
            region: field("region"),
            repository: field("detail.repositoryName"),
            reference: field("detail.referenceFullName"),
            commit: field("detail.commitId"),
            pushed_at: field("time"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_that_can_be_read_are_kept_and_those_that_are_too_long_for_a_name_left_out() {
        let body = r#"{"id":"e1","account":"000000000000","detail":{"repositoryName":"shop"}}"#;
        let fields = EventFields::of_body(body);
        assert_eq!(fields.event_id.as_deref(), Some("e1"));
        assert_eq!(fields.repository.as_deref(), Some("shop"));
        assert_eq!(fields.commit, None);
        let endless = format!(r#"{{"id":"{}"}}"#, "x".repeat(513));
        for body in ["not JSON", &endless] {
            assert_eq!(EventFields::of_body(body), EventFields::default());
        }
    }
}
