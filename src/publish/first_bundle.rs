//! Several pushes to a repository that has no bundle yet take turns. One fetches its commit whole and
//! stores a bundle; the others take over from that bundle what their commits have in common with it.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::OwnedMutexGuard;
use tokio::time::{Instant, timeout_at};

/// The repositories of one invocation that had no bundle, by the folder of their keys.
#[derive(Debug, Default)]
pub struct FirstBundles(Mutex<HashMap<String, Arc<tokio::sync::Mutex<bool>>>>);

impl FirstBundles {
    /// Waits until no other push fetches a commit of the repository whole. Answers whether one has
    /// stored a bundle, for the caller to set; when the guard is dropped, the next push has its turn.
    /// `None` where the wait takes longer than half of the time that is left: then the push fetches
    /// without a turn.
    pub async fn turn(&self, folder: &str, stop: Instant) -> Option<OwnedMutexGuard<bool>> {
        let repository = self.0.lock().entry(folder.to_owned()).or_default().clone();
        let now = Instant::now();
        let latest = now + stop.saturating_duration_since(now) / 2;
        timeout_at(latest, repository.lock_owned()).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn in_a_minute() -> Instant {
        Instant::now() + Duration::from_mins(1)
    }

    #[tokio::test(start_paused = true)]
    async fn the_next_push_has_its_turn_when_the_one_before_has_stored_or_given_up() {
        for stores in [true, false] {
            let first_bundles = FirstBundles::default();
            let mut first = first_bundles.turn("shop/", in_a_minute()).await.unwrap();
            assert!(!*first);
            let second = first_bundles.turn("shop/", in_a_minute());
            let work = async move {
                tokio::time::sleep(Duration::from_secs(20)).await;
                if stores {
                    *first = true;
                }
                Instant::now()
            };
            let (ended, second) = tokio::join!(work, async { (second.await, Instant::now()) });
            assert!(second.1 >= ended);
            assert_eq!(*second.0.unwrap(), stores);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_another_repository_or_for_more_than_half_of_the_time() {
        let first_bundles = FirstBundles::default();
        let _first = first_bundles.turn("shop/", in_a_minute()).await;
        let begun = Instant::now();
        assert!(first_bundles.turn("site/", in_a_minute()).await.is_some());
        assert_eq!(begun.elapsed(), Duration::ZERO);
        assert!(first_bundles.turn("shop/", in_a_minute()).await.is_none());
        assert_eq!(begun.elapsed(), Duration::from_secs(30));
    }
}
