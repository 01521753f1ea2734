//! Received too often, and brought back.

use super::*;

/// Lets the first message of the queue fail `times` times.
async fn fail(f: &Fixture, times: usize) {
    for _ in 0..times {
        assert_eq!(f.receive(1).await.len(), 1);
        f.seconds_pass(61);
    }
}

#[tokio::test]
async fn a_message_received_too_often_moves_and_its_group_goes_on_in_the_same_receive() {
    let f = fixture();
    let id = f.send("poison", "a");
    f.send("next", "a");
    fail(&f, 3).await;
    let nothing_yet = f.sqs.is_empty(&f.dead_letter_url);
    assert!(nothing_yet, "it moves when it is asked for, not before");
    assert_eq!(bodies(&f.receive(1).await), ["next"]);
    let [dead] = &f.sqs.messages(&f.dead_letter_url)[..] else {
        panic!("one message")
    };
    assert_eq!((dead.group.as_str(), dead.receive_count), ("a", 3));
    let received = f.sqs.receive(&f.dead_letter_url, 1, Duration::ZERO).await;
    let dead = &received[0];
    assert_eq!((&dead.message_id, dead.body.as_str()), (&id, "poison"));
    assert_eq!(dead.attributes["MessageDeduplicationId"], id);
    assert_eq!(dead.attributes["ApproximateReceiveCount"], "4");
    let origin = f.sqs.arn(&f.url);
    assert_eq!(dead.attributes["DeadLetterQueueSourceArn"], origin);
}

#[tokio::test]
async fn a_redrive_brings_messages_back_as_new_ones_in_order() {
    let f = fixture();
    let ids = [f.send("1", "a"), f.send("2", "a")];
    for _ in 0..4 {
        f.receive(10).await;
        f.seconds_pass(61);
    }
    assert!(f.sqs.is_empty(&f.url));
    assert_eq!(f.sqs.redrive(&f.dead_letter_url).unwrap(), 2);
    assert!(f.sqs.is_empty(&f.dead_letter_url));
    let back = f.receive(10).await;
    assert_eq!(bodies(&back), ["1", "2"]);
    assert!(!ids.contains(&back[0].message_id));
    assert_eq!(back[0].attributes["ApproximateReceiveCount"], "1");
    assert!(!back[0].attributes.contains_key("DeadLetterQueueSourceArn"));
}

#[tokio::test]
async fn only_what_came_from_a_queue_goes_back() {
    let f = fixture();
    let refused = |url: &str| f.sqs.redrive(url).unwrap_err().code;
    assert_eq!(refused(&f.url), "InvalidParameterValue");
    assert_eq!(refused("none.fifo"), "ResourceNotFoundException");
    f.sqs.send(&f.dead_letter_url, "stray", "a").unwrap();
    assert_eq!(f.sqs.redrive(&f.dead_letter_url).unwrap(), 0);
    assert_eq!(f.sqs.messages(&f.dead_letter_url).len(), 1);
}
