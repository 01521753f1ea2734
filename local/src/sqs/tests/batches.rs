//! Batches: what fails as a whole, and what fails by itself.

use super::*;

fn push_queue(f: &Fixture) -> String {
    let options = QueueOptions {
        is_push_queue: true,
        ..QueueOptions::default()
    };
    f.sqs.create_queue("strict.fifo", options)
}

fn entry(id: &str, body: &str) -> Value {
    json!({"Id": id, "MessageBody": body, "MessageGroupId": "a", "MessageDeduplicationId": id})
}

/// The failed entries, with their codes.
fn failed(answer: &Value) -> Vec<(&str, &str)> {
    let failed = answer["Failed"].as_array().unwrap().iter();
    let failed = failed.map(|entry| (entry["Id"].as_str(), entry["Code"].as_str()));
    failed.filter_map(|(id, code)| id.zip(code)).collect()
}

#[tokio::test]
async fn a_batch_is_sent_in_its_order_and_each_entry_fails_by_itself() {
    let f = fixture();
    let url = push_queue(&f);
    let mut spaced = entry("3", "third");
    spaced["MessageDeduplicationId"] = json!("an id");
    let entries = json!([
        entry("1", "first"),
        entry("2", "\u{1}"),
        spaced,
        entry("4", "fourth")
    ]);
    let input = json!({"QueueUrl": url, "Entries": entries});
    let answer = f.call("SendMessageBatch", input.clone());
    let expected = [
        ("2", "InvalidMessageContents"),
        ("3", "InvalidParameterValue"),
    ];
    assert_eq!(failed(&answer), expected);
    assert_eq!(answer["Failed"][0]["SenderFault"], true);
    let sent = &answer["Successful"];
    assert_eq!((&sent[0]["Id"], &sent[1]["Id"]), (&json!("1"), &json!("4")));
    assert_eq!(
        sent[0]["MD5OfMessageBody"],
        "8b04d5e3775d298e78455efc5ca404d5"
    );
    assert!(sent[0]["SequenceNumber"].as_str() < sent[1]["SequenceNumber"].as_str());
    let mut other = entry("1", "first");
    other["MessageGroupId"] = json!("b");
    let other = json!({"QueueUrl": url, "Entries": [other]});
    let other = f.call("SendMessageBatch", other);
    assert_ne!(other["Successful"][0]["MessageId"], sent[0]["MessageId"]);
    let again = f.call("SendMessageBatch", input);
    assert_eq!(again["Successful"][0]["MessageId"], sent[0]["MessageId"]);
    let received = f.sqs.receive(&url, 10, Duration::ZERO).await.unwrap();
    let bodies: Vec<_> = received.iter().map(|message| &message.body).collect();
    assert_eq!(bodies, ["first", "fourth", "first"], "once in each group");
}

#[tokio::test]
async fn an_entry_without_group_or_deduplication_id_refuses_the_whole_batch() {
    let f = fixture();
    let url = push_queue(&f);
    for (member, code) in [
        ("MessageGroupId", "MissingParameter"),
        ("MessageDeduplicationId", "InvalidParameterValue"),
        ("MessageBody", "MissingParameter"),
    ] {
        let mut lacking = entry("2", "second");
        lacking.as_object_mut().unwrap().remove(member);
        let input = json!({"QueueUrl": url, "Entries": [entry("1", "first"), lacking]});
        assert_eq!(f.refused("SendMessageBatch", input), code, "{member}");
    }
    assert!(f.is_empty(&url));
}

#[tokio::test]
async fn a_batch_too_large_or_with_wrong_ids_is_refused_as_a_whole() {
    let f = fixture();
    let batch = |size: usize| {
        let entries = [
            entry("1", &"x".repeat(1 << 19)),
            entry("2", &"y".repeat(size)),
        ];
        json!({"QueueUrl": f.url, "Entries": entries})
    };
    let refused = f.refused("SendMessageBatch", batch((1 << 19) + 1));
    assert_eq!(refused, "BatchRequestTooLong");
    let sent = f.call("SendMessageBatch", batch(1 << 19));
    assert_eq!(sent["Failed"], json!([]));
    let eleven: Vec<String> = (0..11).map(|number| number.to_string()).collect();
    let eleven: Vec<&str> = eleven.iter().map(String::as_str).collect();
    for operation in ["SendMessageBatch", "ChangeMessageVisibilityBatch"] {
        for (ids, code) in [
            (&[][..], "EmptyBatchRequest"),
            (&eleven, "TooManyEntriesInBatchRequest"),
            (&["a", "a"], "BatchEntryIdsNotDistinct"),
            (&["a b"], "InvalidBatchEntryId"),
        ] {
            let entries: Vec<_> = ids.iter().map(|id| json!({"Id": id})).collect();
            let input = json!({"QueueUrl": f.url, "Entries": entries});
            assert_eq!(f.refused(operation, input), code);
        }
        let nowhere = json!({"QueueUrl": "none.fifo", "Entries": []});
        assert_eq!(f.refused(operation, nowhere), "QueueDoesNotExist");
    }
}

#[tokio::test]
async fn a_visibility_is_changed_for_each_entry_by_itself() {
    let f = fixture();
    f.send("1", "a");
    f.send("2", "a");
    let received = f.receive(2).await;
    let (one, two) = (&received[0].receipt_handle, &received[1].receipt_handle);
    f.delete(&received[1]);
    let entry = |id: &str, handle: &str, seconds: u32| json!({"Id": id, "ReceiptHandle": handle, "VisibilityTimeout": seconds});
    let entries = [
        entry("one", one, 0),
        entry("two", two, 0),
        entry("three", "x", 0),
        entry("four", one, 99_999),
    ];
    let input = json!({"QueueUrl": f.url, "Entries": entries});
    let answer = f.call("ChangeMessageVisibilityBatch", input);
    assert_eq!(answer["Successful"], json!([{"Id": "one"}]));
    let expected = [
        ("two", "InvalidParameterValue"),
        ("three", "ReceiptHandleIsInvalid"),
        ("four", "InvalidParameterValue"),
    ];
    assert_eq!(failed(&answer), expected);
    assert_eq!(f.receive(1).await[0].message_id, received[0].message_id);
}
