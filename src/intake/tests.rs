use std::sync::Mutex;
use std::time::Duration;

use super::*;
use crate::batch::Message;
use crate::event::ReferenceKind;

/// Pushes to these branches, whose event ids are their places.
fn pushes(branches: &[&str]) -> Vec<Forwarding> {
    branches
        .iter()
        .enumerate()
        .map(|(number, branch)| {
            let message = Message {
                body: format!("body {number}"),
                ..Message::sample(&number.to_string())
            };
            let push = Push {
                event_id: number.to_string(),
                ..Push::sample(ReferenceKind::Branch, branch)
            };
            Forwarding::new((number, message, push))
        })
        .collect()
}

fn refused() -> CallError {
    CallError::sample(Cause::Unavailable)
}

/// Each call's event ids, and the events that were forwarded and those that were not.
struct Forwarded {
    calls: Vec<Vec<String>>,
    sent: Vec<usize>,
    failed: Vec<usize>,
}

/// Forwards; the entries of these events fail.
async fn forward_all(pushes: Vec<Forwarding>, failing: &[&str]) -> Forwarded {
    let calls = Mutex::new(Vec::new());
    let stop = Instant::now() + Duration::from_secs(5);
    let send = async |entries: &[NewMessage<'_>]| {
        let ids = entries
            .iter()
            .map(|entry| entry.deduplication_id.to_owned());
        calls.lock().unwrap().push(ids.collect());
        let failed = entries.iter().enumerate();
        Ok(failed
            .filter(|(_, entry)| failing.contains(&entry.deduplication_id))
            .map(|(place, _)| (place, refused()))
            .collect())
    };
    let outcomes = forward(pushes, stop, send, async || Some(2)).await;
    let of = |sent: bool| {
        let mut numbers: Vec<_> = outcomes
            .iter()
            .filter(|(_, outcome)| outcome.is_ok() == sent)
            .map(|(push, _)| push.received.0)
            .collect();
        numbers.sort_unstable();
        numbers
    };
    Forwarded {
        calls: calls.into_inner().unwrap(),
        sent: of(true),
        failed: of(false),
    }
}

#[tokio::test]
async fn pushes_to_different_references_go_in_one_call_and_two_to_one_reference_do_not() {
    let forwarded = forward_all(pushes(&["a", "b", "a", "a", "c"]), &[]).await;
    assert_eq!(forwarded.calls, [&["0", "1", "4"][..], &["2"], &["3"]]);
    assert_eq!(forwarded.sent, [0, 1, 2, 3, 4]);
}

#[tokio::test]
async fn a_push_on_its_last_delivery_holds_back_no_later_one() {
    let mut lane = pushes(&["a", "a"]);
    lane[0].received.1.receive_count = 2;
    lane[1].received.1.receive_count = 2;
    let forwarded = forward_all(lane, &["0"]).await;
    assert_eq!((forwarded.sent, forwarded.failed), (vec![1], vec![0]));
}

#[tokio::test]
async fn where_the_whole_call_fails_its_outcome_is_unknown_and_all_behind_it_wait() {
    let stop = Instant::now() + Duration::from_secs(5);
    let send = async |_: &[NewMessage<'_>]| Err(refused());
    let outcomes = forward(pushes(&["a", "b", "a"]), stop, send, async || None).await;
    assert_eq!(outcomes.len(), 3);
    for (push, outcome) in outcomes {
        let is_behind = matches!(outcome, Err(Error::BehindFailure));
        assert!(outcome.is_err() && is_behind == (push.received.0 == 2));
    }
}

#[tokio::test]
async fn a_push_that_sqs_refuses_takes_none_of_its_call_with_it() {
    let stop = Instant::now() + Duration::from_secs(5);
    let send = async |entries: &[NewMessage<'_>]| match entries {
        entries if entries.iter().any(|entry| entry.body == "body 1") => {
            Err(CallError::sample(Cause::Unknown))
        }
        _ => Ok(Vec::new()),
    };
    let pushes = pushes(&["a", "b", "c", "b"]);
    let outcomes = forward(pushes, stop, send, async || Some(2)).await;
    let failed = outcomes.iter().filter(|(_, outcome)| outcome.is_err());
    let failed: Vec<_> = failed.map(|(push, _)| push.received.0).collect();
    assert_eq!(failed, [1, 3]);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_forwarded_in_time_is_reported_and_not_left_to_the_timeout() {
    let begun = Instant::now();
    let stop = begun + Duration::from_secs(5);
    let send = async |_: &[NewMessage<'_>]| {
        tokio::time::sleep(Duration::from_mins(1)).await;
        Ok(Vec::new())
    };
    let outcomes = forward(pushes(&["a", "a", "b"]), stop, send, async || None).await;
    assert_eq!(outcomes.len(), 3);
    assert!(outcomes.iter().all(|(_, outcome)| outcome.is_err()));
    assert!(begun.elapsed() <= Duration::from_secs(5));
}

#[tokio::test]
async fn a_call_has_ten_entries_and_a_mebibyte_at_most() {
    let branches: Vec<_> = (0..23).map(|n| format!("b{n}")).collect();
    let branches: Vec<_> = branches.iter().map(String::as_str).collect();
    let forwarded = forward_all(pushes(&branches), &[]).await;
    let sizes: Vec<_> = forwarded.calls.iter().map(Vec::len).collect();
    assert_eq!(sizes, [10, 10, 3]);

    let mut large = pushes(&["a", "b", "a", "c"]);
    for push in &mut large {
        push.received.1.body = "x".repeat(MOST_BYTES / 2);
    }
    large[1].received.1.body = "x".repeat(MOST_BYTES);
    let forwarded = forward_all(large, &[]).await;
    // The second does not fit beside the first; the fourth does.
    assert_eq!(forwarded.calls, [&["0", "3"][..], &["1"], &["2"]]);
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
