//! The rules of a FIFO queue, each by itself, on a clock that the test puts forward.

mod api;
mod batches;
mod dead_letter;
mod visibility;

use serde_json::{Value, json};

use super::*;

/// A FIFO queue whose messages are invisible for 60 s, and its dead-letter queue after 3 receives.
struct Fixture {
    clock: Clock,
    sqs: Sqs,
    url: String,
    dead_letter_url: String,
}

fn fixture() -> Fixture {
    let clock = Clock::default();
    let sqs = Sqs::new(clock.clone(), "eu-west-1", "000000000000");
    let dead_letter_url = sqs
        .create_queue("dead.fifo", QueueOptions::default())
        .unwrap();
    let options = QueueOptions {
        visibility_timeout: Duration::from_mins(1),
        dead_letter: Some((sqs.arn(&dead_letter_url), 3)),
        ..QueueOptions::default()
    };
    let url = sqs.create_queue("pushes.fifo", options).unwrap();
    Fixture {
        clock,
        sqs,
        url,
        dead_letter_url,
    }
}

impl Fixture {
    fn send(&self, body: &str, group: &str) -> String {
        self.sqs.send(&self.url, body, group).unwrap()
    }

    async fn receive(&self, max: usize) -> Vec<Message> {
        self.sqs.receive(&self.url, max, Duration::ZERO).await
    }

    fn delete(&self, message: &Message) {
        self.sqs.delete(&self.url, &message.receipt_handle).unwrap();
    }

    /// Sets when a message is visible again; the code of a refusal.
    fn change(&self, message: &Message, seconds: u64) -> Result<(), String> {
        let (handle, timeout) = (&message.receipt_handle, Duration::from_secs(seconds));
        let changed = self.sqs.change_visibility(&self.url, handle, timeout);
        changed.map_err(|error| error.code)
    }

