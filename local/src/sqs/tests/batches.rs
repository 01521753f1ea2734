//! The JSON API, as SDKs speak it: batches.

use serde_json::{Value, json};

use super::*;

#[tokio::test]
async fn a_batch_answers_for_each_entry() {
    let f = fixture();
    f.send("1", "a");
    f.send("2", "a");
    let received = f.receive(2).await;
    let (one, two) = (&received[0].receipt_handle, &received[1].receipt_handle);
    f.delete(&received[1]);
    let input = json!({"QueueUrl": f.url, "Entries": [
        {"Id": "one", "ReceiptHandle": one, "VisibilityTimeout": 0},
        {"Id": "two", "ReceiptHandle": two, "VisibilityTimeout": 0},
        {"Id": "three", "ReceiptHandle": "x", "VisibilityTimeout": 0},
        {"Id": "four", "ReceiptHandle": one, "VisibilityTimeout": 99_999},
    ]});
    let answer = call(&f, "ChangeMessageVisibilityBatch", input).await;
    assert_eq!(answer["Successful"], json!([{"Id": "one"}]));
    let failed: Vec<(&str, &str)> = answer["Failed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            (
                entry["Id"].as_str().unwrap(),
                entry["Code"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        failed,
        [
            ("two", "InvalidParameterValue"),
            ("three", "ReceiptHandleIsInvalid"),
            ("four", "InvalidParameterValue"),
        ]
    );
    assert_eq!(answer["Failed"][0]["SenderFault"], true);
    let again = f.receive(1).await;
    let input = json!({"QueueUrl": f.url, "Entries": [{"Id": "x", "ReceiptHandle": again[0].receipt_handle}]});
    assert_eq!(
        call(&f, "DeleteMessageBatch", input).await["Successful"],
        json!([{"Id": "x"}])
    );
    assert!(f.sqs.is_empty(&f.url));
}

#[tokio::test]
async fn a_batch_sends_in_its_order() {
    let f = fixture();
    let entry = |id: &str| json!({"Id": id, "MessageBody": id, "MessageGroupId": "a"});
    let entries = json!([entry("1"), {"Id": "bad", "MessageBody": "x"}, entry("2")]);
    let answer = call(
        &f,
        "SendMessageBatch",
        json!({"QueueUrl": f.url, "Entries": entries}),
    )
    .await;
    assert_eq!(answer["Failed"][0]["Code"], "MissingParameter");
    assert_eq!(answer["Successful"][1]["Id"], "2");
    assert_eq!(bodies(&f.receive(10).await), ["1", "2"]);
}

#[tokio::test]
async fn a_batch_that_is_wrong_as_a_whole_is_refused_as_a_whole() {
    let f = fixture();
    let entries = |ids: Vec<String>| {
        let entries: Vec<Value> = ids
            .iter()
            .map(|id| json!({"Id": id, "ReceiptHandle": "x"}))
            .collect();
        json!({"QueueUrl": f.url, "Entries": entries})
    };
    for (ids, code) in [
        (vec![], "EmptyBatchRequest"),
        (
            (0..11).map(|n| n.to_string()).collect(),
            "TooManyEntriesInBatchRequest",
        ),
        (
            vec!["a".to_owned(), "a".to_owned()],
            "BatchEntryIdsNotDistinct",
        ),
        (vec!["a b".to_owned()], "InvalidBatchEntryId"),
    ] {
        assert_eq!(refused(&f, "DeleteMessageBatch", entries(ids)).await, code);
    }
    let nowhere = json!({"QueueUrl": "none.fifo", "Entries": []});
    assert_eq!(
        refused(&f, "DeleteMessageBatch", nowhere).await,
        "QueueDoesNotExist"
    );
}
