//! A blob that a tree names under several paths is got once, and kept for the later ones as long
//! as such blobs are few megabytes together; beyond that it is got again.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::sync::OnceCell;
use tokio::task::JoinHandle;

use super::Held;
use crate::bundle::Wanted;
use crate::error::{Error, NoBundle};

/// Bytes kept at most for paths that are still to come.
const MOST_KEPT: usize = 16 * 1024 * 1024;

/// A blob that the tree names, once or under several paths.
#[derive(Debug, Default)]
pub struct Shared {
    /// In which forms it is needed.
    pub wanted: Wanted,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Entries that still need it; with the last one its bytes are let go.
    uses: usize,
    round: Option<Arc<Round>>,
    /// What is kept of it, counted in [`Kept`].
    kept: usize,
}

/// One time that a blob is got.
#[derive(Debug)]
pub struct Round {
    /// The entry that it is got for first.
    pub position: usize,
    /// The entry that the bundle waits for when it waits for this one: the first of its group.
    pub turn: usize,
    /// What was got.
    pub cell: OnceCell<Arc<Held>>,
}

/// Bytes kept for later paths.
#[derive(Debug, Default)]
pub struct Kept(AtomicUsize);

impl Shared {
    /// Counts one more entry that needs it; before the first round.
    pub fn add_use(&mut self, as_link: bool) {
        self.wanted.as_link |= as_link;
        self.wanted.as_file |= !as_link;
        let state = self.state.get_mut();
        state.unwrap_or_else(PoisonError::into_inner).uses += 1;
    }

    /// The round that serves the entry at `position`, and whether it begins with it. The bundle
    /// waits for it when it waits for the entry at `turn`.
    pub fn round(&self, position: usize, turn: usize) -> (Arc<Round>, bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(round) = &state.round {
            return (round.clone(), false);
        }
        let round = Arc::new(Round {
            position,
            turn,
            cell: OnceCell::new(),
        });
        state.round = Some(round.clone());
        (round, true)
    }

    /// One entry has it. The bytes are let go after the last one, or where no more can be kept.
    pub fn used(&self, round: &Arc<Round>, held: &Held, kept: &Kept) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.uses -= 1;
        if !state
            .round
            .as_ref()
            .is_some_and(|now| Arc::ptr_eq(now, round))
        {
            return;
        }
        if state.uses == 0 {
            state.round = None;
            kept.0.fetch_sub(state.kept, Ordering::Relaxed);
            state.kept = 0;
        } else if state.kept == 0 {
            let bytes = held.content.held();
            if kept.0.fetch_add(bytes, Ordering::Relaxed) + bytes <= MOST_KEPT {
                state.kept = bytes;
                held.reservation.shrink(0);
            } else {
                kept.0.fetch_sub(bytes, Ordering::Relaxed);
                state.round = None;
            }
        }
    }
}

/// A task that ends with whoever waits for it.
pub struct Task<T>(pub JoinHandle<Result<T, NoBundle>>);

impl<T> Future for Task<T> {
    type Output = Result<T, NoBundle>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let ended = ready!(Pin::new(&mut self.0).poll(context));
        Poll::Ready(ended.unwrap_or_else(|error| Err(Error::Panicked(error.to_string()).into())))
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
