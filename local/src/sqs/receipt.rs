//! Receipt handles: opaque to the caller, and different at each receive.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::fault::not_a_receipt_handle;
use crate::error::ServiceError;

/// What a receipt handle says once it is opened.
pub(super) struct Handle {
    pub queue: String,
    pub message: String,
    /// Which receive it was; the latest one's handle counts.
    pub number: u64,
}

impl fmt::Display for Handle {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = format!("{} {} {}", self.queue, self.message, self.number);
        out.write_str(&STANDARD.encode(plain))
    }
}

/// Opens a handle, if it is one of this queue's.
pub(super) fn parse(text: &str, queue: &str) -> Result<Handle, ServiceError> {
    opened(text)
        .filter(|handle| handle.queue == queue)
        .ok_or_else(|| not_a_receipt_handle(text))
}

fn opened(text: &str) -> Option<Handle> {
    let plain = String::from_utf8(STANDARD.decode(text).ok()?).ok()?;
    let mut words = plain.split(' ');
    let handle = Handle {
        queue: words.next()?.to_owned(),
        message: words.next()?.to_owned(),
        number: words.next()?.parse().ok()?,
    };
    words.next().is_none().then_some(handle)
}