    fn seconds_pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

async fn call(f: &Fixture, operation: &str, input: Value) -> Value {
    f.sqs.call(operation, input).await.unwrap()
}

async fn refused(f: &Fixture, operation: &str, input: Value) -> String {
    f.sqs.call(operation, input).await.unwrap_err().code
}

fn bodies(messages: &[Message]) -> Vec<&str> {
    messages
        .iter()
        .map(|message| message.body.as_str())
        .collect()
}

#[tokio::test]
async fn one_receive_returns_several_of_a_group_in_the_order_of_sending() {
    let f = fixture();
    for body in ["1", "2", "3", "4"] {
        f.send(body, "a");
    }
    assert_eq!(bodies(&f.receive(3).await), ["1", "2", "3"]);
}

#[tokio::test]
async fn a_receive_takes_as_much_of_one_group_as_it_can_and_then_of_the_next() {
    let f = fixture();
    for (body, group) in [("a1", "a"), ("b1", "b"), ("a2", "a"), ("b2", "b")] {
        f.send(body, group);
    }
    assert_eq!(bodies(&f.receive(3).await), ["a1", "a2", "b1"]);
}

#[tokio::test]
async fn a_group_is_closed_while_any_of_its_messages_is_in_flight() {
    let f = fixture();
    for (body, group) in [("a1", "a"), ("a2", "a"), ("b1", "b")] {
        f.send(body, group);
    }
    let first = f.receive(1).await;
    assert_eq!(
        bodies(&f.receive(10).await),
        ["b1"],
        "the other group goes on"
    );
    f.send("a3", "a");
    assert_eq!(bodies(&f.receive(10).await), [""; 0]);
    f.delete(&first[0]);
    assert_eq!(bodies(&f.receive(10).await), ["a2", "a3"]);
}

#[tokio::test]
async fn an_earlier_message_made_visible_does_not_open_the_group_of_a_later_one_in_flight() {
    let f = fixture();
    f.send("1", "a");
    f.send("2", "a");
    let both = f.receive(2).await;
    f.change(&both[0], 0).unwrap();
    assert_eq!(bodies(&f.receive(10).await), [""; 0]);
    f.change(&both[1], 0).unwrap();
    assert_eq!(bodies(&f.receive(10).await), ["1", "2"]);
}

#[tokio::test]
async fn a_duplicate_is_one_of_the_queue_or_of_its_message_group() {
    let f = fixture();
    let group = QueueOptions {
        high_throughput: true,
        ..QueueOptions::default()
    };
    let url = f.sqs.create_queue("groups.fifo", group).unwrap();
    let ids = |url: &str| ["a", "b", "a"].map(|group| f.sqs.send(url, "same", group).unwrap());
    let [first, second, third] = ids(&f.url);
    assert!(first == second && first == third);
    let [first, second, third] = ids(&url);
    assert!(first != second && first == third);
}

#[tokio::test]
async fn the_same_body_within_five_minutes_is_one_message_even_after_its_deletion() {
    let f = fixture();
    let first = f.send("same", "a");
    f.delete(&f.receive(1).await[0]);
    f.seconds_pass(299);
    assert_eq!(f.send("same", "a"), first);
    assert!(f.sqs.is_empty(&f.url));
    f.seconds_pass(2);
    assert_ne!(f.send("same", "a"), first);
    assert_eq!(bodies(&f.receive(10).await), ["same"]);
}

#[tokio::test]
async fn a_message_carries_every_attribute_of_a_lambda_record() {
    let f = fixture();
    let before = f.clock.epoch_ms();
    let id = f.send("{}", "a");
    f.send("[]", "a");
    f.receive(2).await;
    f.seconds_pass(61);
    let again = f.receive(2).await;
    let message = &again[0];
    let record = message.lambda_record(&f.sqs.arn(&f.url), "eu-west-1");
    assert_eq!(record["messageId"], id);
    assert_eq!(record["md5OfBody"], "99914b932bd37a50b983c5e7c90ae93b");
    assert_eq!(
        record["eventSourceARN"],
        "arn:aws:sqs:eu-west-1:000000000000:pushes.fifo"
    );
    assert_eq!(record["eventSource"], "aws:sqs");
    assert_eq!(record["awsRegion"], "eu-west-1");
    let attributes = &message.attributes;
    assert_eq!(attributes["ApproximateReceiveCount"], "2");
    assert_eq!(attributes["MessageGroupId"], "a");
    assert_eq!(
        attributes["MessageDeduplicationId"],
        "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
        "SHA-256 of the body"
    );
    let number = |name: &str| attributes[name].parse::<u64>().unwrap();
    assert!(number("SentTimestamp") >= before);
    assert!(
        number("ApproximateFirstReceiveTimestamp") < before + 60_000,
        "the first, not this one"
    );
    assert_eq!(attributes["SequenceNumber"].len(), 20);
    assert!(attributes["SequenceNumber"] < again[1].attributes["SequenceNumber"]);
    assert!(attributes.contains_key("SenderId"));
    assert!(!attributes.contains_key("DeadLetterQueueSourceArn"));
}

#[tokio::test]
async fn a_body_with_characters_outside_xml_is_refused() {
    let f = fixture();
    let refused = f.sqs.send(&f.url, "a\u{1}b", "a").unwrap_err();
    assert_eq!(refused.code, "InvalidMessageContents");
    let refused = f.sqs.send(&f.url, &"x".repeat(1_048_577), "a").unwrap_err();
    assert_eq!(refused.code, "InvalidParameterValue");
    let refused = f.sqs.send(&f.url, "x", "a group").unwrap_err();
    assert_eq!(refused.code, "InvalidParameterValue");
    f.send("emoji 🚀 and\nnew lines\tare fine", "a");
}

#[tokio::test]
async fn a_message_older_than_the_retention_period_is_gone() {
    let f = fixture();
    f.send("1", "a");
    f.seconds_pass(345_601);
    assert!(f.receive(1).await.is_empty());
    assert!(f.sqs.is_empty(&f.url));
}
