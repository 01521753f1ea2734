//! The memory budget for the large contents in flight, shared by all pushes of an invocation.
//!
//! No call of CodeCommit tells how large a file is before it answers with it. So an answer requests
//! memory once its length is known and before its body is read; until then the bytes wait in the
//! network. Small ones need no reservation: as many as can be in flight fit beside any budget.
//!
//! A bundle is written in order, so the content that it waits for is admitted even beyond the
//! budget, one at a time: it cannot deadlock. Peak: the budget plus one content.

mod trees;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::oneshot;

pub use trees::{TreeBudget, TreeReservation};

const MIB: usize = 1024 * 1024;

/// How a function's memory is divided.
#[derive(Clone, Copy, Debug)]
pub struct FunctionMemory {
    mib: usize,
}

impl FunctionMemory {
    pub fn of(mib: usize) -> Self {
        Self { mib }
    }

    /// What Lambda says, and the template's default where it does not.
    pub fn of_environment() -> Self {
        let mib = std::env::var("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").ok();
        Self::of(mib.and_then(|mib| mib.parse().ok()).unwrap_or(1024))
    }

    /// Pushes worked on at once. They share the calls and the processors, so more of them gain little.
    pub fn pushes(self) -> usize {
        (self.mib / 128).clamp(2, 8)
    }

    /// The budget for large contents in flight.
    pub fn contents(self) -> MemoryBudget {
        MemoryBudget::of(self.content_bytes())
    }

    /// The budget for trees: what is left beside the process itself, large contents, and the parts of
    /// bundles (for each push two that fill and one on its way).
    pub fn trees(self) -> TreeBudget {
        let others = 60 * MIB + self.content_bytes() + LARGEST_CONTENT + self.pushes() * 3 * PART;
        let bytes = (self.mib * MIB).saturating_sub(others);
        TreeBudget::of(self.mib, bytes, self.pushes())
    }

    fn content_bytes(self) -> usize {
        (self.mib * MIB / 8).clamp(32 * MIB, 64 * MIB)
    }
}

/// The largest content, in memory three times: what may go beyond the budget.
const LARGEST_CONTENT: usize = 25 * MIB;

/// Bytes in a bundle's part. S3 wants 5 MiB at least and takes 10,000 parts
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>): 80 GB in all.
pub const PART: usize = 8 * MIB;

/// Bytes that need no reservation: even if all calls in flight hold as much, it is a few megabytes.
pub const SMALL: usize = 64 * 1024;

/// The budget. Clones share it.
#[derive(Clone, Debug)]
pub struct MemoryBudget(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// Negative where a content was admitted because a bundle waits for it.
    free: isize,
    /// In the order of their positions.
    waiting: Vec<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    reservation: Arc<Reserved>,
    bytes: usize,
    admit: oneshot::Sender<()>,
}

/// One bundle's share: reservations for its contents, in the order in which it writes them.
#[derive(Debug)]
pub struct BundleBudget {
    budget: MemoryBudget,
    /// The position that it waits for.
    next: AtomicUsize,
}

/// What one content takes of the budget; given back when dropped.
#[derive(Debug)]
pub struct Reservation(Arc<Reserved>);

#[derive(Debug)]
struct Reserved {
    bundle: Arc<BundleBudget>,
    position: usize,
    /// Changed only while the budget is locked.
    bytes: AtomicUsize,
}

impl MemoryBudget {
    pub fn of(bytes: usize) -> Self {
        Self(Arc::new(Mutex::new(State {
            free: signed(bytes),
            waiting: Vec::new(),
        })))
    }

