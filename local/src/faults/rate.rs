//! A token bucket: so many calls a second, in real time, as AWS's API throttling counts them.

use std::time::Instant;

pub(super) struct TokenBucket {
    per_second: f64,
    tokens: f64,
    filled: Instant,
}

impl TokenBucket {
    /// Full at first, with the calls of one second.
    pub(super) fn new(per_second: f64) -> Self {
        Self {
            per_second,
            tokens: per_second,
            filled: Instant::now(),
        }
    }

    /// Whether one more call is let through now.
    pub(super) fn take(&mut self) -> bool {
        let now = Instant::now();
        let passed = now.duration_since(self.filled).as_secs_f64();
        self.filled = now;
        self.tokens = (self.tokens + passed * self.per_second).min(self.per_second.max(1.0));
        let may = self.tokens >= 1.0;
        if may {
            self.tokens -= 1.0;
        }
        may
    }
}
