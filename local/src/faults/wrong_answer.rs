//! Answers that look right and are not: the ones that only hashes can catch.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use super::action::Action;

/// The lists of the answers of GetFolder and GetDifferences.
const LISTS: [&str; 5] = [
    "files",
    "subFolders",
    "symbolicLinks",
    "subModules",
    "differences",
];

/// Changes a JSON answer as `action` says; says whether it found what to change. `draw`, from 0 to
/// 1, decides what is left to chance.
pub(crate) fn change_json(action: &Action, answer: &mut Value, draw: f64) -> bool {
    match action {
        Action::Mutate => {
            let before = answer.clone();
            mutate(answer, &mut StdRng::seed_from_u64(draw.to_bits()));
            *answer != before
        }
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

/// Picks a value at any depth, and replaces or removes it.
fn mutate(value: &mut Value, random: &mut StdRng) {
    let deeper = random.random_bool(0.8);
    match value {
        Value::Object(members) if deeper && !members.is_empty() => {
            let at = random.random_range(0..members.len());
            let Some(name) = members.keys().nth(at).cloned() else {
                return;
            };
            if random.random_bool(0.1) {
                members.remove(&name);
            } else if let Some(member) = members.get_mut(&name) {
                mutate(member, random);
            }
        }
        Value::Array(items) if deeper && !items.is_empty() => {
            let at = random.random_range(0..items.len());
            match random.random_range(0..10) {
                0 => drop(items.remove(at)),
                1 => items.push(items[at].clone()),
                _ => mutate(&mut items[at], random),
            }
        }
        _ => *value = other(value, random),
    }
}

/// What could stand in a value's place.
fn other(value: &Value, random: &mut StdRng) -> Value {
    match random.random_range(0..10) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(-1),
        3 => json!(1e300),
        4 => json!(""),
        5 => json!("\u{0}/../\u{202e}"),
        6 => json!("x".repeat(100_000)),
        7 => json!([value]),
        8 => json!({"": value}),
        // Of the right kind and wrong: an id or a name without its first character.
        _ => value.as_str().map_or(Value::Null, |text| {
            json!(text.chars().skip(1).collect::<String>())
        }),
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
    ["/relativePath", "/afterBlob/path", "/beforeBlob/path"]
        .into_iter()
        .any(|member| entry.pointer(member).and_then(Value::as_str) == Some(name))
}

/// What a decoder makes of a byte that it does not understand.
fn garbled(path: &str) -> String {
    let mut path = path.to_owned();
    path.pop();
    path.push('\u{fffd}');
    path
}
