//! The JSON API, as SDKs speak it.

use super::*;

#[tokio::test]
async fn a_queue_is_found_by_its_name_and_its_url_names_the_account() {
    let f = fixture();
    f.sqs.set_base_url("http://127.0.0.1:1234/");
    let found = call(&f, "GetQueueUrl", json!({"QueueName": "pushes.fifo"})).await;
    let url = "http://127.0.0.1:1234/000000000000/pushes.fifo";
    assert_eq!(found["QueueUrl"], url);
    for nowhere in [
        json!({"QueueName": "none.fifo"}),
        json!({"QueueName": "pushes.fifo", "QueueOwnerAWSAccountId": "111111111111"}),
    ] {
        let refused = refused(&f, "GetQueueUrl", nowhere).await;
        assert_eq!(refused, "QueueDoesNotExist");
    }
}

#[tokio::test]
async fn a_queue_shows_the_attributes_that_are_asked_for() {
    let f = fixture();
    let names = ["VisibilityTimeout", "RedrivePolicy"];
    let asked = json!({"QueueUrl": f.url, "AttributeNames": names});
    let shown = call(&f, "GetQueueAttributes", asked).await["Attributes"].take();
    assert_eq!(shown["VisibilityTimeout"], "60");
    let policy: Value = serde_json::from_str(shown["RedrivePolicy"].as_str().unwrap()).unwrap();
    assert_eq!(policy["maxReceiveCount"], 3);
    let without = json!({"QueueUrl": f.dead_letter_url, "AttributeNames": ["RedrivePolicy"]});
    let without = call(&f, "GetQueueAttributes", without).await;
    assert_eq!(without, json!({"Attributes": {}}));
    let unknown = json!({"QueueUrl": f.url, "AttributeNames": ["Speed"]});
    let unknown = refused(&f, "GetQueueAttributes", unknown).await;
    assert_eq!(unknown, "InvalidAttributeName");
}

#[tokio::test]
async fn receiving_and_deleting_answer_as_documented() {
    let f = fixture();
    f.send("hello", "a");
    let received = call(&f, "ReceiveMessage", json!({"QueueUrl": f.url})).await;
    let message = &received["Messages"][0];
    assert_eq!(message["Body"], "hello");
    let md5 = "5d41402abc4b2a76b9719d911017c592";
    assert_eq!(message["MD5OfBody"], md5);
    let input = json!({"QueueUrl": f.url, "ReceiptHandle": message["ReceiptHandle"]});
    assert_eq!(call(&f, "DeleteMessage", input).await, json!({}));
    let empty = call(&f, "ReceiveMessage", json!({"QueueUrl": f.url})).await;
    assert_eq!(empty, json!({}), "no member Messages at all");
    let missing = refused(&f, "DeleteMessage", json!({"QueueUrl": f.url})).await;
    assert_eq!(missing, "MissingParameter");
    for (member, value) in [("MaxNumberOfMessages", 11), ("WaitTimeSeconds", -1)] {
        let input = json!({"QueueUrl": f.url, member: value});
        let refused = refused(&f, "ReceiveMessage", input).await;
        assert_eq!(refused, "InvalidParameterValue", "{member}");
    }
}

#[tokio::test]
async fn what_would_be_ignored_is_refused() {
    let f = fixture();
    let unknown = refused(&f, "AddPermission", json!({})).await;
    assert_eq!(unknown, "UnknownOperationException");
    for input in [
        json!({"QueueUrl": 7, "ReceiptHandle": "x"}),
        json!({"QueueUrl": f.url, "ReceiptHandle": "x", "Speed": 1}),
    ] {
        let refused = refused(&f, "DeleteMessage", input).await;
        assert_eq!(refused, "SerializationException");
    }
}

#[test]
fn a_queue_is_made_once_with_its_dead_letter_queue_before_it() {
    let f = fixture();
    let made = |name: &str, options| f.sqs.create_queue(name, options);
    let again = made("dead.fifo", QueueOptions::default());
    assert_eq!(again.unwrap(), f.dead_letter_url);
    let other = made("pushes.fifo", QueueOptions::default()).unwrap_err();
    assert_eq!(other.code, "QueueNameExists");
    let nowhere = QueueOptions {
        dead_letter: Some((f.sqs.arn("missing.fifo"), 3)),
        ..QueueOptions::default()
    };
    for (name, options) in [
        ("other.fifo", nowhere),
        ("standard", QueueOptions::default()),
        ("bad name.fifo", QueueOptions::default()),
    ] {
        let refused = made(name, options).unwrap_err();
        assert_eq!(refused.code, "InvalidParameterValue", "{name}");
    }
}
