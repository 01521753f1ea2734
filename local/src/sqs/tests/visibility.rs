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
    f.sqs
        .change_visibility(&f.url, &first[0].receipt_handle, Duration::from_secs(20))
        .unwrap();
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
async fn the_handle_of_an_earlier_receive_deletes_and_changes_nothing() {
    let f = fixture();
    f.send("1", "a");
    let old = f.receive(1).await.remove(0).receipt_handle;
    f.seconds_pass(61);
    f.receive(1).await;
    let refused = f.sqs.delete(&f.url, &old).unwrap_err();
    assert_eq!(refused.code, "InvalidParameterValue");
    assert!(
        refused.message.ends_with("The receipt handle has expired."),
        "{refused}"
    );
    let refused = f
        .sqs
        .change_visibility(&f.url, &old, Duration::ZERO)
        .unwrap_err();
    assert_eq!(refused.code, "InvalidParameterValue");
    assert!(f.sqs.messages(&f.url)[0].in_flight);
}

#[tokio::test]
async fn a_message_that_is_visible_again_is_neither_deleted_nor_changed() {
    let f = fixture();
    f.send("1", "a");
    let handle = f.receive(1).await.remove(0).receipt_handle;
    f.seconds_pass(61);
    assert_eq!(
        f.sqs.delete(&f.url, &handle).unwrap_err().code,
        "InvalidParameterValue"
    );
    let refused = f
        .sqs
        .change_visibility(&f.url, &handle, Duration::from_secs(5))
        .unwrap_err();
    assert_eq!(refused.code, "MessageNotInflight");
    assert_eq!(f.sqs.messages(&f.url).len(), 1);
}

#[tokio::test]
async fn a_deleted_message_can_be_deleted_again_but_not_changed() {
    let f = fixture();
    f.send("1", "a");
    let message = f.receive(1).await.remove(0);
    f.delete(&message);
    f.delete(&message);
    let refused = f
        .sqs
        .change_visibility(&f.url, &message.receipt_handle, Duration::ZERO)
        .unwrap_err();
    assert_eq!(refused.code, "InvalidParameterValue");
}

#[tokio::test]
async fn what_is_no_handle_of_this_queue_is_invalid() {
    let f = fixture();
    f.send("1", "a");
    let handle = f.receive(1).await.remove(0).receipt_handle;
    for (url, handle) in [(&f.url, "nonsense"), (&f.dead_letter_url, handle.as_str())] {
        assert_eq!(
            f.sqs.delete(url, handle).unwrap_err().code,
            "ReceiptHandleIsInvalid"
        );
        let refused = f
            .sqs
            .change_visibility(url, handle, Duration::ZERO)
            .unwrap_err();
        assert_eq!(refused.code, "ReceiptHandleIsInvalid");
    }
}

#[tokio::test]
async fn a_message_is_invisible_for_twelve_hours_at_most() {
    let f = fixture();
    f.send("1", "a");
    let handle = f.receive(1).await.remove(0).receipt_handle;
    f.seconds_pass(30);
    let twelve_hours = Duration::from_hours(12);
    let refused = f
        .sqs
        .change_visibility(&f.url, &handle, twelve_hours)
        .unwrap_err();
    assert_eq!(refused.code, "InvalidParameterValue");
    f.sqs
        .change_visibility(&f.url, &handle, Duration::from_secs(43_139))
        .unwrap();
}

#[tokio::test]
async fn a_waiting_receive_wakes_when_a_message_is_sent() {
    let f = fixture();
    let (sqs, url) = (f.sqs.clone(), f.url.clone());
    let waiting = tokio::spawn(async move { sqs.receive(&url, 1, Duration::from_secs(20)).await });
    tokio::task::yield_now().await;
    f.send("1", "a");
    let received = tokio::time::timeout(Duration::from_secs(5), waiting)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(bodies(&received), ["1"]);
}

#[tokio::test]
async fn a_waiting_receive_wakes_when_the_group_opens_or_a_timeout_ends() {
    let f = fixture();
    f.send("1", "a");
    f.send("2", "a");
    let first = f.receive(1).await.remove(0);
    let wait = || {
        let (sqs, url) = (f.sqs.clone(), f.url.clone());
        tokio::spawn(async move { sqs.receive(&url, 1, Duration::from_secs(100)).await })
    };
    let soon = |waiting| tokio::time::timeout(Duration::from_secs(5), waiting);
    let waiting = wait();
    tokio::task::yield_now().await;
    f.delete(&first);
    assert_eq!(bodies(&soon(waiting).await.unwrap().unwrap()), ["2"]);
    let waiting = wait();
    tokio::task::yield_now().await;
    f.seconds_pass(61);
    assert_eq!(bodies(&soon(waiting).await.unwrap().unwrap()), ["2"]);
}

#[tokio::test]
async fn a_waiting_receive_ends_empty_when_its_time_is_over() {
    let f = fixture();
    let (sqs, url) = (f.sqs.clone(), f.url.clone());
    let waiting = tokio::spawn(async move { sqs.receive(&url, 1, Duration::from_secs(20)).await });
    tokio::task::yield_now().await;
    f.seconds_pass(21);
    let received = tokio::time::timeout(Duration::from_secs(5), waiting)
        .await
        .unwrap()
        .unwrap();
    assert!(received.is_empty());
}

#[tokio::test]
async fn a_change_between_looking_and_waiting_is_not_missed() {
    let f = fixture();
    let changed = f.sqs.changed();
    assert!(f.sqs.is_empty(&f.url));
    f.send("1", "a");
    tokio::time::timeout(Duration::from_secs(5), changed)
        .await
        .unwrap();
}
