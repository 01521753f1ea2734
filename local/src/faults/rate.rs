//! A token bucket: so many calls a second, in real time, as AWS's API throttling counts them.

use std::time::Instant;

pub(super) struct TokenBucket {
    per_second: f64,
    size: f64,
    tokens: f64,
    filled: Instant,
}

impl TokenBucket {
    /// Full at first. `burst` is one second's worth if not given, and at least one call.
    pub(super) fn new(per_second: f64, burst: Option<f64>) -> Self {
        let size = burst.unwrap_or(per_second).max(1.0);
        Self {
            per_second,
            size,
            tokens: size,
            filled: Instant::now(),
        }
    }

    /// Whether one more call is let through now.
    pub(super) fn take(&mut self) -> bool {
        let now = Instant::now();
        let passed = now.duration_since(self.filled).as_secs_f64();
        self.filled = now;
        self.tokens = (self.tokens + passed * self.per_second).min(self.size);
        let may = self.tokens >= 1.0;
        if may {
            self.tokens -= 1.0;
        }
        may
    }
}
