//! A bundle that may not be whole when time ends: written where it can be left, brought home where
//! it is whole after all.

use std::fmt::Write as _;
use std::time::Duration;

use aws_sdk_s3::types::MetadataDirective;
use aws_smithy_types::timeout::TimeoutConfig;

use super::{Stored, Upload, cause, failed};
use crate::error::CallError;

/// For S3 to copy an object by itself: 5 GB is the most that one call copies.
const COPY_TIME: Duration = Duration::from_mins(2);

impl Upload {
    /// Whether it could [be left unfinished](Self::leave_unfinished) later. Once a part
    /// is under way it stays as it is.
    pub fn set_aside(&mut self, aside: bool) {
        if self.multipart.is_none() && aside != self.is_aside() {
            self.key = if aside { &self.aside } else { &self.home }.clone();
        }
    }

    /// Whether it can be left unfinished; the upload is given up where it cannot.
    pub fn can_be_partial(&mut self) -> bool {
        self.set_aside(true);
        self.is_aside()
    }

    /// Leaves the object as it is, where it is not a bundle.
    ///
    /// # Errors
    ///
    /// A failed call; the upload is then to be [aborted](Self::abort).
    pub async fn leave_unfinished(&mut self) -> Result<bool, CallError> {
        if self.multipart.is_none() {
            self.put_whole().await?;
        } else {
            self.complete().await?;
        }
        Ok(true)
    }

    /// Copies what is whole now to where it belongs; S3 does it without the bytes coming here.
    pub(super) async fn bring_home(&mut self, aside: &Stored) -> Result<Stored, CallError> {
        let mut source = format!("{}/{}", self.bundles.bucket, encoded(&self.aside));
        if let Some(version) = &aside.version {
            source = format!("{source}?versionId={version}");
        }
        self.key.clone_from(&self.home);
        let patience = TimeoutConfig::builder()
            .read_timeout(COPY_TIME)
            .operation_attempt_timeout(COPY_TIME)
            .build();
        let mut copy = self
            .bundles
            .client
            .copy_object()
            .copy_source(source)
            .bucket(&self.bundles.bucket)
            .key(&self.home)
            .content_type("application/zip")
            .metadata_directive(MetadataDirective::Replace);
        for (name, value) in self.metadata() {
            copy = copy.metadata(name, value);
        }
        let answer = copy
            .customize()
            .config_override(aws_sdk_s3::config::Config::builder().timeout_config(patience))
            .send()
            .await
            .map_err(|error| failed("S3 CopyObject", self.about(), &error, cause))?;
        Ok(self.stored(answer.version_id()))
    }
}

/// A key as the header that names a copy's source wants it.
fn encoded(key: &str) -> String {
    let mut out = String::with_capacity(key.len());
    for byte in key.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_in_a_header_is_ascii() {
        assert_eq!(
            encoded("shop/.partial/a b+ž.zip"),
            "shop/.partial/a%20b%2B%C5%BE.zip"
        );
    }
}
