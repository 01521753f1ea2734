//! Answers that are kept for a while. A deployment may change what they say, and does not replace a
//! warm function.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Answers by the names of what they are about, and when each expires.
#[derive(Debug)]
pub(super) struct Remembered<T>(Mutex<HashMap<String, (Instant, T)>>);

impl<T: Clone> Remembered<T> {
    pub(super) fn new() -> Self {
        Self(Mutex::default())
    }

    pub(super) fn get(&self, name: &str) -> Option<T> {
        let answers = self.0.lock();
        let (until, answer) = answers.get(name)?;
        (Instant::now() < *until).then(|| answer.clone())
    }

    /// The last answer, however old it is.
    pub(super) fn last(&self, name: &str) -> Option<T> {
        let answers = self.0.lock();
        answers.get(name).map(|(_, answer)| answer.clone())
    }

    pub(super) fn put(&self, name: &str, answer: T, time: Duration) {
        let answer = (Instant::now() + time, answer);
        self.0.lock().insert(name.to_owned(), answer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_answer_holds_for_its_time_and_is_then_asked_for_again() {
        let remembered = Remembered::new();
        assert_eq!(remembered.get("shop"), None);
        remembered.put("shop", 2, Duration::from_mins(1));
        tokio::time::advance(Duration::from_secs(59)).await;
        assert_eq!(remembered.get("shop"), Some(2));
        assert_eq!(remembered.get("site"), None);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(remembered.get("shop"), None);
        assert_eq!(remembered.last("shop"), Some(2));
        assert_eq!(remembered.last("site"), None);
    }
}
