//! The memory that pushes take by their size: the entries of their trees, the directories of their
//! bases, and the directory of the bundle that is being written.
//!
//! Every push may take a small share at once. For more it needs the turn, which one push has at a
//! time, and takes from what all share. It keeps the turn until its tree is listed, because only then
//! is it known how much it needs. So only the push with the turn waits for memory. Those that it waits
//! for need no more, and end; so a tree that fits alone always gets through.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::MIB;

/// Bytes of an entry beside its path: records in the tree, in the plan and in the bundle's directory,
/// and the holes between pieces of memory, since the `zip` crate makes an encoder of 300 KB for each
/// entry. One tree alone takes half of it; with half of it counted, three at once outgrew a function
/// of 512 MiB.
const ENTRY: usize = 950;
/// Bytes in memory for each byte of a path.
const PATHS: usize = 3;

/// Bytes in memory for each byte of a base's directory, itself included.
const DIRECTORY: usize = 5;

/// The part of the memory that each push may take without its turn.
const SMALL_SHARE: usize = 64;

/// What is taken at once of what all share.
const STEP: usize = 64 * 1024;

/// Memory for trees. Clones share it.
#[derive(Clone, Debug)]
pub struct TreeBudget {
    /// The function's memory in MiB.
    function: usize,
    /// Bytes that a push may take without its turn.
    small: usize,
    /// Steps that all share beside that.
    shared: usize,
    free_steps: Arc<Semaphore>,
    turn: Arc<Semaphore>,
}

/// What one push takes; given back when dropped.
#[derive(Debug)]
pub struct TreeReservation {
    budget: TreeBudget,
    bytes: usize,
    turn: Option<OwnedSemaphorePermit>,
    steps: Option<OwnedSemaphorePermit>,
}

impl TreeBudget {
    /// A budget of so many bytes for so many pushes at once, in a function with so many MiB.
    pub(super) fn of(function: usize, bytes: usize, pushes: usize) -> Self {
        let small = bytes / SMALL_SHARE;
        let shared = bytes.saturating_sub(pushes * small) / STEP;
        Self {
            function,
            small,
            shared,
            free_steps: Arc::new(Semaphore::new(shared)),
            turn: Arc::new(Semaphore::new(1)),
        }
    }

    /// Bytes that one push may take.
    fn all(&self) -> usize {
        self.small + self.shared * STEP
    }

    /// A push of which nothing is known yet.
    pub fn reservation(&self) -> TreeReservation {
        TreeReservation {
            budget: self.clone(),
            bytes: 0,
            turn: None,
            steps: None,
        }
    }
}

impl TreeReservation {
    pub fn add_entry(&mut self, path: &str) -> Result<(), String> {
        self.add(ENTRY + PATHS * path.len())
    }

    /// Takes what a base's directory of so many bytes needs; waits for it.
    pub async fn add_directory(&mut self, bytes: u64) -> Result<(), String> {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        let bytes = bytes.saturating_mul(DIRECTORY);
        if self.bytes.saturating_add(bytes) > self.budget.all() / 3 {
            return Err("its directory is too large".to_owned());
        }
        self.add(bytes)?;
        self.wait().await;
        Ok(())
    }

    fn add(&mut self, bytes: usize) -> Result<(), String> {
        let wanted = self.bytes.saturating_add(bytes);
        if wanted > self.budget.all() {
            return Err(format!(
                "its entries take more than the {} MiB that a function of {} MiB has for them: \
                 raise the parameter MemorySize",
                self.budget.all() / MIB,
                self.budget.function
            ));
        }
        self.bytes = wanted;
        Ok(())
    }

    /// Whether it may ask for more only after [`Self::wait`].
    pub fn must_wait(&mut self) -> bool {
        let missing = self.missing_steps();
        if missing == 0 {
            return false;
        }
        if self.turn.is_none() {
            self.turn = self.budget.turn.clone().try_acquire_owned().ok();
        }
        if self.turn.is_some() {
            let free = self.budget.free_steps.clone();
            if let Ok(steps) = free.try_acquire_many_owned(missing) {
                self.keep(steps);
                return false;
            }
        }
        true
    }

    /// Waits for its turn, and until there is as much memory as it has asked for.
    pub async fn wait(&mut self) {
        if !self.must_wait() {
            return;
        }
        // Neither semaphore is ever closed.
        if self.turn.is_none() {
            self.turn = self.budget.turn.clone().acquire_owned().await.ok();
        }
        let missing = self.missing_steps();
        let free = self.budget.free_steps.clone();
        if let Ok(steps) = free.acquire_many_owned(missing).await {
            self.keep(steps);
        }
    }

    /// It needs nothing more: another push may ask.
    pub fn end_turn(&mut self) {
        self.turn = None;
    }

    /// Gives all of it back.
    pub fn clear(&mut self) {
        *self = self.budget.reservation();
    }

    fn missing_steps(&self) -> u32 {
        let taken = self
            .steps
            .as_ref()
            .map_or(0, OwnedSemaphorePermit::num_permits);
        // Holes take up to three fifths more. Pushes wait for that too, but none is refused for it.
        let shared = self.bytes.saturating_sub(self.budget.small) / 5 * 8;
        let steps = shared.div_ceil(STEP).min(self.budget.shared);
        u32::try_from(steps.saturating_sub(taken)).unwrap_or(u32::MAX)
    }

    fn keep(&mut self, more: OwnedSemaphorePermit) {
        match &mut self.steps {
            Some(steps) => steps.merge(more),
            None => self.steps = Some(more),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::super::FunctionMemory;
    use super::*;

    fn add(push: &mut TreeReservation, entries: usize) -> Result<(), String> {
        let path = "p".repeat(100);
        (0..entries).try_for_each(|_| push.add_entry(&path))
    }

    #[test]
    fn what_cannot_fit_is_refused_by_its_figure_and_its_parameter() {
        let reservation = |mib| FunctionMemory::of(mib).trees().reservation();
        let why = add(&mut reservation(512), 468_000).unwrap_err();
        assert!(why.contains("of 512 MiB") && why.contains("MemorySize"));
        // The trees that the template's other sizes have to hold.
        add(&mut reservation(512), 100_000).unwrap();
        add(&mut reservation(1024), 468_000).unwrap();
    }

    #[tokio::test]
    async fn large_pushes_are_let_in_by_weight_and_wait_for_those_that_are_listed() {
        let budget = TreeBudget::of(1024, 600 * MIB, 8);
        let [mut one, mut other, mut third, mut small] = [(); 4].map(|()| budget.reservation());
        // 125 MB each, but for the third and the small one.
        for (push, entries) in [
            (&mut one, 100_000),
            (&mut other, 100_000),
            (&mut third, 400_000),
            (&mut small, 1_000),
        ] {
            add(push, entries).unwrap();
        }
        assert!(!one.must_wait() && !small.must_wait());
        assert!(other.must_wait(), "one has the turn");
        one.end_turn();
        other.wait().now_or_never().expect("both fit");
        other.end_turn();
        assert!(third.wait().now_or_never().is_none(), "it does not fit");
        drop((one, other));
        third.wait().now_or_never().expect("it fits alone");
    }
}
