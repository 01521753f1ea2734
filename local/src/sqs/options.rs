//! How a queue behaves: its attributes, as typed values and as the API's strings.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::fault::invalid;
use crate::error::ServiceError;

/// How a queue behaves. Whether it is FIFO follows from its name, as in AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueOptions {
    /// How long a received message stays invisible: 0 s to 12 h.
    pub visibility_timeout: Duration,
    /// The dead-letter queue's ARN, and how often a message is received before it goes there.
    pub dead_letter: Option<(String, u32)>,
    /// Take the SHA-256 of the body as deduplication id where the sender gives none.
    pub content_based_deduplication: bool,
    /// How long a message is kept: 60 s to 14 days.
    pub retention: Duration,
    /// How long a new message stays invisible: 0 s to 15 min.
    pub delay: Duration,
    /// How long a receive waits that does not say so itself: 0 s to 20 s.
    pub receive_wait: Duration,
    /// The largest body, in bytes: 1 KiB to 1 MiB.
    pub maximum_message_size: usize,
    /// Attributes that are kept and shown but change nothing here.
    pub other: BTreeMap<String, String>,
}

impl Default for QueueOptions {
    /// AWS's defaults, but with content-based deduplication, which EventBridge demands of a FIFO
    /// queue that is a rule's target.
    fn default() -> Self {
        Self {
            content_based_deduplication: true,
            ..Self::of_api()
        }
    }
}

/// Shown and settable, without effect here.
const WITHOUT_EFFECT: [&str; 7] = [
    "Policy",
    "KmsMasterKeyId",
    "KmsDataKeyReusePeriodSeconds",
    "SqsManagedSseEnabled",
    "RedriveAllowPolicy",
    "DeduplicationScope",
    "FifoThroughputLimit",
];

impl QueueOptions {
    /// The defaults of `CreateQueue` (its page in the SQS API reference).
    pub(super) fn of_api() -> Self {
        Self {
            visibility_timeout: Duration::from_secs(30),
            dead_letter: None,
            content_based_deduplication: false,
            retention: Duration::from_hours(96),
            delay: Duration::ZERO,
            receive_wait: Duration::ZERO,
            maximum_message_size: 1_048_576,
            other: BTreeMap::new(),
        }
    }

    /// Sets one attribute of `CreateQueue` or `SetQueueAttributes`, within its documented range.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<(), ServiceError> {
        match name {
            "VisibilityTimeout" => self.visibility_timeout = seconds(name, value, 0, 43_200)?,
            "MessageRetentionPeriod" => self.retention = seconds(name, value, 60, 1_209_600)?,
            "DelaySeconds" => self.delay = seconds(name, value, 0, 900)?,
            "ReceiveMessageWaitTimeSeconds" => self.receive_wait = seconds(name, value, 0, 20)?,
            "MaximumMessageSize" => {
                let size = number(name, value, 1_024, 1_048_576)?;
                self.maximum_message_size = usize::try_from(size).unwrap_or(usize::MAX);
            }
            "ContentBasedDeduplication" => self.content_based_deduplication = truth(name, value)?,
            "RedrivePolicy" => self.dead_letter = redrive_policy(value)?,
            _ if WITHOUT_EFFECT.contains(&name) => {
                self.other.insert(name.to_owned(), value.to_owned());
            }
            _ => return Err(unknown(name)),
        }
        Ok(())
    }

    /// The settable attributes, as `GetQueueAttributes` shows them.
    pub(super) fn shown(&self, fifo: bool) -> BTreeMap<String, String> {
        let mut shown = self.other.clone();
        let mut show = |name: &str, value: String| shown.insert(name.to_owned(), value);
        show(
            "VisibilityTimeout",
            self.visibility_timeout.as_secs().to_string(),
        );
        show(
            "MessageRetentionPeriod",
            self.retention.as_secs().to_string(),
        );
        show("DelaySeconds", self.delay.as_secs().to_string());
        show(
            "ReceiveMessageWaitTimeSeconds",
            self.receive_wait.as_secs().to_string(),
        );
        show("MaximumMessageSize", self.maximum_message_size.to_string());
        if fifo {
            show("FifoQueue", "true".to_owned());
            show(
                "ContentBasedDeduplication",
                self.content_based_deduplication.to_string(),
            );
        }
        if let Some((arn, count)) = &self.dead_letter {
            let policy = json!({"deadLetterTargetArn": arn, "maxReceiveCount": count});
            show("RedrivePolicy", policy.to_string());
        }
        shown
    }
}

