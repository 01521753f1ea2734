use std::collections::HashSet;
use std::sync::Mutex;
use std::time::Duration;

use super::*;
use crate::event::ReferenceKind;

/// A push to each of these branches, on the first of two deliveries. Ids and bodies are their places.
fn pushes(branches: &[&str]) -> Vec<Received> {
    let numbered = branches.iter().enumerate();
    let push = |(number, branch): (usize, &&str)| {
        let event_id = number.to_string();
        let mut message = Message::sample(&event_id);
        message.body.clone_from(&event_id);
        let push = Push::sample(ReferenceKind::Branch, branch);
        let push = Push { event_id, ..push };
        Received { message, push }
    };
    numbered.map(push).collect()
}

/// Forwards pushes. Answers the event ids of each call, and those of the pushes that failed.
async fn forwarded(
    pushes: Vec<Received>,
    answer: impl Fn(&[&str]) -> Sent,
) -> (Vec<String>, Vec<String>) {
    let calls = Mutex::new(Vec::new());
    let stop = Instant::now() + Duration::from_secs(5);
    let send = async |entries: &[NewMessage<'_>]| {
        let bodies: Vec<_> = entries.iter().map(|entry| entry.body).collect();
        calls.lock().unwrap().push(bodies.join(" "));
        answer(&bodies)
    };
    let outcomes = forward(pushes, stop, send, async || Some(2)).await;
    let failed = outcomes.into_iter().filter(|(_, outcome)| outcome.is_err());
    let mut failed: Vec<_> = failed.map(|(message, _)| message.id).collect();
    failed.sort();
    (calls.into_inner().unwrap(), failed)
}

/// The entry with this body fails.
fn fail_of(bodies: &[&str], failing: &str) -> Vec<Result<(), CallError>> {
    let error = || CallError::sample(Cause::Unavailable);
    let result = |body: &&str| {
        if *body == failing {
            Err(error())
        } else {
            Ok(())
        }
    };
    bodies.iter().map(result).collect()
}

#[tokio::test]
async fn no_call_has_two_of_a_reference_and_behind_a_failure_its_own_reference_waits() {
    for (failing, deliveries, calls, failed) in [
        ("none", 1, &["0 1 4", "2", "3"][..], &[][..]),
        ("0", 1, &["0 1 4"], &["0", "2", "3"]),
        ("1", 1, &["0 1 4", "2", "3"], &["1"]),
        ("2", 1, &["0 1 4", "2"], &["2", "3"]),
        // A push on its last delivery holds back no later one.
        ("0", 2, &["0 1 4", "2", "3"], &["0"]),
    ] {
        let mut pushes = pushes(&["a", "b", "a", "a", "c"]);
        pushes[0].message.receive_count = deliveries;
        let forwarded = forwarded(pushes, |bodies| Ok(fail_of(bodies, failing))).await;
        assert_eq!(forwarded.0, calls, "{failing}");
        assert_eq!(forwarded.1, failed, "{failing}");
    }
}

#[tokio::test]
async fn after_a_refused_call_each_push_is_sent_by_itself_and_after_a_lost_one_none_is() {
    let (one_by_one, lost) = (["0 1 2", "0", "1", "2"], ["0 1 2"]);
    for (cause, calls, failed) in [
        (Cause::Unknown, &one_by_one[..], &["1", "3"][..]),
        (Cause::Unavailable, &lost, &["0", "1", "2", "3"]),
    ] {
        let answer = |bodies: &[&str]| {
            if bodies.contains(&"1") {
                return Err(CallError::sample(cause));
            }
            Ok(fail_of(bodies, "none"))
        };
        let forwarded = forwarded(pushes(&["a", "b", "c", "b"]), answer).await;
        assert_eq!(forwarded.0, calls);
        assert_eq!(forwarded.1, failed);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_forwarded_in_time_is_reported_and_not_left_to_the_timeout() {
    let stop = Instant::now() + Duration::from_secs(5);
    let send = async |_: &[NewMessage<'_>]| std::future::pending().await;
    let outcomes = forward(pushes(&["a", "a", "b"]), stop, send, async || None).await;
    assert_eq!(outcomes.len(), 3);
    assert!(outcomes.iter().all(|(_, outcome)| outcome.is_err()));
    assert_eq!(Instant::now(), stop);
}

#[test]
fn a_group_is_readable_one_reference_of_one_accounts_and_fit_for_sqs() {
    let main = Push::sample(ReferenceKind::Branch, "main");
    let with = |change: fn(&mut Push)| {
        let mut push = main.clone();
        change(&mut push);
        group_of(&push)
    };
    let others = [
        with(|push| "444455556666".clone_into(&mut push.account)),
        with(|push| "us-east-1".clone_into(&mut push.region)),
        with(|push| "shop2".clone_into(&mut push.repository)),
        with(|push| "Main".clone_into(&mut push.reference.short_name)),
        with(|push| push.reference.kind = ReferenceKind::Tag),
    ];
    let group = group_of(&main);
    assert!(group.starts_with("shop-"), "{group}");
    assert_eq!(group, with(|push| "another".clone_into(&mut push.event_id)));
    let all: HashSet<_> = others.iter().chain([&group]).collect();
    assert_eq!(all.len(), 6);

    let longest = group_of(&Push {
        repository: "r".repeat(100),
        ..Push::sample(ReferenceKind::Branch, &"🦀/".repeat(120))
    });
    assert!(longest.len() <= 128, "{longest}");
    assert!(longest.bytes().all(|byte| byte.is_ascii_graphic()));
}
