//! Names for the log, of any message.

use metrique::unit_of_work::metrics;
use time::format_description::well_known::Rfc3339;

use super::{Event, Push};

/// What a message says that it is about, unchecked.
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
    /// Reads a body, as far as it can be read.
    pub fn of_body(body: &str) -> Self {
        // Longer than any name that AWS gives or takes, and short enough for a log line.
        let fit = |name: Option<String>| name.filter(|name| name.len() <= 512);
        let Ok(event) = serde_json::from_str::<Event>(body) else {
            return Self::default();
        };
        Self {
            event_id: fit(event.id),
            account: fit(event.account),
            region: fit(event.region),
            repository: fit(event.detail.repository_name),
            reference: fit(event.detail.reference_full_name),
            commit: fit(event.detail.commit_id),
            pushed_at: fit(event.time),
        }
    }
}

impl From<&Push> for EventFields {
    fn from(push: &Push) -> Self {
        Self {
            event_id: Some(push.event_id.clone()),
            account: Some(push.account.clone()),
            region: Some(push.region.clone()),
            repository: Some(push.repository.clone()),
            reference: Some(push.reference.full_name()),
            commit: Some(push.commit.to_string()),
            pushed_at: push.time.format(&Rfc3339).ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_read_is_told_and_nothing_of_what_cannot_be_or_is_too_long_for_a_name() {
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
