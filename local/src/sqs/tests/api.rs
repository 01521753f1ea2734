//! The JSON API, as SDKs speak it.

use serde_json::{Value, json};

use super::*;

async fn call(f: &Fixture, operation: &str, input: Value) -> Value {
    f.sqs.call(operation, input).await.unwrap()
}

async fn refused(f: &Fixture, operation: &str, input: Value) -> String {
    f.sqs.call(operation, input).await.unwrap_err().code
}

#[tokio::test]
async fn a_queue_is_found_by_its_name_and_its_url_names_the_account() {
    let f = fixture();
    f.sqs.set_base_url("http://127.0.0.1:1234/");
    let found = call(&f, "GetQueueUrl", json!({"QueueName": "pushes.fifo"})).await;
    assert_eq!(
        found["QueueUrl"],
        "http://127.0.0.1:1234/000000000000/pushes.fifo"
    );
    assert_eq!(
        refused(&f, "GetQueueUrl", json!({"QueueName": "none.fifo"})).await,
        "QueueDoesNotExist"
    );
    let elsewhere = json!({"QueueName": "pushes.fifo", "QueueOwnerAWSAccountId": "111111111111"});
    assert_eq!(
        refused(&f, "GetQueueUrl", elsewhere).await,
        "QueueDoesNotExist"
    );
    let list = call(&f, "ListQueues", json!({"QueueNamePrefix": "push"})).await;
    assert_eq!(list["QueueUrls"], json!([found["QueueUrl"]]));
}

#[tokio::test]
async fn queue_lists_are_paged_when_asked() {
    let f = fixture();
    let first = call(&f, "ListQueues", json!({"MaxResults": 1})).await;
    assert!(
        first["QueueUrls"][0]
            .as_str()
            .unwrap()
            .ends_with("/dead.fifo")
    );
    let second = json!({"MaxResults": 1, "NextToken": first["NextToken"]});
    let second = call(&f, "ListQueues", second).await;
    assert!(
        second["QueueUrls"][0]
            .as_str()
            .unwrap()
            .ends_with("/pushes.fifo")
    );
    assert!(second["NextToken"].is_null());
}

#[tokio::test]
async fn a_queue_is_made_with_attributes_and_shows_them() {
    let f = fixture();
    let policy =
        json!({"deadLetterTargetArn": f.sqs.arn(&f.dead_letter_url), "maxReceiveCount": "5"});
    let attributes = json!({
        "FifoQueue": "true", "VisibilityTimeout": "90", "ContentBasedDeduplication": "true",
        "MessageRetentionPeriod": "600", "RedrivePolicy": policy.to_string(),
    });
    let made = json!({"QueueName": "new.fifo", "Attributes": attributes});
    let url = call(&f, "CreateQueue", made.clone()).await["QueueUrl"].clone();
    assert_eq!(
        call(&f, "CreateQueue", made).await["QueueUrl"],
        url,
        "the same again is no error"
    );
    let other = json!({"QueueName": "new.fifo", "Attributes": {"FifoQueue": "true"}});
    assert_eq!(refused(&f, "CreateQueue", other).await, "QueueNameExists");
    f.sqs.send(url.as_str().unwrap(), "1", "a").unwrap();
    let asked = json!({"QueueUrl": url, "AttributeNames": ["All"]});
    let shown = call(&f, "GetQueueAttributes", asked).await["Attributes"].clone();
    for (name, value) in [
        ("VisibilityTimeout", "90"),
        ("FifoQueue", "true"),
        ("ContentBasedDeduplication", "true"),
        ("ApproximateNumberOfMessages", "1"),
        ("ApproximateNumberOfMessagesNotVisible", "0"),
        ("ApproximateNumberOfMessagesDelayed", "0"),
        ("QueueArn", "arn:aws:sqs:eu-west-1:000000000000:new.fifo"),
    ] {
        assert_eq!(shown[name], value, "{name}");
    }
    let policy: Value = serde_json::from_str(shown["RedrivePolicy"].as_str().unwrap()).unwrap();
    assert_eq!(policy["maxReceiveCount"], 5);
}

