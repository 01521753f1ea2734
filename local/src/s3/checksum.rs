//! The checksums of an object: which there are, and how the parts' make up the whole's.
//!
//! Rules from "Checking object integrity" of the S3 user guide: an object without a checksum of the
//! client's choice gets CRC64NVME; that one always covers the whole object, SHA-1 and SHA-256 of a
//! multipart upload never do, and CRC32 and CRC32C do when the upload was created so.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use s3s::checksum::ChecksumHasher;
use s3s::dto::{Checksum, ChecksumAlgorithm, ChecksumType};
use s3s::{S3Result, s3_error};
use serde::{Deserialize, Serialize};

/// A checksum algorithm, by S3's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Algorithm {
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
}

/// An algorithm and whether the value covers the whole object or the parts' checksums.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kind {
    pub algorithm: Algorithm,
    pub composite: bool,
}

/// A checksum with its value, as S3 writes it: base64, and `-{parts}` behind a composite one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    pub kind: Kind,
    pub value: String,
}

/// Every algorithm that S3 knows.
pub const ALL: [Algorithm; 5] = [
    Algorithm::Crc32,
    Algorithm::Crc32c,
    Algorithm::Crc64Nvme,
    Algorithm::Sha1,
    Algorithm::Sha256,
];

impl Algorithm {
    /// S3's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Crc32 => ChecksumAlgorithm::CRC32,
            Self::Crc32c => ChecksumAlgorithm::CRC32C,
            Self::Crc64Nvme => ChecksumAlgorithm::CRC64NVME,
            Self::Sha1 => ChecksumAlgorithm::SHA1,
            Self::Sha256 => ChecksumAlgorithm::SHA256,
        }
    }

    /// The algorithm of that name.
    pub fn named(name: &str) -> Option<Self> {
        ALL.into_iter()
            .find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }

    /// The name as the protocol's types hold it.
    pub fn to_wire(self) -> ChecksumAlgorithm {
        ChecksumAlgorithm::from_static(self.name())
    }

    /// Where this algorithm's value stands among `sums`.
    pub fn slot(self, sums: &mut Checksum) -> &mut Option<String> {
        match self {
            Self::Crc32 => &mut sums.checksum_crc32,
            Self::Crc32c => &mut sums.checksum_crc32c,
            Self::Crc64Nvme => &mut sums.checksum_crc64nvme,
            Self::Sha1 => &mut sums.checksum_sha1,
            Self::Sha256 => &mut sums.checksum_sha256,
        }
    }

    /// This algorithm's value among `sums`.
    pub fn of(self, sums: &Checksum) -> Option<&str> {
        match self {
            Self::Crc32 => sums.checksum_crc32.as_deref(),
            Self::Crc32c => sums.checksum_crc32c.as_deref(),
            Self::Crc64Nvme => sums.checksum_crc64nvme.as_deref(),
            Self::Sha1 => sums.checksum_sha1.as_deref(),
            Self::Sha256 => sums.checksum_sha256.as_deref(),
        }
    }
}

impl Kind {
    /// What an upload is created with, from its two headers.
    ///
    /// # Errors
    /// `InvalidRequest` for a pair that S3 does not offer.
    pub fn of_upload(
        algorithm: Option<&ChecksumAlgorithm>,
        asked: Option<&ChecksumType>,
    ) -> S3Result<Self> {
        let named = algorithm.map(|name| {
            Algorithm::named(name.as_str()).ok_or_else(|| {
                s3_error!(
                    InvalidRequest,
                    "Checksum algorithm provided is unsupported."
                )
            })
        });
        let algorithm = named.transpose()?.unwrap_or(Algorithm::Crc64Nvme);
        let composite = match asked.map(ChecksumType::as_str) {
            Some(ChecksumType::FULL_OBJECT) => false,
            Some(_) => true,
            None => algorithm != Algorithm::Crc64Nvme,
        };
        let offered = match algorithm {
            Algorithm::Crc64Nvme => !composite,
            Algorithm::Sha1 | Algorithm::Sha256 => composite,
            Algorithm::Crc32 | Algorithm::Crc32c => true,
        };
        if !offered {
            let (kind, name) = (
                if composite {
                    "COMPOSITE"
                } else {
                    "FULL_OBJECT"
                },
                algorithm.name(),
            );
            return Err(s3_error!(
                InvalidRequest,
                "The {kind} checksum type cannot be used with the {name} checksum algorithm."
            ));
        }
        Ok(Self {
            algorithm,
            composite,
        })
    }

    /// A checksum over the whole.
    pub fn whole(algorithm: Algorithm) -> Self {
        Self {
            algorithm,
            composite: false,
        }
    }

    /// The type as the protocol names it.
    pub fn to_wire(self) -> ChecksumType {
        ChecksumType::from_static(if self.composite {
            ChecksumType::COMPOSITE
        } else {
            ChecksumType::FULL_OBJECT
        })
    }
}

impl Sum {
    /// The checksum in the shape of the protocol's outputs.
    pub fn to_wire(&self) -> Checksum {
        let mut sums = Checksum {
            checksum_type: Some(self.kind.to_wire()),
            ..Checksum::default()
        };
        *self.kind.algorithm.slot(&mut sums) = Some(self.value.clone());
        sums
    }

    /// The checksum of the parts' checksums.
    pub fn composite(algorithm: Algorithm, parts: &[Sum]) -> Self {
        let mut hasher = hasher(&[algorithm]);
        for part in parts {
            hasher.update(&STANDARD.decode(&part.value).unwrap_or_default());
        }
        let sums = hasher.finalize();
        let value = algorithm.of(&sums).unwrap_or_default();
        Self {
            kind: Kind {
                algorithm,
                composite: true,
            },
            value: format!("{value}-{}", parts.len()),
        }
    }
}

/// A hasher that computes each of `algorithms`.
pub fn hasher(algorithms: &[Algorithm]) -> ChecksumHasher {
    let wanted = |algorithm| algorithms.contains(&algorithm);
    ChecksumHasher {
        crc32: wanted(Algorithm::Crc32).then(Default::default),
        crc32c: wanted(Algorithm::Crc32c).then(Default::default),
        crc64nvme: wanted(Algorithm::Crc64Nvme).then(Default::default),
        sha1: wanted(Algorithm::Sha1).then(Default::default),
        sha256: wanted(Algorithm::Sha256).then(Default::default),
    }
}

/// Sets the five checksum fields of one of the protocol's outputs.
macro_rules! set_sums {
    ($output:expr, $sum:expr) => {{
        let sums = $sum.to_wire();
        $output.checksum_crc32 = sums.checksum_crc32;
        $output.checksum_crc32c = sums.checksum_crc32c;
        $output.checksum_crc64nvme = sums.checksum_crc64nvme;
        $output.checksum_sha1 = sums.checksum_sha1;
        $output.checksum_sha256 = sums.checksum_sha256;
    }};
}

pub(super) use set_sums;
