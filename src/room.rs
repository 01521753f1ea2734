//! Room in memory for the large contents that are under way, shared by all pushes of an invocation.
//!
//! No call of CodeCommit tells how large a file is before it answers with it, so an answer asks
//! for room once its length is known and before its body is read; until then the bytes wait in the
//! network. Small ones need none: so many as may be under way fit beside any room.
//!
//! Bundles are written in order, so the content that one waits for is always let in, even where no
//! room is left: nothing can stand still, and what is held is the room and one content more for
//! each push at most.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// What needs no room, in bytes: even if all calls under way hold as much, it is a few megabytes.
pub const SMALL: usize = 64 * 1024;

/// The room. Clones share it.
#[derive(Clone, Debug)]
pub struct Room(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// Below zero where contents were let in because a bundle waits for them.
    free: isize,
    /// In the order of their positions.
    waiting: Vec<Waiting>,
    /// By line: the position that its bundle waits for.
    heads: HashMap<u64, usize>,
    lines: u64,
}

#[derive(Debug)]
struct Waiting {
    seat: Arc<Held>,
    bytes: usize,
    admit: oneshot::Sender<()>,
}

/// The contents of one bundle, in the order in which it takes them.
#[derive(Debug)]
pub struct Line {
    room: Room,
    number: u64,
}

/// One content's place. Dropped, it gives back its room.
#[derive(Debug)]
pub struct Seat(Arc<Held>);

#[derive(Debug)]
struct Held {
    line: Arc<Line>,
    position: usize,
    bytes: Mutex<usize>,
}

impl Room {
    /// Room for so many bytes.
    pub fn of(bytes: usize) -> Self {
        Self(Arc::new(Mutex::new(State {
            free: signed(bytes),
            waiting: Vec::new(),
            heads: HashMap::new(),
            lines: 0,
        })))
    }

    /// A new bundle, which waits for its position 0.
    pub fn line(&self) -> Arc<Line> {
        let mut state = self.state();
        let number = state.lines;
        state.lines += 1;
        state.heads.insert(number, 0);
        drop(state);
        Arc::new(Line {
            room: self.clone(),
            number,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    /// A place for the content at this position; it holds nothing yet.
    pub fn seat(self: &Arc<Self>, position: usize) -> Seat {
        Seat(Arc::new(Held {
            line: self.clone(),
            position,
            bytes: Mutex::new(0),
        }))
    }

    /// The bundle waits for this position now, and has all before it.
    pub fn advance(&self, position: usize) {
        let mut state = self.room.state();
        state.heads.insert(self.number, position);
        state.let_in();
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.room.state().heads.remove(&self.number);
    }
}

impl Seat {
    /// Asks for room instead of what it has; the receiver resolves once there is some.
    pub fn ask(&self, bytes: usize) -> oneshot::Receiver<()> {
        let (admit, admitted) = oneshot::channel();
        let mut state = self.0.line.room.state();
        state.free += signed(self.0.replace(0));
        // Who asked before and does so again has been cut off in between.
        state
            .waiting
            .retain(|other| !Arc::ptr_eq(&other.seat, &self.0));
        let after = state
            .waiting
            .partition_point(|other| other.seat.position <= self.0.position);
        let seat = self.0.clone();
        state.waiting.insert(after, Waiting { seat, bytes, admit });
        state.let_in();
        admitted
    }

    /// Gives back what is held beyond so many bytes.
    pub fn shrink(&self, bytes: usize) {
        let mut state = self.0.line.room.state();
        let held = self.0.replace(0);
        let _ = self.0.replace(held.min(bytes));
        state.free += signed(held.saturating_sub(bytes));
        state.let_in();
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut state = self.0.line.room.state();
        state
            .waiting
            .retain(|other| !Arc::ptr_eq(&other.seat, &self.0));
        state.free += signed(self.0.replace(0));
        state.let_in();
    }
}

impl Held {
    fn replace(&self, bytes: usize) -> usize {
        let mut held = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut held, bytes)
    }
}

impl State {
    fn let_in(&mut self) {
        let mut full = false;
        let mut number = 0;
        while let Some(next) = self.waiting.get(number) {
            let head = self.heads.get(&next.seat.line.number);
            let is_waited_for = head.is_some_and(|head| next.seat.position <= *head);
            full |= signed(next.bytes) > self.free;
            if full && !is_waited_for {
                number += 1;
                continue;
            }
            let next = self.waiting.remove(number);
            // Nobody may be waiting any more.
            if next.admit.send(()).is_ok() {
                self.free -= signed(next.bytes);
                let _ = next.seat.replace(next.bytes);
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

    fn is_in(admitted: &mut oneshot::Receiver<()>) -> bool {
        admitted.try_recv().is_ok()
    }

    #[test]
    fn what_fits_is_let_in_and_what_does_not_waits_until_something_is_given_back() {
        let line = Room::of(10).line();
        line.advance(0);
        let [first, second, third] = [1, 2, 3].map(|position| line.seat(position));
        assert!(is_in(&mut first.ask(6)));
        let mut waits = second.ask(6);
        let mut small = third.ask(1);
        assert!(!is_in(&mut waits));
        assert!(!is_in(&mut small), "it does not overtake");
        first.shrink(4);
        assert!(is_in(&mut waits));
        assert!(!is_in(&mut small));
        drop(first);
        assert!(is_in(&mut small));
    }

    #[test]
    fn what_a_bundle_waits_for_is_let_in_though_there_is_no_room() {
        let line = Room::of(10).line();
        let [first, second] = [0, 1].map(|position| line.seat(position));
        assert!(is_in(&mut second.ask(10)));
        assert!(is_in(&mut first.ask(100)));
        drop(first);
        let third = line.seat(2);
        let mut waits = third.ask(10);
        assert!(!is_in(&mut waits));
        line.advance(2);
        assert!(is_in(&mut waits));
    }

    #[test]
    fn one_bundle_does_not_hold_up_what_another_waits_for() {
        let room = Room::of(10);
        let (one, other) = (room.line(), room.line());
        let held = one.seat(1);
        assert!(is_in(&mut held.ask(10)));
        let waits = one.seat(2);
        let mut waiting = waits.ask(10);
        assert!(!is_in(&mut waiting));
        other.advance(7);
        assert!(is_in(&mut other.seat(7).ask(10)));
    }

    #[test]
    fn whoever_goes_away_leaves_no_trace() {
        let room = Room::of(10);
        let line = room.line();
        let held = line.seat(1);
        assert!(is_in(&mut held.ask(10)));
        let gone = line.seat(2);
        drop(gone.ask(10));
        drop(gone);
        drop(held);
        drop(line);
        let state = room.state();
        assert_eq!((state.free, state.waiting.len()), (10, 0));
        assert!(state.heads.is_empty());
    }

    #[test]
    fn an_answer_that_comes_again_asks_anew() {
        let line = Room::of(10).line();
        let seat = line.seat(1);
        assert!(is_in(&mut seat.ask(10)));
        assert!(is_in(&mut seat.ask(8)));
        assert_eq!(line.room.state().free, 2);
    }
}
