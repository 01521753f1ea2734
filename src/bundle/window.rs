//! The end of an archive that is being written: what `ZipWriter` may still seek in, until it leaves.

use std::io::{self, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};

/// Bytes that a window hands on at once while the directory is written.
const CHUNK: usize = 1024 * 1024;

/// Where chunks go.
pub(super) type Sink = Box<dyn FnMut(Bytes) -> io::Result<()> + Send>;

/// The last bytes of an archive, in memory. Clones share it.
#[derive(Clone)]
pub(super) struct Window(Arc<Mutex<State>>);

struct State {
    /// Where in the archive `bytes` begins: all before it has left.
    start: u64,
    position: u64,
    bytes: BytesMut,
    then: Then,
}

/// What is done with bytes that are written.
enum Then {
    /// They stay until they are taken.
    Keep,
    /// They leave by themselves.
    Send(Sink),
    /// Nobody wants them any more.
    Discard,
}

impl Window {
    /// An empty window that begins so far in an archive.
    pub(super) fn starting_at(start: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            start,
            position: start,
            bytes: BytesMut::new(),
            then: Then::Keep,
        })))
    }

    /// All bytes that have not left; they leave with this.
    pub(super) fn take(&self) -> Bytes {
        self.state().take()
    }

    /// Bytes of the archive so far.
    pub(super) fn length(&self) -> u64 {
        self.state().end()
    }

    /// From now on bytes leave by themselves.
    pub(super) fn send_to(&self, sink: Sink) {
        self.state().then = Then::Send(sink);
    }

    /// Sends what is left.
    pub(super) fn flush_to_sink(&self) -> io::Result<()> {
        self.state().send()
    }

    /// From now on bytes are forgotten: a `ZipWriter` that is dropped writes a directory.
    pub(super) fn discard(&self) {
        let mut state = self.state();
        state.then = Then::Discard;
        state.bytes = BytesMut::new();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    fn take(&mut self) -> Bytes {
        self.start = self.end();
        self.bytes.split().freeze()
    }

    fn send(&mut self) -> io::Result<()> {
        let chunk = self.take();
        if let Then::Send(sink) = &mut self.then
            && let Err(error) = sink(chunk)
        {
            self.then = Then::Discard;
            return Err(error);
        }
        Ok(())
    }
}

impl Write for Window {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let mut state = self.state();
        if matches!(state.then, Then::Discard) {
            state.position += data.len() as u64;
            state.start = state.start.max(state.position);
            return Ok(data.len());
        }
        let within = state.position.checked_sub(state.start);
        let within = within.and_then(|within| usize::try_from(within).ok());
        let Some(within) = within.filter(|within| *within <= state.bytes.len()) else {
            return Err(io::Error::other("these bytes of the archive have left"));
        };
        let (over, beyond) = data.split_at(data.len().min(state.bytes.len() - within));
        state.bytes[within..within + over.len()].copy_from_slice(over);
        state.bytes.extend_from_slice(beyond);
        state.position += data.len() as u64;
        if state.bytes.len() >= CHUNK && matches!(state.then, Then::Send(_)) {
            state.send()?;
        }
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Window {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let mut state = self.state();
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => state.end().checked_add_signed(offset),
            SeekFrom::Current(offset) => state.position.checked_add_signed(offset),
        };
        state.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(state.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_not_left_can_be_written_over_and_what_has_cannot() {
        let mut window = Window::starting_at(100);
        window.write_all(b"header data").unwrap();
        window.seek(SeekFrom::Start(100)).unwrap();
        window.write_all(b"HEADER").unwrap();
        assert_eq!(window.seek(SeekFrom::End(0)).unwrap(), 111);
        assert_eq!(window.take(), &b"HEADER data"[..]);
        assert_eq!(window.length(), 111);
        window.seek(SeekFrom::Start(110)).unwrap();
        assert!(window.write_all(b"x").is_err());
    }
}
