//! The memory that the entries of trees take, from the walk until the bundle is whole: each has its
//! path, and the bundle's directory holds a record of it until the end.
//!
//! Every tree may take a small share. One at a time may take more, up to all that the others leave;
//! the next one waits until it is done. So no push waits while another waits for it, and what fits
//! alone always gets through.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

const MIB: usize = 1024 * 1024;

/// Memory that is not for trees: the idle process (40 MiB), large contents, the parts of bundles,
/// and the longest lists of folders, at their measured peak (docs/performance.md).
const OTHER: usize = 200 * MIB;

/// Bytes of an entry beside its path: in the tree, among the blobs, and its record in the bundle's
/// directory, which has the path twice.
const ENTRY: usize = 400;
const PATHS: usize = 3;

/// Trees at once at most, and the part of the memory that each may take without waiting.
const TREES: usize = 4;
const SMALL_SHARE: usize = 16;

/// Memory for trees. Clones share it.
#[derive(Clone, Debug)]
pub struct TreeBudget {
    /// The function's memory in MiB.
    function: usize,
    /// Bytes that a tree may take beside others.
    small: usize,
    /// Bytes that one of them may take.
    large: usize,
    one: Arc<Semaphore>,
}

/// What one tree takes; given back when dropped.
#[derive(Debug)]
pub struct TreeReservation {
    budget: TreeBudget,
    bytes: usize,
    large: Option<OwnedSemaphorePermit>,
}

impl TreeBudget {
    /// The budget of a function with so many MiB.
    pub fn of(function: usize) -> Self {
        let trees = (function * MIB).saturating_sub(OTHER);
        let small = trees / SMALL_SHARE;
        Self {
            function,
            small,
            large: trees - (TREES - 1) * small,
            one: Arc::new(Semaphore::new(1)),
        }
    }

    /// A tree of which nothing is known yet.
    pub fn reservation(&self) -> TreeReservation {
        TreeReservation {
            budget: self.clone(),
            bytes: 0,
            large: None,
        }
    }
}

impl TreeReservation {
    /// One more entry.
    ///
    /// # Errors
    ///
    /// Words that say what does not fit, and which parameter to raise.
    pub fn add(&mut self, path: &str) -> Result<(), String> {
        self.bytes += ENTRY + PATHS * path.len();
        if self.bytes > self.budget.large {
            return Err(format!(
                "its entries take more than the {} MiB that a function of {} MiB has for them: \
                 raise the parameter MemorySize",
                self.budget.large / MIB,
                self.budget.function
            ));
        }
        Ok(())
    }

    /// Whether it has its small share, and may ask for more entries only after [`Self::wait`].
    pub fn must_wait(&self) -> bool {
        self.bytes > self.budget.small && self.large.is_none()
    }

    /// Waits until no other tree is large.
    pub async fn wait(&mut self) {
        // The semaphore is never closed.
        self.large = self.budget.one.clone().acquire_owned().await.ok();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn add(tree: &mut TreeReservation, entries: usize) -> Result<(), String> {
        let path = "p".repeat(100);
        (0..entries).try_for_each(|_| tree.add(&path))
    }

    #[test]
    fn what_cannot_fit_is_refused_by_its_figure_and_its_parameter() {
        let refused = add(&mut TreeBudget::of(256).reservation(), 100_000);
        let why = refused.unwrap_err();
        assert!(
            why.contains("256 MiB") && why.contains("MemorySize"),
            "{why}"
        );
        // The trees that the template's other sizes have to hold.
        add(&mut TreeBudget::of(512).reservation(), 100_000).unwrap();
        add(&mut TreeBudget::of(1024).reservation(), 468_000).unwrap();
    }

    #[tokio::test]
    async fn one_tree_at_a_time_is_large_and_the_next_one_waits_for_it() {
        let budget = TreeBudget::of(1024);
        let [mut one, mut other, mut small] = [(); 3].map(|()| budget.reservation());
        for (tree, entries) in [
            (&mut one, 100_000),
            (&mut other, 100_000),
            (&mut small, 1_000),
        ] {
            add(tree, entries).unwrap();
        }
        assert!(one.must_wait() && other.must_wait() && !small.must_wait());
        one.wait().await;
        assert!(!one.must_wait());
        assert!(other.wait().now_or_never().is_none());
        drop(one);
        other.wait().await;
    }

    #[test]
    fn all_trees_together_never_take_more_than_there_is() {
        for function in [128, 256, 512, 1024, 3008, 10_240] {
            let budget = TreeBudget::of(function);
            let most = budget.large + (TREES - 1) * budget.small;
            assert!(most <= (function * MIB).saturating_sub(OTHER));
        }
    }
}
