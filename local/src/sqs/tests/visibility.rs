//! Invisible and visible again, waiting, and receipt handles.

use super::*;

#[tokio::test]
async fn a_message_not_deleted_comes_back_after_its_visibility_timeout() {
    let f = fixture();
    f.send("1", "a");
    let first = f.receive(1).await;
    f.seconds_pass(59);
    assert!(f.receive(1).await.is_empty());
    f.seconds_pass(2);
    let second = f.receive(1).await;
    assert_eq!(second[0].message_id, first[0].message_id);
    assert_eq!(second[0].attributes["ApproximateReceiveCount"], "2");
    assert_ne!(second[0].receipt_handle, first[0].receipt_handle);
}

#[tokio::test]
async fn a_changed_visibility_counts_from_the_change_and_is_not_remembered() {
    let f = fixture();
    f.send("1", "a");
    let first = f.receive(1).await;
    f.seconds_pass(50);
    f.change(&first[0], 20).unwrap();
    f.seconds_pass(19);
    assert!(f.receive(1).await.is_empty());
    f.seconds_pass(2);
    assert_eq!(f.receive(1).await.len(), 1);
    f.seconds_pass(59);
    assert!(f.receive(1).await.is_empty(), "the queue's own 60 s again");
    f.seconds_pass(2);
    assert_eq!(f.receive(1).await.len(), 1);
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
    assert!(f.sqs.messages(&f.url)[0].in_flight);
    f.delete(&second);
    f.delete(&second);
    assert_eq!(f.change(&second, 5).unwrap_err(), "InvalidParameterValue");
    for (url, handle) in [
        (&f.url, "nonsense"),
        (&f.dead_letter_url, &first.receipt_handle),
    ] {
        let refused = f.sqs.delete(url, handle).unwrap_err();
        assert_eq!(refused.code, "ReceiptHandleIsInvalid");
    }
}

#[tokio::test]
async fn a_message_is_invisible_for_twelve_hours_at_most() {
    let f = fixture();
    f.send("1", "a");
    let message = f.receive(1).await.remove(0);
    f.seconds_pass(30);
    let beyond = f.change(&message, 43_200).unwrap_err();
    assert_eq!(beyond, "InvalidParameterValue");
    f.change(&message, 43_139).unwrap();
}

/// A receive that waits up to 100 s, already at it.
async fn waiting(f: &Fixture) -> impl Future<Output = Vec<Message>> + use<> {
    let (sqs, url) = (f.sqs.clone(), f.url.clone());
    let task = async move { sqs.receive(&url, 1, Duration::from_secs(100)).await };
    let waiting = tokio::spawn(task);
    tokio::task::yield_now().await;
    let soon = tokio::time::timeout(Duration::from_secs(5), waiting);
    async { soon.await.unwrap().unwrap() }
}

#[tokio::test]
async fn a_waiting_receive_wakes_when_there_is_something_and_when_its_time_is_over() {
    let f = fixture();
    let received = waiting(&f).await;
    f.send("1", "a");
    f.send("2", "a");
    let first = received.await.remove(0);
    assert_eq!(first.body, "1");
    let received = waiting(&f).await;
    f.delete(&first);
    assert_eq!(bodies(&received.await), ["2"], "the group opened");
    let received = waiting(&f).await;
    f.seconds_pass(61);
    let again = received.await;
    assert_eq!(bodies(&again), ["2"], "its visibility timeout ended");
    f.delete(&again[0]);
    let received = waiting(&f).await;
    f.seconds_pass(101);
    assert!(received.await.is_empty());
}

#[tokio::test]
async fn a_change_between_looking_and_waiting_is_not_missed() {
    let f = fixture();
    let changed = f.sqs.changed();
    assert!(f.sqs.is_empty(&f.url));
    f.send("1", "a");
    let changed = tokio::time::timeout(Duration::from_secs(5), changed);
    changed.await.unwrap();
}
