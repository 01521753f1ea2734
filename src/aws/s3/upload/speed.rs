//! How fast S3 took earlier uploads of this process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Bytes a second before a body was measured.
const ASSUMED: u64 = 20_000_000;

/// The time of smaller bodies is mostly latency.
const LEAST_MEASURED: usize = 1024 * 1024;

/// Bytes a second of the last body. Clones share it.
#[derive(Clone, Debug)]
pub(in crate::aws::s3) struct UploadSpeed(Arc<AtomicU64>);

impl Default for UploadSpeed {
    fn default() -> Self {
        Self(Arc::new(AtomicU64::new(ASSUMED)))
    }
}

impl UploadSpeed {
    pub(super) fn measured(&self, bytes: usize, time: Duration) {
        if bytes >= LEAST_MEASURED {
            let per_second = bytes as u128 * 1_000_000 / time.as_micros().max(1);
            let per_second = u64::try_from(per_second).unwrap_or(u64::MAX);
            self.0.store(per_second.max(1), Ordering::Relaxed);
        }
    }

    pub(super) fn time_for(&self, bytes: u64) -> Duration {
        let micros = u128::from(bytes) * 1_000_000 / u128::from(self.0.load(Ordering::Relaxed));
        Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_large_body_says_how_long_the_next_takes() {
        let speed = UploadSpeed::default();
        assert_eq!(speed.time_for(20_000_000), Duration::from_secs(1));
        speed.clone().measured(8_000_000, Duration::from_secs(2));
        speed.measured(1_000, Duration::from_secs(2));
        assert_eq!(speed.time_for(20_000_000), Duration::from_secs(5));
    }
}
