//! STS's rules.

use super::*;

const ROLE: &str = "arn:aws:iam::111111111111:role/path/reader";

fn sts() -> Sts {
    Sts::new(Clock::default(), "000000000000")
}

fn form(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

fn assume(more: &[(&str, &str)]) -> Vec<(String, String)> {
    let first = [
        ("Action", "AssumeRole"),
        ("RoleArn", ROLE),
        ("RoleSessionName", "pushbuild"),
    ];
    let mut pairs: Vec<(&str, &str)> = first
        .into_iter()
        .filter(|(key, _)| more.iter().all(|(other, _)| other != key))
        .collect();
    pairs.extend(more);
    form(&pairs)
}

fn text<'a>(xml: &'a str, name: &str) -> &'a str {
    let after = xml.split(&format!("<{name}>")).nth(1).unwrap();
    after.split("</").next().unwrap()
}

#[tokio::test]
async fn the_access_key_of_an_assumed_role_tells_the_role() {
    let sts = sts();
    let xml = sts.call(&assume(&[("ExternalId", "e:1/2")])).await.unwrap();
    let key = text(&xml, "AccessKeyId");
    assert_eq!((key.len(), &key[..4]), (20, "ASIA"));
    assert_eq!(sts.role_of(key).as_deref(), Some(ROLE));
    assert_eq!(sts.role_of("ASIASOMEBODYELSE"), None);
    let assumed = sts.assumed().remove(0);
    assert_eq!(assumed.session_name, "pushbuild");
    assert_eq!(assumed.external_id.as_deref(), Some("e:1/2"));
    assert_eq!(
        text(&xml, "Arn"),
        "arn:aws:sts::111111111111:assumed-role/reader/pushbuild"
    );
    let again = sts.call(&assume(&[])).await.unwrap();
    assert_ne!(text(&again, "AccessKeyId"), key);
    assert_eq!(sts.assumed().len(), 2);
}

#[tokio::test]
async fn credentials_expire_after_the_requested_time() {
    let sts = sts();
    for (asked, seconds) in [(None, 3_600), (Some("900"), 900)] {
        let more: Vec<(&str, &str)> = asked
            .map(|asked| ("DurationSeconds", asked))
            .into_iter()
            .collect();
        let before = OffsetDateTime::from(sts.0.clock.now());
        let xml = sts.call(&assume(&more)).await.unwrap();
        let expires = OffsetDateTime::parse(text(&xml, "Expiration"), &Rfc3339).unwrap();
        let left = (expires - before).whole_seconds();
        assert!((seconds - 2..=seconds + 2).contains(&left), "{left}");
    }
}

#[tokio::test]
async fn members_outside_the_model_are_refused() {
    let sts = sts();
    for (member, value) in [
        ("RoleSessionName", "x"),
        ("RoleSessionName", "with space"),
        ("RoleSessionName", "refs/heads/main"),
        ("RoleSessionName", &"x".repeat(65)),
        ("DurationSeconds", "899"),
        ("DurationSeconds", "43201"),
        ("DurationSeconds", "soon"),
        ("ExternalId", "x"),
        ("ExternalId", "a b"),
        ("RoleArn", "reader"),
        ("RoleArn", "arn:aws:iam::111111111111:user/somebody"),
        ("RoleArn", "arn:aws:iam::{account}:role/reader-of-code"),
    ] {
        let refused = sts.call(&assume(&[(member, value)])).await.unwrap_err();
        assert_eq!(refused.code, "ValidationError", "{member} {value}");
    }
    let refused = sts
        .call(&form(&[("Action", "AssumeRole"), ("RoleArn", ROLE)]))
        .await
        .unwrap_err();
    assert_eq!(refused.code, "ValidationError");
    assert!(sts.assumed().is_empty());
}

#[tokio::test]
async fn a_denied_role_is_refused_with_403() {
    let sts = sts();
    sts.deny(ROLE);
    let refused = sts.call(&assume(&[])).await.unwrap_err();
    assert_eq!(
        (refused.status, refused.code.as_str()),
        (403, "AccessDenied")
    );
    let xml = error_xml(&refused);
    assert_eq!(text(&xml, "Code"), "AccessDenied");
    assert_eq!(text(&xml, "Type"), "Sender");
}

#[tokio::test]
async fn the_caller_is_the_account_or_the_assumed_role() {
    let sts = sts();
    let who = form(&[("Action", "GetCallerIdentity")]);
    let xml = sts.call(&who).await.unwrap();
    assert_eq!(text(&xml, "Account"), "000000000000");
    let xml = sts.call(&assume(&[])).await.unwrap();
    let xml = sts
        .call_as(&who, Some(text(&xml, "AccessKeyId")))
        .await
        .unwrap();
    assert_eq!(text(&xml, "Account"), "111111111111");
    assert_eq!(
        text(&xml, "Arn"),
        "arn:aws:sts::111111111111:assumed-role/reader/pushbuild"
    );
}

#[tokio::test]
async fn what_it_quotes_is_escaped() {
    let refused = sts()
        .call(&assume(&[("RoleSessionName", "<&'\">")]))
        .await
        .unwrap_err();
    assert!(error_xml(&refused).contains("&lt;&amp;&apos;&quot;&gt;"));
    let unknown = sts()
        .call(&form(&[("Action", "GetFederationToken")]))
        .await
        .unwrap_err();
    assert_eq!(unknown.code, "UnknownOperationException");
}
