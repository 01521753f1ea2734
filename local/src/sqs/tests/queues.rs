//! The JSON API, as SDKs speak it: queues.

use serde_json::{Value, json};

use super::*;

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
