//! STS's rules.

use super::*;

const ROLE: &str = "arn:aws:iam::111111111111:role/path/reader";

#[test]
fn members_outside_the_model_and_a_denied_role_are_refused() {
    let sts = Sts::new(Clock::default());
    sts.deny(ROLE);
    let (role, session, id) = ("RoleArn", "RoleSessionName", "ExternalId");
    let long = "x".repeat(65);
    for (member, value, code) in [
        (session, "x", "ValidationError"),
        (session, "refs/heads/main", "ValidationError"),
        (session, &*long, "ValidationError"),
        (id, "a b", "ValidationError"),
        ("DurationSeconds", "900", "ValidationError"),
        (role, "reader", "ValidationError"),
        (role, "arn:aws:iam::1:role/x", "ValidationError"),
        (role, "arn:aws:iam::111111111111:user/x", "ValidationError"),
        (role, "arn:aws:iam::{account}:role/x", "ValidationError"),
        (id, "known", "AccessDenied"),
    ] {
        let mut input = json!({role: ROLE, session: "pushbuild"});
        input[member] = json!(value);
        let refused = sts.call("AssumeRole", input, None).unwrap_err();
        assert_eq!(refused.code, code, "{member} {value}");
        assert_eq!(refused.status == 403, code == "AccessDenied");
    }
    let unknown = sts.call("GetCallerIdentity", json!({}), None);
    assert_eq!(unknown.unwrap_err().code, "UnknownOperationException");
    assert!(sts.assumed().is_empty());
}