#[tokio::test]
async fn attributes_can_be_changed_and_asked_for_by_name() {
    let f = fixture();
    let change =
        json!({"QueueUrl": f.url, "Attributes": {"VisibilityTimeout": "5", "RedrivePolicy": ""}});
    call(&f, "SetQueueAttributes", change).await;
    f.send("1", "a");
    f.receive(1).await;
    let names = [
        "VisibilityTimeout",
        "RedrivePolicy",
        "ApproximateNumberOfMessagesNotVisible",
    ];
    let asked = json!({"QueueUrl": f.url, "AttributeNames": names});
    let shown = call(&f, "GetQueueAttributes", asked).await;
    let expected = json!({"VisibilityTimeout": "5", "ApproximateNumberOfMessagesNotVisible": "1"});
    assert_eq!(shown["Attributes"], expected);
    let unknown = json!({"QueueUrl": f.url, "AttributeNames": ["Speed"]});
    assert_eq!(
        refused(&f, "GetQueueAttributes", unknown).await,
        "InvalidAttributeName"
    );
}

#[tokio::test]
async fn a_fifo_queue_is_named_fifo_and_nothing_else_is() {
    let f = fixture();
    for (name, fifo) in [
        ("plain", "true"),
        ("x.fifo", "false"),
        ("bad name", "false"),
    ] {
        let input = json!({"QueueName": name, "Attributes": {"FifoQueue": fifo}});
        assert_eq!(
            refused(&f, "CreateQueue", input).await,
            "InvalidParameterValue",
            "{name}"
        );
    }
}

#[tokio::test]
async fn sending_receiving_and_deleting_answer_as_documented() {
    let f = fixture();
    let sent = json!({
        "QueueUrl": f.url, "MessageBody": "hello", "MessageGroupId": "a", "MessageDeduplicationId": "d",
        "MessageAttributes": {"k": {"DataType": "String", "StringValue": "v"}},
    });
    let answer = call(&f, "SendMessage", sent).await;
    assert_eq!(
        answer["MD5OfMessageBody"],
        "5d41402abc4b2a76b9719d911017c592"
    );
    assert_eq!(answer["SequenceNumber"].as_str().unwrap().len(), 20);
    let duplicate = json!({
        "QueueUrl": f.url, "MessageBody": "other", "MessageGroupId": "a", "MessageDeduplicationId": "d",
    });
    assert_eq!(
        call(&f, "SendMessage", duplicate).await["MessageId"],
        answer["MessageId"]
    );
    let asked = json!({
        "QueueUrl": f.url, "MaxNumberOfMessages": 10, "AttributeNames": ["MessageGroupId"],
        "MessageSystemAttributeNames": ["ApproximateReceiveCount"], "MessageAttributeNames": ["All"],
    });
    let received = call(&f, "ReceiveMessage", asked).await;
    let message = &received["Messages"][0];
    assert_eq!(message["Body"], "hello");
    assert_eq!(
        message["Attributes"],
        json!({"MessageGroupId": "a", "ApproximateReceiveCount": "1"})
    );
    assert_eq!(message["MessageAttributes"]["k"]["StringValue"], "v");
    assert_eq!(
        message["MD5OfMessageAttributes"],
        answer["MD5OfMessageAttributes"]
    );
    let delete = json!({"QueueUrl": f.url, "ReceiptHandle": message["ReceiptHandle"]});
    assert_eq!(call(&f, "DeleteMessage", delete).await, json!({}));
    let empty = call(&f, "ReceiveMessage", json!({"QueueUrl": f.url})).await;
    assert_eq!(empty, json!({}), "no member Messages at all");
}

