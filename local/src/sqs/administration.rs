//! The actions that make, describe, empty and remove queues, and that redrive them.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::Sqs;
use super::fault::{invalid, no_such_queue};
use super::input::Input;
use super::message::epoch_ms;
use super::name::{is_fifo, name_of};
use super::operations::Answer;
use super::options::{self, QueueOptions};
use super::queue::Queue;
use crate::error::ServiceError;

impl Sqs {
    pub(super) fn create(&self, input: Input<'_>) -> Answer {
        let name = input.text("QueueName")?;
        let mut options = QueueOptions::of_api();
        let mut fifo = false;
        for (attribute, value) in input.strings("Attributes")? {
            if attribute == "FifoQueue" {
                fifo = options::truth(&attribute, &value)?;
            } else {
                options.set(&attribute, &value)?;
            }
        }
        if fifo != is_fifo(name) {
            let reason = "The name of a FIFO queue, and of no other, must end with .fifo, and the attribute FifoQueue must be true.";
            return Err(invalid(name, "QueueName", reason));
        }
        Ok(json!({"QueueUrl": self.create_queue(name, options)?}))
    }

    pub(super) fn get_url(&self, input: Input<'_>) -> Answer {
        let name = input.text("QueueName")?;
        let owner = input.maybe_text("QueueOwnerAWSAccountId")?;
        let state = self.state();
        if !state.queues.contains_key(name) || owner.is_some_and(|owner| owner != self.0.account) {
            return Err(no_such_queue());
        }
        Ok(json!({"QueueUrl": self.url(&state, name)}))
    }

    pub(super) fn get_attributes(&self, input: Input<'_>) -> Answer {
        let now = self.0.clock.now();
        let wanted = input.texts("AttributeNames")?;
        let mut state = self.state();
        let all = described(state.queue(input.text("QueueUrl")?)?, now);
        let mut shown = BTreeMap::new();
        for name in wanted {
            if name == "All" {
                shown.extend(all.clone());
            } else if let Some(value) = all.get(name) {
                shown.insert(name.to_owned(), value.clone());
            } else if !options::is_known(name) {
                return Err(options::unknown(name));
            }
        }
        Ok(json!({"Attributes": shown}))
    }

    pub(super) fn set_attributes(&self, input: Input<'_>) -> Answer {
        let now = self.0.clock.now();
        let url = input.text("QueueUrl")?;
        let mut state = self.state();
        let mut options = state.queue(url)?.options.clone();
        for (attribute, value) in input.strings("Attributes")? {
            options.set(&attribute, &value)?;
        }
        state.check_dead_letter(name_of(url), &options)?;
        let queue = state.queue(url)?;
        queue.options = options;
        queue.modified = now;
        Ok(json!({}))
    }

    pub(super) fn list(&self, input: Input<'_>) -> Answer {
        let prefix = input.maybe_text("QueueNamePrefix")?.unwrap_or_default();
        let after = input.maybe_text("NextToken")?.unwrap_or_default();
        let asked = input.number("MaxResults", 1, 1_000)?;
        let most = asked
            .and_then(|most| usize::try_from(most).ok())
            .unwrap_or(1_000);
        let state = self.state();
        let mut names = state
            .queues
            .keys()
            .filter(|name| name.starts_with(prefix) && (after.is_empty() || name.as_str() > after));
        let page: Vec<&String> = names.by_ref().take(most).collect();
        let urls: Vec<String> = page.iter().map(|name| self.url(&state, name)).collect();
        let mut answer = json!({"QueueUrls": urls});
        // "You must set MaxResults to receive a value for NextToken" (ListQueues).
        if asked.is_some() && names.next().is_some() {
            answer["NextToken"] = json!(page.last());
        }
        Ok(answer)
    }

    pub(super) fn purge(&self, input: Input<'_>) -> Answer {
        let now = self.0.clock.now();
        let mut state = self.state();
        let queue = state.queue(input.text("QueueUrl")?)?;
        if queue
            .purged
            .is_some_and(|at| now < at + Duration::from_mins(1))
        {
            return Err(ServiceError::new(
                "PurgeQueueInProgress",
                format!(
                    "Only one PurgeQueue operation on {} is allowed every 60 seconds.",
                    queue.name
                ),
            ));
        }
        queue.purged = Some(now);
        queue.messages.clear();
        drop(state);
        self.0.changed.notify_waiters();
        Ok(json!({}))
    }

    pub(super) fn remove_queue(&self, input: Input<'_>) -> Answer {
        let name = name_of(input.text("QueueUrl")?);
        let mut state = self.state();
        state.queues.remove(name).ok_or_else(no_such_queue)?;
        state.deleted.insert(name.to_owned(), self.0.clock.now());
        drop(state);
        self.0.changed.notify_waiters();
        Ok(json!({}))
    }

    pub(super) fn start_move_task(&self, input: Input<'_>) -> Answer {
        input.number("MaxNumberOfMessagesPerSecond", 1, 500)?;
        let destination = input.maybe_text("DestinationArn")?;
        let task = self.start_move(input.text("SourceArn")?, destination)?;
        Ok(json!({"TaskHandle": task.handle}))
    }

    pub(super) fn list_move_tasks(&self, input: Input<'_>) -> Answer {
        let source = input.text("SourceArn")?;
        let most = input.number("MaxResults", 1, 10)?.unwrap_or(1);
        let state = self.state();
        let newest_first = state
            .tasks
            .iter()
            .rev()
            .filter(|task| task.source_arn == source);
        let results: Vec<Value> = newest_first
            .take(usize::try_from(most).unwrap_or(10))
            .map(|task| {
                let mut result = json!({
                    "Status": "COMPLETED",
                    "SourceArn": task.source_arn,
                    "ApproximateNumberOfMessagesMoved": task.moved,
                    "ApproximateNumberOfMessagesToMove": task.moved,
                    "StartedTimestamp": epoch_ms(task.started),
                });
                if let Some(destination) = &task.destination_arn {
                    result["DestinationArn"] = json!(destination);
                }
                result
            })
            .collect();
        Ok(json!({"Results": results}))
    }
}

/// Every attribute of a queue, as `GetQueueAttributes` names them.
fn described(queue: &Queue, now: SystemTime) -> BTreeMap<String, String> {
    let in_flight = queue
        .messages
        .iter()
        .filter(|message| message.in_flight(now))
        .count();
    let hidden = queue
        .messages
        .iter()
        .filter(|message| message.hidden(now))
        .count();
    let seconds = |at| (epoch_ms(at) / 1_000).to_string();
    let mut all = queue.options.shown(queue.fifo());
    all.extend(
        [
            ("QueueArn", queue.arn.clone()),
            (
                "ApproximateNumberOfMessages",
                (queue.messages.len() - hidden).to_string(),
            ),
            (
                "ApproximateNumberOfMessagesNotVisible",
                in_flight.to_string(),
            ),
            (
                "ApproximateNumberOfMessagesDelayed",
                (hidden - in_flight).to_string(),
            ),
            ("CreatedTimestamp", seconds(queue.created)),
            ("LastModifiedTimestamp", seconds(queue.modified)),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    all
}
