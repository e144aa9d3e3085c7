//! What clients compare with what they sent.

use md5::{Digest, Md5};
use serde_json::{Map, Value};

use super::invalid;
use crate::wire::ApiError;

pub(super) fn md5(bytes: &[u8]) -> String {
    let digest = Md5::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The digest of message attributes, which clients compare with their own (AWS documentation):
/// names in order, each part after its length.
pub(super) fn digest_of(attributes: &Map<String, Value>) -> Result<Option<String>, ApiError> {
    if attributes.is_empty() {
        return Ok(None);
    }
    if attributes.len() > 10 {
        let many = attributes.len().to_string();
        return Err(invalid(
            &many,
            "MessageAttributes",
            "At most 10 are allowed.",
        ));
    }
    let mut sorted: Vec<_> = attributes.iter().collect();
    sorted.sort_by_key(|(name, _)| name.as_str());
    let mut bytes = Vec::new();
    let part = |bytes: &mut Vec<u8>, text: &[u8]| {
        bytes.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend(text);
    };
    for (name, value) in sorted {
        let text = |member: &str| value.get(member).and_then(Value::as_str);
        let kind = text("DataType").unwrap_or_default();
        let wrong = || {
            ApiError::new(
                "InvalidParameterValue",
                format!(
                    "The message attribute '{name}' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String."
                ),
            )
        };
        let base = kind.split('.').next().unwrap_or_default();
        part(&mut bytes, name.as_bytes());
        part(&mut bytes, kind.as_bytes());
        match base {
            "String" | "Number" => {
                let value = text("StringValue").ok_or_else(wrong)?;
                bytes.push(1);
                part(&mut bytes, value.as_bytes());
            }
            "Binary" => {
                let value = text("BinaryValue").and_then(base64).ok_or_else(wrong)?;
                bytes.push(2);
                part(&mut bytes, &value);
            }
            _ => return Err(wrong()),
        }
    }
    Ok(Some(md5(&bytes)))
}

fn base64(text: &str) -> Option<Vec<u8>> {
    aws_smithy_types::base64::decode(text).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    /// RFC 1321, appendix 5.
    #[test]
    fn md5_is_the_published_one() {
        assert_eq!(super::md5(b"abc"), "900150983cd24fb0d6963f7d28e17f72");
    }

    #[test]
    fn attributes_are_digested_part_by_part() {
        let given = json!({ "b": { "DataType": "String", "StringValue": "x" } });
        let bytes = b"\0\0\0\x01b\0\0\0\x06String\x01\0\0\0\x01x";
        assert_eq!(
            super::digest_of(given.as_object().unwrap()).unwrap(),
            Some(super::md5(bytes))
        );
    }
}