#[tokio::test]
async fn a_fifo_message_needs_a_group_and_a_deduplication_id() {
    let f = fixture();
    let input = json!({"QueueUrl": f.url, "MessageBody": "1"});
    assert_eq!(refused(&f, "SendMessage", input).await, "MissingParameter");
    let input =
        json!({"QueueUrl": f.url, "MessageBody": "1", "MessageGroupId": "a", "DelaySeconds": 3});
    assert_eq!(
        refused(&f, "SendMessage", input).await,
        "InvalidParameterValue"
    );
    let input = json!({"QueueName": "bare.fifo", "Attributes": {"FifoQueue": "true"}});
    let url = call(&f, "CreateQueue", input).await["QueueUrl"].clone();
    let input = json!({"QueueUrl": url, "MessageBody": "1", "MessageGroupId": "a"});
    assert_eq!(
        refused(&f, "SendMessage", input).await,
        "InvalidParameterValue"
    );
}

#[tokio::test]
async fn numbers_outside_their_range_are_refused() {
    let f = fixture();
    for (operation, member, value) in [
        ("ReceiveMessage", "MaxNumberOfMessages", 11),
        ("ReceiveMessage", "MaxNumberOfMessages", 0),
        ("ReceiveMessage", "WaitTimeSeconds", 21),
        ("ReceiveMessage", "VisibilityTimeout", 43_201),
        ("ChangeMessageVisibility", "VisibilityTimeout", 43_201),
        ("ChangeMessageVisibility", "VisibilityTimeout", -1),
    ] {
        let input = json!({"QueueUrl": f.url, "ReceiptHandle": "x", member: value});
        assert_eq!(
            refused(&f, operation, input).await,
            "InvalidParameterValue",
            "{member} {value}"
        );
    }
    let input = json!({"QueueUrl": f.url, "ReceiptHandle": "x"});
    assert_eq!(
        refused(&f, "ChangeMessageVisibility", input).await,
        "MissingParameter"
    );
}

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

#[tokio::test]
async fn a_queue_is_purged_once_a_minute_and_its_name_is_free_a_minute_after_its_end() {
    let f = fixture();
    f.send("1", "a");
    let input = json!({"QueueUrl": f.url});
    call(&f, "PurgeQueue", input.clone()).await;
    assert!(f.sqs.is_empty(&f.url));
    assert_eq!(
        refused(&f, "PurgeQueue", input.clone()).await,
        "PurgeQueueInProgress"
    );
    call(&f, "DeleteQueue", input.clone()).await;
    assert_eq!(
        refused(&f, "DeleteQueue", input.clone()).await,
        "QueueDoesNotExist"
    );
    let again = json!({"QueueName": "pushes.fifo", "Attributes": {"FifoQueue": "true"}});
    assert_eq!(
        refused(&f, "CreateQueue", again.clone()).await,
        "QueueDeletedRecently"
    );
    f.seconds_pass(61);
    call(&f, "CreateQueue", again).await;
}

#[tokio::test]
async fn a_move_task_redrives_and_is_listed() {
    let f = fixture();
    f.send("1", "a");
    for _ in 0..4 {
        f.receive(1).await;
        f.seconds_pass(61);
    }
    let source = json!({"SourceArn": f.sqs.arn(&f.dead_letter_url)});
    assert!(call(&f, "StartMessageMoveTask", source.clone()).await["TaskHandle"].is_string());
    let tasks = call(&f, "ListMessageMoveTasks", source).await;
    assert_eq!(tasks["Results"][0]["Status"], "COMPLETED");
    assert_eq!(tasks["Results"][0]["ApproximateNumberOfMessagesMoved"], 1);
    assert_eq!(bodies(&f.receive(1).await), ["1"]);
}

#[tokio::test]
async fn an_unknown_action_and_a_member_of_the_wrong_type_are_refused() {
    let f = fixture();
    assert_eq!(
        refused(&f, "AddPermission", json!({})).await,
        "UnknownOperationException"
    );
    let input = json!({"QueueUrl": 7, "ReceiptHandle": "x"});
    assert_eq!(
        refused(&f, "DeleteMessage", input).await,
        "SerializationException"
    );
}
