//! What a client says of the body it sends, in headers and in trailers, and whether it holds.

use std::sync::{Arc, Mutex};

use hyper::HeaderMap;
use hyper::http::Extensions;
use s3s::dto::{Checksum, ChecksumAlgorithm};
use s3s::{S3Result, s3_error};

use super::checksum::{ALL, Algorithm};

/// What the wire knows of a request's body besides its bytes.
#[derive(Clone, Debug, Default)]
pub struct Envelope {
    /// SHA-256 of the body in hex, where the client signed it.
    pub sha256: Option<String>,
    /// The trailers, once the body has been read.
    pub trailers: Arc<Mutex<HeaderMap>>,
}

/// What a client says of the body it sends.
#[derive(Debug, Default)]
pub struct Claims {
    pub sums: Checksum,
    pub md5: Option<String>,
    pub length: Option<i64>,
    /// The algorithm it wants kept, if it wants one.
    pub algorithm: Option<Algorithm>,
    pub envelope: Envelope,
}

impl Claims {
    /// From a request's fields.
    pub fn new(
        sums: Checksum,
        named: Option<&ChecksumAlgorithm>,
        headers: &HeaderMap,
        extensions: &Extensions,
    ) -> Self {
        Self {
            algorithm: declared(&sums, headers, named),
            sums,
            envelope: extensions.get().cloned().unwrap_or_default(),
            ..Self::default()
        }
    }
}

/// The algorithm that a request names, by a value, a trailer that is to come, or by name alone.
pub fn declared(
    sums: &Checksum,
    headers: &HeaderMap,
    named: Option<&ChecksumAlgorithm>,
) -> Option<Algorithm> {
    let trailer = headers
        .get("x-amz-trailer")
        .and_then(|names| names.to_str().ok());
    ALL.into_iter()
        .find(|algorithm| algorithm.of(sums).is_some())
        .or_else(|| {
            trailer?
                .split(',')
                .find_map(|name| Algorithm::named(name.trim().strip_prefix("x-amz-checksum-")?))
        })
        .or_else(|| Algorithm::named(named?.as_str()))
}

/// Puts the trailers' values to those that came as headers.
pub fn with_trailers(mut sums: Checksum, trailers: &HeaderMap) -> Checksum {
    for algorithm in ALL {
        let name = format!("x-amz-checksum-{}", algorithm.name().to_ascii_lowercase());
        if let Some(value) = trailers.get(name).and_then(|value| value.to_str().ok()) {
            *algorithm.slot(&mut sums) = Some(value.to_owned());
        }
    }
    sums
}

/// Compares what the client sent with what was computed.
///
/// # Errors
/// `BadDigest` for a value that does not hold.
pub fn verify(sent: &Checksum, computed: &Checksum) -> S3Result<()> {
    for algorithm in ALL {
        if let (Some(sent), Some(computed)) = (algorithm.of(sent), algorithm.of(computed))
            && sent != computed
        {
            let name = algorithm.name();
            return Err(s3_error!(
                BadDigest,
                "The {name} you specified did not match the calculated checksum."
            ));
        }
    }
    Ok(())
}

/// The five checksum fields of one of the protocol's inputs.
macro_rules! sums_of {
    ($input:expr) => {
        s3s::dto::Checksum {
            checksum_crc32: $input.checksum_crc32.clone(),
            checksum_crc32c: $input.checksum_crc32c.clone(),
            checksum_crc64nvme: $input.checksum_crc64nvme.clone(),
            checksum_sha1: $input.checksum_sha1.clone(),
            checksum_sha256: $input.checksum_sha256.clone(),
            checksum_type: None,
        }
    };
}

/// What the fields of one of the protocol's requests with a body claim of it.
macro_rules! claims_of {
    ($request:expr) => {{
        let input = &$request.input;
        let mut claims = crate::s3::claims::Claims::new(
            crate::s3::claims::sums_of!(input),
            input.checksum_algorithm.as_ref(),
            &$request.headers,
            &$request.extensions,
        );
        claims.md5.clone_from(&input.content_md5);
        claims.length = input.content_length;
        claims
    }};
}

pub(super) use {claims_of, sums_of};
