//! Answers that look right and are not: the ones that only hashes can catch.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::action::Action;

/// The lists of a GetFolder answer.
const LISTS: [&str; 4] = ["files", "subFolders", "symbolicLinks", "subModules"];

/// Changes a JSON answer as `action` says; says whether it found what to change.
pub(crate) fn change_json(action: &Action, answer: &mut Value) -> bool {
    match action {
        Action::DropEntry { name } => LISTS.into_iter().any(|list| {
            let Some(entries) = answer.get_mut(list).and_then(Value::as_array_mut) else {
                return false;
            };
            let before = entries.len();
            entries.retain(|entry| !is_named(entry, name));
            entries.len() < before
        }),
        Action::GarbleName { name } => LISTS.into_iter().any(|list| {
            let entries = answer.get_mut(list).and_then(Value::as_array_mut);
            let entry =
                entries.and_then(|entries| entries.iter_mut().find(|entry| is_named(entry, name)));
            let Some(entry) = entry else { return false };
            for field in ["relativePath", "absolutePath"] {
                if let Some(Value::String(path)) = entry.get_mut(field) {
                    *path = garbled(path);
                }
            }
            true
        }),
        Action::FlipBit => ["fileContent", "content"].into_iter().any(|field| {
            let Some(Value::String(text)) = answer.get_mut(field) else {
                return false;
            };
            let Ok(mut bytes) = STANDARD.decode(&*text) else {
                return false;
            };
            let flipped = flip_bit(&mut bytes);
            *text = STANDARD.encode(bytes);
            flipped
        }),
        _ => false,
    }
}

/// Changes one bit in the middle; an empty content has none.
pub(crate) fn flip_bit(bytes: &mut [u8]) -> bool {
    let middle = bytes.len() / 2;
    let Some(byte) = bytes.get_mut(middle) else {
        return false;
    };
    *byte ^= 0b0000_1000;
    true
}

fn is_named(entry: &Value, name: &str) -> bool {
    entry.get("relativePath").and_then(Value::as_str) == Some(name)
}

/// What a decoder makes of a byte that it does not understand.
fn garbled(path: &str) -> String {
    let mut path = path.to_owned();
    path.pop();
    path.push('\u{fffd}');
    path
}
