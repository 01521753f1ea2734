//! The JSON API, as SDKs speak it: messages.

use serde_json::json;

use super::*;

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
