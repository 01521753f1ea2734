//! When failed messages come back. Left alone, a failed message stays invisible for the queue's
//! whole visibility timeout, which is six times the function's, and its message group stands still
//! for as long (<https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>).

use std::collections::HashMap;

use super::Failure;
use crate::aws::sqs::VisibilityChange;
use crate::error::{CallError, Cause, Class, Error};

/// Seconds until the second delivery; each further one takes twice as long.
const FIRST_BACK_OFF: u32 = 15;

/// The same where AWS refused: IAM takes up to a minute to spread a permission.
const FIRST_BACK_OFF_IF_REFUSED: u32 = 60;

/// The same where CodeBuild's queue is full: builds take minutes to leave it.
const FIRST_BACK_OFF_AT_LIMIT: u32 = 120;

/// The longest back-off, in seconds. SQS takes up to 43,200.
const LONGEST_BACK_OFF: u32 = 900;

/// One value for all failed messages of a group: while one is invisible, SQS hands out none of
/// those behind it, so a shorter time for a later one would mean nothing, and a shorter time for
/// an earlier one would bring it back alone, ahead of its turn to be tried.
pub fn changes(failures: &[Failure], max_receive_count: Option<u32>) -> Vec<VisibilityChange> {
    let mut of_group: HashMap<&str, u32> = HashMap::new();
    for failure in failures {
        let seconds = back_off(failure, max_receive_count);
        let longest = of_group.entry(&failure.message.group).or_default();
        *longest = seconds.max(*longest);
    }
    failures
        .iter()
        .filter(|failure| !failure.message.receipt_handle.is_empty())
        .map(|failure| VisibilityChange {
            receipt_handle: failure.message.receipt_handle.clone(),
            seconds: of_group
                .get(failure.message.group.as_str())
                .copied()
                .unwrap_or_default(),
        })
        .collect()
}

/// Seconds until a failed message is worth another try.
fn back_off(failure: &Failure, max_receive_count: Option<u32>) -> u32 {
    match &failure.error {
        // Without a dead-letter queue it would come back in a tight loop for the queue's retention.
        error if error.class() == Class::Reject && max_receive_count.is_none() => {
            doubled(FIRST_BACK_OFF, failure.message.receive_count)
        }
        error if error.class() == Class::Reject => 0,
        error if error.class() == Class::RefusedByAws => {
            doubled(FIRST_BACK_OFF_IF_REFUSED, failure.message.receive_count)
        }
        // Nothing has to pass first.
        Error::NotBegun | Error::BehindFailure => 0,
        // It was too much for one invocation, or nothing answered: the second needs some time.
        Error::OutOfTime(_) => FIRST_BACK_OFF,
        Error::Call(CallError {
            cause: Cause::LimitReached,
            ..
        }) => {
            let next_is_last =
                max_receive_count.is_some_and(|most| failure.message.receive_count + 1 >= most);
            if next_is_last {
                // The last chance should come when the queue of builds has had time to drain.
                LONGEST_BACK_OFF
            } else {
                doubled(FIRST_BACK_OFF_AT_LIMIT, failure.message.receive_count)
            }
        }
        _ => doubled(FIRST_BACK_OFF, failure.message.receive_count),
    }
}

fn doubled(first: u32, receive_count: u32) -> u32 {
    let times = receive_count.saturating_sub(1).min(16);
    first.saturating_mul(1 << times).min(LONGEST_BACK_OFF)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Message;

    fn failed(group: &str, receive_count: u32, error: Error) -> Failure {
        let message = Message {
            group: group.to_owned(),
            receive_count,
            ..Message::sample("m")
        };
        Failure { message, error }
    }

    fn call(cause: Cause) -> Error {
        Error::Call(CallError {
            call: "S3 PutObject",
            about: "b/k".to_owned(),
            cause,
            code: None,
            message: String::new(),
            request_id: None,
        })
    }

    fn seconds(failures: &[Failure], max: Option<u32>) -> Vec<u32> {
        changes(failures, max)
            .into_iter()
            .map(|change| change.seconds)
            .collect()
    }

    fn reject() -> Error {
        Error::Refused {
            commit: gix_hash::ObjectId::null(gix_hash::Kind::Sha1),
            why: String::new(),
        }
    }

    #[test]
    fn what_can_never_succeed_comes_back_at_once() {
        assert_eq!(seconds(&[failed("a", 1, reject())], Some(2)), [0]);
    }

    #[test]
    fn without_a_dead_letter_queue_what_can_never_succeed_comes_back_less_and_less_often() {
        let after = |count| seconds(&[failed("a", count, reject())], None)[0];
        assert_eq!([1, 2, 20].map(after), [15, 30, LONGEST_BACK_OFF]);
    }

    #[test]
    fn a_permission_that_spreads_and_a_project_to_be_made_are_given_a_minute() {
        for cause in [Cause::Denied, Cause::DoesNotExist] {
            let after = |count| seconds(&[failed("a", count, call(cause))], Some(5))[0];
            assert_eq!([1, 2, 3].map(after), [60, 120, 240]);
        }
    }

    #[test]
    fn the_back_off_doubles_up_to_a_quarter_of_an_hour() {
        let after = |count| seconds(&[failed("a", count, call(Cause::Unavailable))], None)[0];
        assert_eq!([1, 2, 3, 4].map(after), [15, 30, 60, 120]);
        assert_eq!(after(10), LONGEST_BACK_OFF);
        assert_eq!(after(u32::MAX), LONGEST_BACK_OFF);
    }

    #[test]
    fn a_group_has_one_value_and_another_group_its_own() {
        let failures = [
            failed("a", 1, call(Cause::Unavailable)),
            failed("a", 1, Error::BehindFailure),
            failed("a", 1, reject()),
            failed("b", 1, reject()),
        ];
        assert_eq!(seconds(&failures, Some(5)), [15, 15, 15, 0]);
    }

    #[test]
    fn the_last_chance_at_a_full_build_queue_comes_late() {
        let full = || call(Cause::LimitReached);
        assert_eq!(
            seconds(&[failed("a", 1, full())], Some(2)),
            [LONGEST_BACK_OFF]
        );
        assert_eq!(seconds(&[failed("a", 1, full())], Some(5)), [120]);
    }

    #[test]
    fn running_out_of_time_costs_a_short_wait_and_none_where_nothing_was_begun() {
        let out = failed("a", 3, Error::OutOfTime("x"));
        assert_eq!(seconds(&[out], None), [FIRST_BACK_OFF]);
        assert_eq!(seconds(&[failed("a", 3, Error::NotBegun)], None), [0]);
    }
}
