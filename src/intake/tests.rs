use std::sync::Mutex;
use std::time::Duration;

use super::*;
use crate::batch::Message;
use crate::event::ReferenceKind;

/// A message for each of these branches, whose event ids and bodies are their places.
fn pushes(branches: &[&str]) -> Vec<(Message, Push)> {
    let numbered = branches.iter().enumerate();
    let push = |(number, branch): (usize, &&str)| {
        let event_id = number.to_string();
        let mut message = Message::sample(&event_id);
        message.body.clone_from(&event_id);
        let push = Push::sample(ReferenceKind::Branch, branch);
        (message, Push { event_id, ..push })
    };
    numbered.map(push).collect()
}

/// Forwards pushes on their first of two deliveries; each call's event ids, and the failed ones.
async fn forwarded(
    pushes: Vec<(Message, Push)>,
    answer: impl Fn(&[&str]) -> Result<Vec<(usize, CallError)>, CallError>,
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

/// The entries with these bodies fail.
fn fail_of(bodies: &[&str], failing: &str) -> Vec<(usize, CallError)> {
    let places = bodies.iter().enumerate();
    let failed = places.filter(|(_, body)| **body == failing);
    let error = |place| (place, CallError::sample(Cause::Unavailable));
    failed.map(|(place, _)| error(place)).collect()
}

#[tokio::test]
async fn no_call_has_two_of_a_reference_and_behind_a_failure_its_own_reference_waits() {
    for (failing, calls, failed) in [
        ("none", &["0 1 4", "2", "3"][..], &[][..]),
        ("0", &["0 1 4"], &["0", "2", "3"]),
        ("1", &["0 1 4", "2", "3"], &["1"]),
        ("2", &["0 1 4", "2"], &["2", "3"]),
    ] {
        let pushes = pushes(&["a", "b", "a", "a", "c"]);
        let forwarded = forwarded(pushes, |bodies| Ok(fail_of(bodies, failing))).await;
        assert_eq!(forwarded.0, calls, "{failing}");
        assert_eq!(forwarded.1, failed, "{failing}");
    }
}

#[tokio::test]
async fn a_push_on_its_last_delivery_holds_back_no_later_one() {
    let mut lane = pushes(&["a", "a"]);
    lane[0].0.receive_count = 2;
    let (_, failed) = forwarded(lane, |bodies| Ok(fail_of(bodies, "0"))).await;
    assert_eq!(failed, ["0"]);
}

#[tokio::test]
async fn of_a_call_that_sqs_refuses_each_push_is_sent_by_itself_and_of_one_that_is_lost_none() {
    for (cause, calls, failed) in [
        (
            Cause::Unknown,
            &["0 1 2", "0", "1", "2"][..],
            &["1", "3"][..],
        ),
        (Cause::Unavailable, &["0 1 2"], &["0", "1", "2", "3"]),
    ] {
        let answer = |bodies: &[&str]| {
            if bodies.contains(&"1") {
                return Err(CallError::sample(cause));
            }
            Ok(Vec::new())
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
