//! How a listing writes keys.

use s3s::dto::{CommonPrefix, EncodingType};

/// How keys are written in an answer: as they are, or URL-encoded, since XML cannot hold every
/// character that a key can.
#[derive(Clone, Copy, Debug)]
pub struct Encoding {
    url: bool,
}

impl Encoding {
    pub fn new(asked: Option<&EncodingType>) -> Self {
        Self {
            url: asked.is_some_and(|asked| asked.as_str() == EncodingType::URL),
        }
    }

    /// As S3 encodes: a space is `+`, a slash stays.
    pub fn text(self, text: &str) -> String {
        use std::fmt::Write as _;
        if !self.url {
            return text.to_owned();
        }
        text.bytes()
            .fold(String::with_capacity(text.len()), |mut encoded, byte| {
                match byte {
                    b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'*' | b'/' => {
                        encoded.push(byte.into());
                    }
                    b' ' => encoded.push('+'),
                    other => {
                        let _ = write!(encoded, "%{other:02X}");
                    }
                }
                encoded
            })
    }

    pub fn optional(self, text: Option<&String>) -> Option<String> {
        text.map(|text| self.text(text))
    }

    pub fn prefixes(self, prefixes: &[String]) -> Vec<CommonPrefix> {
        let prefixes = prefixes.iter().map(|prefix| CommonPrefix {
            prefix: Some(self.text(prefix)),
        });
        prefixes.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_keys_are_written_as_s3_writes_them() {
        let url = Encoding { url: true };
        assert_eq!(
            url.text("a b/c+d%é😀(3)"),
            "a+b/c%2Bd%25%C3%A9%F0%9F%98%80%283%29"
        );
    }
}
