//! The rules of a FIFO queue, on a clock that the test puts forward.

mod batches;

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
    let sqs = Sqs::new(clock.clone(), "http://x");
    let queue = |name: &str, options| sqs.create_queue(name, options);
    let dead_letter_url = queue("dead.fifo", QueueOptions::default());
    let options = QueueOptions {
        visibility_timeout: Duration::from_mins(1),
        dead_letter: Some((arn(&dead_letter_url), 3)),
        ..QueueOptions::default()
    };
    let url = queue("pushes.fifo", options);
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
        let received = self.sqs.receive(&self.url, max, Duration::ZERO);
        received.await.unwrap()
    }

    /// What the bodies of the next receive are.
    async fn bodies(&self, max: usize) -> Vec<String> {
        let received = self.receive(max).await;
        received.into_iter().map(|message| message.body).collect()
    }

    fn is_empty(&self, url: &str) -> bool {
        self.sqs.messages(url).is_empty()
    }

    fn delete(&self, message: &Message) {
        self.sqs.delete(&self.url, &message.receipt_handle).unwrap();
    }

    /// Sets when a message is visible again; the code of a refusal.
    fn change(&self, message: &Message, seconds: u64) -> Result<(), String> {
        let (handle, timeout) = (&message.receipt_handle, Duration::from_secs(seconds));
        let changed = self.sqs.change(|state, now| {
            let queue = state.queue(&self.url)?;
            queue.change_visibility(handle, timeout, now)
        });
        changed.map_err(|error| error.code)
    }

    fn seconds_pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    fn call(&self, operation: &str, input: Value) -> Value {
        self.sqs.call(operation, input).unwrap()
    }

    fn refused(&self, operation: &str, input: Value) -> String {
        self.sqs.call(operation, input).unwrap_err().code
    }
}

const NOTHING: [&str; 0] = [];

#[tokio::test]
async fn a_group_is_closed_while_any_of_its_messages_is_in_flight() {
    let f = fixture();
    for (body, group) in [("a1", "a"), ("b1", "b"), ("a2", "a"), ("a3", "a")] {
        f.send(body, group);
    }
    let first = f.receive(2).await;
    let bodies: Vec<_> = first.iter().map(|message| &message.body).collect();
    assert_eq!(bodies, ["a1", "a2"], "as much of one group as there is");
    assert_eq!(f.bodies(10).await, ["b1"], "the other group goes on");
    f.change(&first[0], 0).unwrap();
    assert_eq!(f.bodies(10).await, NOTHING, "a2 is in flight");
    f.change(&first[1], 0).unwrap();
    let again = f.receive(1).await.remove(0);
    assert_eq!(f.bodies(10).await, NOTHING, "a1 is in flight");
    f.delete(&again);
    assert_eq!(f.bodies(10).await, ["a2", "a3"]);
}

#[tokio::test]
async fn the_same_body_within_five_minutes_is_one_message_even_after_its_deletion() {
    let f = fixture();
    let first = f.send("same", "a");
    assert_eq!(f.send("same", "b"), first, "in the whole queue");
    f.delete(&f.receive(1).await[0]);
    f.seconds_pass(299);
    assert_eq!(f.send("same", "a"), first);
    assert!(f.is_empty(&f.url));
    f.seconds_pass(2);
    assert_ne!(f.send("same", "a"), first);
    assert_eq!(f.bodies(10).await, ["same"]);
}

#[tokio::test]
async fn a_message_that_is_not_deleted_comes_back_with_what_lambda_is_told() {
    let f = fixture();
    let id = f.send("{}", "a");
    let first = f.receive(1).await.remove(0);
    f.seconds_pass(59);
    assert_eq!(f.bodies(1).await, NOTHING);
    f.seconds_pass(2);
    let message = f.receive(1).await.remove(0);
    assert_ne!(message.receipt_handle, first.receipt_handle);
    let record = message.lambda_record(&arn(&f.url));
    assert_eq!(record["messageId"], id);
    assert_eq!(record["md5OfBody"], "99914b932bd37a50b983c5e7c90ae93b");
    let arn = "arn:aws:sqs:eu-west-1:000000000000:pushes.fifo";
    assert_eq!(record["eventSourceARN"], arn);
    let attributes = &record["attributes"];
    assert_eq!(attributes["ApproximateReceiveCount"], "2");
    assert_eq!(attributes["MessageGroupId"], "a");
    let sha256 = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    assert_eq!(attributes["MessageDeduplicationId"], sha256);
    assert_eq!(attributes["SequenceNumber"].as_str().unwrap().len(), 20);
}

