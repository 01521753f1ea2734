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
    assert!(
        f.sqs.is_empty(&f.dead_letter_url),
        "it moves when it is asked for, not before"
    );
    assert_eq!(bodies(&f.receive(1).await), ["next"]);
    let dead = f.sqs.messages(&f.dead_letter_url);
    assert_eq!(dead.len(), 1);
    assert_eq!(
        (dead[0].message_id.as_str(), dead[0].body.as_str()),
        (id.as_str(), "poison")
    );
    assert_eq!(dead[0].group, "a");
    assert_eq!(dead[0].receive_count, 3);
    assert!(!dead[0].in_flight);
}

#[tokio::test]
async fn a_dead_message_is_received_with_its_own_id_as_deduplication_id() {
    let f = fixture();
    let id = f.send("poison", "a");
    fail(&f, 3).await;
    f.receive(1).await;
    let dead = f
        .sqs
        .receive(&f.dead_letter_url, 1, Duration::ZERO)
        .await
        .remove(0);
    assert_eq!(dead.message_id, id);
    assert_eq!(dead.attributes["MessageDeduplicationId"], id);
    assert_eq!(dead.attributes["MessageGroupId"], "a");
    assert_eq!(dead.attributes["ApproximateReceiveCount"], "4");
    assert_eq!(
        dead.attributes["DeadLetterQueueSourceArn"],
        f.sqs.arn(&f.url)
    );
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
async fn a_queue_that_is_nobodys_dead_letter_queue_cannot_be_redriven() {
    let f = fixture();
    assert_eq!(
        f.sqs.redrive(&f.url).unwrap_err().code,
        "InvalidParameterValue"
    );
    assert_eq!(
        f.sqs.redrive("none.fifo").unwrap_err().code,
        "ResourceNotFoundException"
    );
}

#[tokio::test]
async fn a_message_sent_straight_to_the_dead_letter_queue_stays_there() {
    let f = fixture();
    f.sqs.send(&f.dead_letter_url, "stray", "a").unwrap();
    assert_eq!(f.sqs.redrive(&f.dead_letter_url).unwrap(), 0);
    assert_eq!(f.sqs.messages(&f.dead_letter_url).len(), 1);
}
