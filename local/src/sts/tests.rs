//! STS's rules.

use super::*;

const ROLE: &str = "arn:aws:iam::111111111111:role/path/reader";

fn sts() -> Sts {
    Sts::new(Clock::default())
}

/// A request, with one member of another value.
fn assume(member: &str, value: &str) -> Vec<(String, String)> {
    let mut members = std::collections::BTreeMap::from([
        ("Action", "AssumeRole"),
        ("RoleArn", ROLE),
        ("RoleSessionName", "pushbuild"),
    ]);
    members.insert(member, value);
    let pair = |(member, value): (&str, &str)| (member.to_owned(), value.to_owned());
    members.into_iter().map(pair).collect()
}

#[test]
fn members_outside_the_model_are_refused() {
    let sts = sts();
    for (member, value) in [
        ("RoleSessionName", "x"),
        ("RoleSessionName", "refs/heads/main"),
        ("RoleSessionName", &"x".repeat(65)),
        ("ExternalId", "a b"),
        ("RoleArn", "reader"),
        ("RoleArn", "arn:aws:iam::111111111111:user/somebody"),
        ("RoleArn", "arn:aws:iam::{account}:role/reader-of-code"),
    ] {
        let refused = sts.call(&assume(member, value), None).unwrap_err();
        assert_eq!(refused.code, "ValidationError", "{member} {value}");
    }
    let unknown = sts.call(&assume("Action", "GetCallerIdentity"), None);
    assert_eq!(unknown.unwrap_err().code, "UnknownOperationException");
    assert!(sts.assumed().is_empty());
}

#[test]
fn a_denied_role_is_refused_with_403_and_what_an_error_quotes_is_escaped() {
    let sts = sts();
    sts.deny(ROLE);
    let refused = sts.call(&assume("ExternalId", "known"), None).unwrap_err();
    assert_eq!((refused.status, &*refused.code), (403, "AccessDenied"));
    let refused = sts
        .call(&assume("RoleSessionName", "<&>"), None)
        .unwrap_err();
    assert!(error_xml(&refused).contains("&lt;&amp;&gt;"));
}
