//! Looking builds up.

use super::*;

#[tokio::test]
async fn builds_are_listed_newest_first_a_hundred_a_page() {
    let f = fixture();
    f.codebuild.add_project("other");
    f.start(json!({"projectName": "other"})).await;
    for _ in 0..101 {
        f.start(json!({"projectName": "app"})).await;
    }
    let ids: Vec<String> = f
        .codebuild
        .builds()
        .into_iter()
        .skip(1)
        .map(|build| build.id)
        .collect();
    let first = f
        .call("ListBuildsForProject", json!({"projectName": "app"}))
        .await;
    assert_eq!(first["ids"].as_array().unwrap().len(), 100);
    assert_eq!(first["ids"][0], ids[100]);
    // One more comes in between: the second page goes on where the first ended.
    f.start(json!({"projectName": "app"})).await;
    let next = json!({"projectName": "app", "nextToken": first["nextToken"]});
    let second = f.call("ListBuildsForProject", next.clone()).await;
    assert_eq!(second, json!({"ids": [ids[0]]}));
    let mut sorted = next;
    sorted["sortOrder"] = json!("DESCENDING");
    let refused = f.refused("ListBuildsForProject", sorted).await;
    assert_eq!(refused.code, "InvalidInputException");
    let upwards = json!({"projectName": "app", "sortOrder": "ASCENDING"});
    assert_eq!(
        f.call("ListBuildsForProject", upwards).await["ids"][0],
        ids[0]
    );
}

#[tokio::test]
async fn builds_that_are_not_there_are_named() {
    let f = fixture();
    let id = f.start(push("t", "c1")).await["id"].clone();
    let found = f
        .call("BatchGetBuilds", json!({"ids": [id, "app:none"]}))
        .await;
    assert_eq!(found["builds"][0]["id"], id);
    assert_eq!(found["buildsNotFound"], json!(["app:none"]));
    let many: Vec<String> = (0..101).map(|n| format!("app:{n}")).collect();
    for ids in [json!([]), json!(many)] {
        let refused = f.refused("BatchGetBuilds", json!({"ids": ids})).await;
        assert_eq!(refused.code, "InvalidInputException");
    }
}