/// Whether an attribute exists, though this queue may have no value for it.
pub(super) fn is_known(attribute: &str) -> bool {
    const ALSO: [&str; 3] = ["RedrivePolicy", "FifoQueue", "ContentBasedDeduplication"];
    WITHOUT_EFFECT.contains(&attribute) || ALSO.contains(&attribute)
}

pub(super) fn unknown(attribute: &str) -> ServiceError {
    ServiceError::new(
        "InvalidAttributeName",
        format!("Unknown Attribute {attribute}."),
    )
}

pub(super) fn truth(name: &str, value: &str) -> Result<bool, ServiceError> {
    value.parse().map_err(|_| out_of_range(name, value))
}

fn seconds(name: &str, value: &str, least: u64, most: u64) -> Result<Duration, ServiceError> {
    number(name, value, least, most).map(Duration::from_secs)
}

fn number(name: &str, value: &str, least: u64, most: u64) -> Result<u64, ServiceError> {
    let number: u64 = value.parse().map_err(|_| out_of_range(name, value))?;
    if (least..=most).contains(&number) {
        Ok(number)
    } else {
        Err(out_of_range(name, value))
    }
}

fn out_of_range(name: &str, value: &str) -> ServiceError {
    ServiceError::new(
        "InvalidAttributeValue",
        format!("Invalid value for the parameter {name}: {value}"),
    )
}

/// An empty policy takes the dead-letter queue away.
fn redrive_policy(value: &str) -> Result<Option<(String, u32)>, ServiceError> {
    if value.is_empty() {
        return Ok(None);
    }
    let wrong = |reason: &str| invalid(value, "RedrivePolicy", reason);
    let policy: Value = serde_json::from_str(value)
        .map_err(|_| wrong("Redrive policy is not a valid JSON map."))?;
    let arn = policy["deadLetterTargetArn"].as_str().ok_or_else(|| {
        wrong("Redrive policy does not contain mandatory attribute: deadLetterTargetArn.")
    })?;
    // CloudFormation sends a number, many a hand-written policy a string: SQS takes both.
    let count = match &policy["maxReceiveCount"] {
        Value::Number(count) => count.as_u64(),
        Value::String(count) => count.parse().ok(),
        _ => None,
    };
    let count = count
        .and_then(|count| u32::try_from(count).ok())
        .filter(|count| (1..=1_000).contains(count))
        .ok_or_else(|| {
            wrong("Invalid value for maxReceiveCount; valid values are from 1 to 1000.")
        })?;
    Ok(Some((arn.to_owned(), count)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redrive_policy_is_read_with_a_number_or_a_string() {
        for count in ["3", "\"3\""] {
            let mut options = QueueOptions::of_api();
            let policy =
                format!("{{\"deadLetterTargetArn\":\"arn:x\",\"maxReceiveCount\":{count}}}");
            options.set("RedrivePolicy", &policy).unwrap();
            assert_eq!(options.dead_letter, Some(("arn:x".to_owned(), 3)));
        }
    }

    #[test]
    fn a_value_outside_its_range_is_refused() {
        let mut options = QueueOptions::of_api();
        for (name, value) in [
            ("VisibilityTimeout", "43201"),
            ("VisibilityTimeout", "-1"),
            ("MessageRetentionPeriod", "59"),
            ("ReceiveMessageWaitTimeSeconds", "21"),
            ("ContentBasedDeduplication", "yes"),
        ] {
            assert_eq!(
                options.set(name, value).unwrap_err().code,
                "InvalidAttributeValue",
                "{name}"
            );
        }
        assert_eq!(
            options.set("Speed", "1").unwrap_err().code,
            "InvalidAttributeName"
        );
        let nobody = options
            .set("RedrivePolicy", "{\"maxReceiveCount\":3}")
            .unwrap_err();
        assert_eq!(nobody.code, "InvalidParameterValue");
    }
}