#[tokio::test]
async fn a_changed_visibility_counts_from_the_change_and_ends_after_twelve_hours() {
    let f = fixture();
    f.send("1", "a");
    let first = f.receive(1).await.remove(0);
    f.seconds_pass(50);
    let beyond = f.change(&first, 43_200).unwrap_err();
    assert_eq!(beyond, "InvalidParameterValue");
    f.change(&first, 43_149).unwrap();
    f.change(&first, 20).unwrap();
    f.seconds_pass(19);
    assert_eq!(f.bodies(1).await, NOTHING);
    f.seconds_pass(2);
    assert_eq!(f.bodies(1).await, ["1"]);
    f.seconds_pass(59);
    assert_eq!(f.bodies(1).await, NOTHING, "the queue's own 60 s again");
}

#[tokio::test]
async fn only_the_latest_handle_of_a_message_in_flight_counts() {
    let f = fixture();
    f.send("1", "a");
    let first = f.receive(1).await.remove(0);
    f.seconds_pass(61);
    let expired = || f.sqs.delete(&f.url, &first.receipt_handle).unwrap_err();
    let reason = "The receipt handle has expired.";
    assert!(expired().message.ends_with(reason), "it is visible again");
    assert_eq!(f.change(&first, 5).unwrap_err(), "MessageNotInflight");
    let second = f.receive(1).await.remove(0);
    assert!(expired().message.ends_with(reason), "it was received again");
    assert_eq!(f.change(&first, 5).unwrap_err(), "InvalidParameterValue");
    f.delete(&second);
    f.delete(&second);
    assert_eq!(f.change(&second, 5).unwrap_err(), "InvalidParameterValue");
    let other = (&f.dead_letter_url, &*first.receipt_handle);
    for (url, handle) in [(&f.url, "nonsense"), other] {
        let refused = f.sqs.delete(url, handle).unwrap_err();
        assert_eq!(refused.code, "ReceiptHandleIsInvalid");
    }
}

#[tokio::test]
async fn a_message_received_too_often_moves_and_its_group_goes_on_in_the_same_receive() {
    let f = fixture();
    let id = f.send("poison", "a");
    f.send("next", "a");
    for _ in 0..3 {
        assert_eq!(f.bodies(1).await, ["poison"]);
        f.seconds_pass(61);
    }
    let nothing_yet = f.is_empty(&f.dead_letter_url);
    assert!(nothing_yet, "it moves when it is asked for, not before");
    assert_eq!(f.bodies(1).await, ["next"]);
    assert_eq!(f.sqs.messages(&f.dead_letter_url)[0].receive_count, 3);
    let received = f.sqs.receive(&f.dead_letter_url, 2, Duration::ZERO).await;
    let [dead] = &received.unwrap()[..] else {
        panic!("not one message")
    };
    assert_eq!((&dead.message_id, dead.body.as_str()), (&id, "poison"));
    assert_eq!((&*dead.group, &dead.deduplication_id), ("a", &id));
    assert_eq!(dead.receive_count, 4);
    assert_eq!(dead.source_arn, Some(arn(&f.url)));
}

#[test]
fn what_sqs_refuses_and_what_would_be_ignored_is_refused() {
    let f = fixture();
    let attributes = |input: Value| ("GetQueueAttributes", input);
    let other_name = json!({"QueueUrl": f.url, "AttributeNames": ["Speed"]});
    let none = json!({"QueueName": "none.fifo"});
    let of_other = json!({"QueueName": "pushes.fifo", "QueueOwnerAWSAccountId": "111111111111"});
    for ((operation, input), code) in [
        (("AddPermission", json!({})), "UnknownOperationException"),
        (("GetQueueUrl", none), "QueueDoesNotExist"),
        (("GetQueueUrl", of_other), "QueueDoesNotExist"),
        (attributes(other_name), "InvalidAttributeName"),
        (attributes(json!({})), "MissingParameter"),
        (
            attributes(json!({"QueueUrl": f.url, "Speed": 1})),
            "SerializationException",
        ),
    ] {
        assert_eq!(f.refused(operation, input), code, "{operation}");
    }
    let large = "x".repeat(1_048_577);
    f.send("x", &large[..128]);
    for (body, group, code) in [
        ("a\u{1}b", "a", "InvalidMessageContents"),
        (&large, "a", "InvalidParameterValue"),
        ("", "a", "MissingParameter"),
        ("x", "a group", "InvalidParameterValue"),
        ("x", &large[..129], "InvalidParameterValue"),
    ] {
        let refused = f.sqs.send(&f.url, body, group).unwrap_err();
        assert_eq!(refused.code, code);
    }
    f.send("emoji 🚀 and\nnew lines\tare fine", "a");
}
