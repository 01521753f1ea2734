//! When failed messages come back. Left alone, a failed message stays invisible for the queue's
//! whole visibility timeout, which is six times the function's, and its message group stands still
//! for as long (<https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>).

use super::Failure;
use crate::aws::sqs::VisibilityChange;
use crate::error::{Cause, Class, Error};

/// Seconds until the second delivery; each further one takes twice as long.
const FIRST_BACK_OFF: u32 = 15;

/// The same where AWS refused: IAM takes up to a minute to spread a permission.
const FIRST_BACK_OFF_IF_REFUSED: u32 = 60;

/// The same where CodeBuild's queue is full: builds take minutes to leave it.
const FIRST_BACK_OFF_AT_LIMIT: u32 = 120;

/// The longest back-off, in seconds. SQS takes up to 43,200.
const LONGEST_BACK_OFF: u32 = 900;

/// The back-offs of failed messages: for each group one value, the longest. While a message is
/// invisible, SQS hands out none of those behind it. So a shorter time for a later message would have
/// no effect, and a shorter time for an earlier one would bring it back alone and too early.
pub fn changes(failures: &[Failure], max_receive_count: Option<u32>) -> Vec<VisibilityChange> {
    let longest_of = |group: &str| {
        let of_group = failures.iter().filter(|other| other.message.group == group);
        let back_offs = of_group.map(|failure| back_off(failure, max_receive_count));
        back_offs.max().unwrap_or_default()
    };
    failures
        .iter()
        .filter(|failure| !failure.message.receipt_handle.is_empty())
        .map(|failure| VisibilityChange {
            receipt_handle: failure.message.receipt_handle.clone(),
            seconds: longest_of(&failure.message.group),
        })
        .collect()
}

/// Seconds until a failed message is worth another try.
fn back_off(failure: &Failure, max_receive_count: Option<u32>) -> u32 {
    let receive_count = failure.message.receive_count;
    let doubled = |first: u32| {
        let times = receive_count.saturating_sub(1).min(16);
        first.saturating_mul(1 << times).min(LONGEST_BACK_OFF)
    };
    match (failure.error.class(), &failure.error) {
        // Without a dead-letter queue it would come back in a tight loop for the queue's retention.
        (Class::Reject, _) if max_receive_count.is_none() => doubled(FIRST_BACK_OFF),
        // There is nothing to wait for.
        (Class::Reject, _) | (_, Error::NotBegun | Error::BehindFailure) => 0,
        (Class::RefusedByAws, _) => doubled(FIRST_BACK_OFF_IF_REFUSED),
        // It was too much for one invocation, or AWS did not answer, which takes some time to mend.
        (_, Error::OutOfTime(_)) => FIRST_BACK_OFF,
        (_, Error::Call(call)) if call.cause == Cause::LimitReached => {
            let next_is_last =
                max_receive_count.is_some_and(|most| receive_count.saturating_add(1) >= most);
            if next_is_last {
                // The queue of builds should have drained before the last delivery.
                LONGEST_BACK_OFF
            } else {
                doubled(FIRST_BACK_OFF_AT_LIMIT)
            }
        }
        _ => doubled(FIRST_BACK_OFF),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Message;
    use crate::error::CallError;

    fn failed(group: &str, receive_count: u32, error: Error) -> Failure {
        let message = Message {
            group: group.to_owned(),
            receive_count,
            ..Message::sample("m")
        };
        Failure { message, error }
    }

    fn call(cause: Cause) -> Error {
        CallError::sample(cause).into()
    }

    fn reject() -> Error {
        crate::event::parse("").unwrap_err().into()
    }

    fn seconds(failures: &[Failure], max: Option<u32>) -> Vec<u32> {
        let changes = changes(failures, max).into_iter();
        changes.map(|change| change.seconds).collect()
    }

    #[test]
    fn each_failure_has_its_back_off_by_cause_and_delivery() {
        let refused = [60, 120, 240, 900];
        for (error, max, back_offs) in [
            // Without a dead-letter queue it would come back in a tight loop.
            (reject(), Some(9), [0, 0, 0, 0]),
            (reject(), None, [15, 30, 60, 900]),
            (call(Cause::Denied), Some(9), refused),
            (call(Cause::DoesNotExist), Some(9), refused),
            (call(Cause::Unavailable), None, [15, 30, 60, 900]),
            (call(Cause::LimitReached), Some(9), [120, 240, 480, 900]),
            (Error::OutOfTime("x"), None, [15, 15, 15, 15]),
            (Error::NotBegun, None, [0, 0, 0, 0]),
        ] {
            let mut failure = failed("a", 0, error);
            for (count, back_off) in [1, 2, 3, u32::MAX].into_iter().zip(back_offs) {
                failure.message.receive_count = count;
                let changed = seconds(std::slice::from_ref(&failure), max);
                assert_eq!(changed, [back_off], "{failure:?}");
            }
        }
        let last_chance = failed("a", 1, call(Cause::LimitReached));
        assert_eq!(seconds(&[last_chance], Some(2)), [LONGEST_BACK_OFF]);
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
}