    /// A new bundle, which waits for its position 0.
    pub fn bundle(&self) -> Arc<BundleBudget> {
        Arc::new(BundleBudget {
            budget: self.clone(),
            next: AtomicUsize::new(0),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock()
    }
}

impl BundleBudget {
    /// A reservation for the content at this position; it holds nothing yet.
    pub fn reservation(self: &Arc<Self>, position: usize) -> Reservation {
        Reservation(Arc::new(Reserved {
            bundle: self.clone(),
            position,
            bytes: AtomicUsize::new(0),
        }))
    }

    /// The bundle has all before this position, and waits for it.
    pub fn advance(&self, position: usize) {
        self.next.store(position, Ordering::Relaxed);
        self.budget.state().admit();
    }
}

impl Reservation {
    /// Requests so many bytes in place of what it holds; the receiver resolves once they are there.
    pub fn request(&self, bytes: usize) -> oneshot::Receiver<()> {
        let (admit, admitted) = oneshot::channel();
        let mut state = self.0.bundle.budget.state();
        state.free += signed(self.0.bytes.swap(0, Ordering::Relaxed));
        // An answer that was cut off and comes again requests anew.
        state
            .waiting
            .retain(|other| !Arc::ptr_eq(&other.reservation, &self.0));
        let after = state
            .waiting
            .partition_point(|other| other.reservation.position <= self.0.position);
        let reservation = self.0.clone();
        state.waiting.insert(
            after,
            Waiting {
                reservation,
                bytes,
                admit,
            },
        );
        state.admit();
        admitted
    }

    /// Gives back what is held beyond so many bytes.
    pub fn shrink(&self, bytes: usize) {
        let mut state = self.0.bundle.budget.state();
        let held = self.0.bytes.fetch_min(bytes, Ordering::Relaxed);
        state.free += signed(held.saturating_sub(bytes));
        state.admit();
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut state = self.0.bundle.budget.state();
        state
            .waiting
            .retain(|other| !Arc::ptr_eq(&other.reservation, &self.0));
        state.free += signed(self.0.bytes.swap(0, Ordering::Relaxed));
        state.admit();
    }
}

impl State {
    fn admit(&mut self) {
        let mut full = false;
        let mut number = 0;
        while let Some(next) = self.waiting.get(number) {
            let Reserved {
                bundle, position, ..
            } = &*next.reservation;
            let is_waited_for = *position <= bundle.next.load(Ordering::Relaxed);
            full |= signed(next.bytes) > self.free;
            if full && !(is_waited_for && self.free >= 0) {
                number += 1;
                continue;
            }
            let next = self.waiting.remove(number);
            // The receiver is gone where the call was given up.
            if next.admit.send(()).is_ok() {
                self.free -= signed(next.bytes);
                let held = &next.reservation.bytes;
                held.store(next.bytes, Ordering::Relaxed);
            }
        }
    }
}

fn signed(bytes: usize) -> isize {
    isize::try_from(bytes).unwrap_or(isize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_admitted(admitted: &mut oneshot::Receiver<()>) -> bool {
        admitted.try_recv().is_ok()
    }

    #[test]
    fn what_fits_is_admitted_and_the_rest_waits_until_bytes_are_given_back() {
        let bundle = MemoryBudget::of(10).bundle();
        bundle.advance(0);
        let [first, second, third] = [1, 2, 3].map(|position| bundle.reservation(position));
        assert!(is_admitted(&mut first.request(6)));
        let mut waits = second.request(6);
        let mut small = third.request(1);
        assert!(!is_admitted(&mut waits));
        assert!(!is_admitted(&mut small), "it does not overtake");
        first.shrink(4);
        assert!(is_admitted(&mut waits));
        assert!(!is_admitted(&mut small));
        drop(first);
        assert!(is_admitted(&mut small));
    }

    #[test]
    fn what_a_bundle_waits_for_is_admitted_beyond_the_budget() {
        let bundle = MemoryBudget::of(10).bundle();
        let [first, second] = [0, 1].map(|position| bundle.reservation(position));
        assert!(is_admitted(&mut second.request(10)));
        assert!(is_admitted(&mut first.request(100)));
        drop(first);
        let third = bundle.reservation(2);
        let mut waits = third.request(10);
        assert!(!is_admitted(&mut waits));
        bundle.advance(2);
        assert!(is_admitted(&mut waits));
    }

    #[test]
    fn contents_beyond_the_budget_go_one_at_a_time() {
        let budget = MemoryBudget::of(10);
        let bundles = [budget.bundle(), budget.bundle()];
        let [first, second] = bundles.map(|bundle| bundle.reservation(0));
        assert!(is_admitted(&mut first.request(100)));
        let mut waits = second.request(100);
        assert!(!is_admitted(&mut waits));
        drop(first);
        assert!(is_admitted(&mut waits));
    }

    #[test]
    fn one_bundle_does_not_hold_up_what_another_waits_for() {
        let budget = MemoryBudget::of(10);
        let (one, other) = (budget.bundle(), budget.bundle());
        let held = one.reservation(1);
        assert!(is_admitted(&mut held.request(10)));
        let waits = one.reservation(2);
        let mut waiting = waits.request(10);
        assert!(!is_admitted(&mut waiting));
        other.advance(7);
        assert!(is_admitted(&mut other.reservation(7).request(10)));
    }

    #[test]
    fn a_dropped_reservation_leaves_no_trace() {
        let budget = MemoryBudget::of(10);
        let bundle = budget.bundle();
        let held = bundle.reservation(1);
        assert!(is_admitted(&mut held.request(10)));
        let gone = bundle.reservation(2);
        drop(gone.request(10));
        drop(gone);
        drop(held);
        drop(bundle);
        let state = budget.state();
        assert_eq!((state.free, state.waiting.len()), (10, 0));
    }

    #[test]
    fn an_answer_that_comes_again_requests_anew() {
        let bundle = MemoryBudget::of(10).bundle();
        let reservation = bundle.reservation(1);
        assert!(is_admitted(&mut reservation.request(10)));
        assert!(is_admitted(&mut reservation.request(8)));
        assert_eq!(bundle.budget.state().free, 2);
    }
}
