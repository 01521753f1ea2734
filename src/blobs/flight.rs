//! Permits for calls under way, as many as are worth it at the time.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The permits of one push.
#[derive(Debug)]
pub struct Flight {
    permits: Arc<Semaphore>,
    /// How many there are, those in use included.
    given: Mutex<usize>,
}

impl Flight {
    /// So many permits.
    pub fn of(permits: usize) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(permits)),
            given: Mutex::new(permits),
        }
    }

    /// Waits for a permit, first come, first served.
    pub async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed.
        self.permits.clone().acquire_owned().await.ok()
    }

    /// Gives more permits, or takes back those that are free.
    pub fn set(&self, wanted: usize) {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        if wanted > *given {
            self.permits.add_permits(wanted - *given);
            *given = wanted;
        } else {
            *given -= self.permits.forget_permits(*given - wanted);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn permits_are_given_and_taken_back_as_they_become_free() {
        let flight = Flight::of(2);
        let held = [flight.permit().await, flight.permit().await];
        flight.set(3);
        assert_eq!(flight.permits.available_permits(), 1);
        flight.set(1);
        // Two are in use still.
        assert_eq!(
            (
                flight.permits.available_permits(),
                *flight.given.lock().unwrap()
            ),
            (0, 2)
        );
        drop(held);
        flight.set(1);
        assert_eq!(
            (
                flight.permits.available_permits(),
                *flight.given.lock().unwrap()
            ),
            (1, 1)
        );
    }
}
