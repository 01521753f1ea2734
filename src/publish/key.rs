//! Where a bundle stands in the bucket.

use gix_object::Kind;

use crate::event::{Push, ReferenceKind};

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html>
const LONGEST_KEY: usize = 1024;

/// What the keys of a repository's bundles begin with.
pub fn folder(push: &Push) -> String {
    format!("{}/", push.repository)
}

/// What the keys begin with that hold no whole bundle: no part of a branch's name may begin with
/// a dot.
pub fn partials(push: &Push) -> String {
    format!("{}/.partial/", push.repository)
}

/// Where a delivery leaves what it has when its time ends.
pub fn partial(push: &Push) -> String {
    format!("{}{}.zip", partials(push), push.commit)
}

/// The bundle of what the reference pointed to before.
pub fn before(push: &Push) -> Option<String> {
    let commit = push.old_commit?;
    Some(of(&Push {
        commit,
        ..push.clone()
    }))
}

/// `{repository}/{branch}/{commit}.zip`, and `{repository}/.tags/{tag}/{commit}.zip` for a tag: no
/// part of a branch's name may begin with a dot (`git check-ref-format`), so no branch can have
/// that key. A name that is too long for S3 is replaced by its hash, under `.long/`.
pub fn of(push: &Push) -> String {
    let name = &push.reference.short_name;
    let folder = match push.reference.kind {
        ReferenceKind::Branch => name.clone(),
        ReferenceKind::Tag => format!(".tags/{name}"),
    };
    let key = |folder: &str| format!("{}/{folder}/{}.zip", push.repository, push.commit);
    let usual = key(&folder);
    if usual.len() <= LONGEST_KEY {
        return usual;
    }
    let full_name = push.reference.full_name();
    let hash = gix_object::compute_hash(gix_hash::Kind::Sha1, Kind::Blob, full_name.as_bytes());
    match hash {
        Ok(hash) => key(&format!(".long/{hash}")),
        // The hash refuses only what was made to collide; S3 then refuses the key in words.
        Err(_) => usual,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_of(kind: ReferenceKind, short_name: &str) -> String {
        of(&Push::sample(kind, short_name))
    }

    const ID: &str = "0000000000000000000000000000000000000000";

    #[test]
    fn a_branch_keeps_its_slashes() {
        let key = key_of(ReferenceKind::Branch, "feature/x");
        assert_eq!(key, format!("shop/feature/x/{ID}.zip"));
    }

    #[test]
    fn a_tag_and_a_branch_named_tags_do_not_collide() {
        let tag = key_of(ReferenceKind::Tag, "v1");
        assert_eq!(tag, format!("shop/.tags/v1/{ID}.zip"));
        assert_ne!(tag, key_of(ReferenceKind::Branch, "tags/v1"));
    }

    #[test]
    fn a_name_too_long_for_s3_still_has_a_key_of_its_own() {
        let long = |last: &str| {
            key_of(
                ReferenceKind::Branch,
                &format!("{}{last}", "🦀".repeat(250)),
            )
        };
        assert!(long("a").len() <= LONGEST_KEY);
        assert!(long("a").starts_with("shop/.long/"));
        assert_ne!(long("a"), long("b"));
    }
}
