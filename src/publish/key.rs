//! Where a push's bundle is in the bucket, and where others of its repository are.

use gix_hash::ObjectId;

use super::FunctionLocation;
use crate::event::{Push, ReferenceKind};
use crate::git;

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html>
const LONGEST_KEY: usize = 1024;

/// The keys that matter to one push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    /// What the keys of all bundles of the repository begin with.
    pub folder: String,
    pub bundle: String,
    /// The bundle of what the reference pointed to before.
    pub before: Option<String>,
    /// What the keys of partial bundles begin with: no part of a branch's name may begin with a dot.
    pub partials: String,
    /// Where a delivery leaves what it has when its time ends.
    pub partial: String,
}

impl Keys {
    /// The repositories of the function's own account and region have folders of their name:
    /// `shop/`. Two repositories of one name must not share bundles, so those of other places have
    /// the place in theirs: `shop!111122223333.eu-west-1/`, `!` being no letter of a repository's
    /// name and safe in a key.
    pub fn of(push: &Push, location: &FunctionLocation) -> Self {
        let (repository, account, region) = (&push.repository, &push.account, &push.region);
        let folder = if push.is_from(&location.account, &location.region) {
            format!("{repository}/")
        } else {
            format!("{repository}!{account}.{region}/")
        };
        let partials = format!("{folder}.partial/");
        Self {
            bundle: bundle(&folder, push, &push.commit),
            before: (push.old_commit.as_ref()).map(|commit| bundle(&folder, push, commit)),
            partial: format!("{partials}{}-{}.zip", push.commit, event(push)),
            partials,
            folder,
        }
    }
}

/// Tells a push from others of the same commit, at each of its deliveries: two pushes that are
/// published at once would replace each other's partial bundle otherwise. Whatever the event's id
/// is, its hash is fit for a key.
fn event(push: &Push) -> String {
    let hash = git::blob_id(push.event_id.as_bytes());
    hash.map_or_else(|_| String::new(), |hash| hash.to_string())
}

/// `{folder}{branch}/{commit}.zip`, and `{folder}.tags/{tag}/{commit}.zip` for a tag: no part of a
/// branch's name may begin with a dot (`git check-ref-format`), so no branch can have that key. A
/// name that is too long for S3 is replaced by its hash, under `.long/`.
fn bundle(folder: &str, push: &Push, commit: &ObjectId) -> String {
    let name = &push.reference.short_name;
    let reference = match push.reference.kind {
        ReferenceKind::Branch => name.clone(),
        ReferenceKind::Tag => format!(".tags/{name}"),
    };
    let key = |reference: &str| format!("{folder}{reference}/{commit}.zip");
    let usual = key(&reference);
    if usual.len() <= LONGEST_KEY {
        return usual;
    }
    let full_name = push.reference.full_name();
    match git::blob_id(full_name.as_bytes()) {
        Ok(hash) => key(&format!(".long/{hash}")),
        // The hash refuses only what was made to collide; S3 then refuses the key in words.
        Err(_) => usual,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys_of(push: &Push) -> Keys {
        let arn = "arn:aws:lambda:eu-west-1:111122223333:function:f";
        Keys::of(push, &FunctionLocation::of_arn(arn))
    }

    fn key_of(kind: ReferenceKind, short_name: &str) -> String {
        keys_of(&Push::sample(kind, short_name)).bundle
    }

    #[test]
    fn a_branch_keeps_its_slashes_and_a_tag_has_no_branchs_key() {
        let id = "0000000000000000000000000000000000000000";
        let branch = key_of(ReferenceKind::Branch, "feature/x");
        assert_eq!(branch, format!("shop/feature/x/{id}.zip"));
        let tag = key_of(ReferenceKind::Tag, "v1");
        assert_eq!(tag, format!("shop/.tags/v1/{id}.zip"));
    }

    #[test]
    fn a_name_too_long_for_s3_still_has_a_key_of_its_own() {
        let name = "🦀".repeat(250);
        let long = |last| key_of(ReferenceKind::Branch, &format!("{name}{last}"));
        assert!(long("a").len() <= LONGEST_KEY);
        assert!(long("a").starts_with("shop/.long/"));
        assert_ne!(long("a"), long("b"));
    }

    #[test]
    fn repositories_of_one_name_share_no_bundle_whatever_their_account_and_region() {
        for (account, region, folder) in [
            ("111122223333", "eu-west-1", "shop/"),
            ("111122223333", "us-east-1", "shop!111122223333.us-east-1/"),
            ("444455556666", "eu-west-1", "shop!444455556666.eu-west-1/"),
        ] {
            let keys = keys_of(&Push {
                account: account.to_owned(),
                region: region.to_owned(),
                ..Push::sample(ReferenceKind::Branch, "main")
            });
            assert_eq!(keys.folder, folder);
            for key in [&keys.bundle, &keys.partials, &keys.partial] {
                assert!(key.starts_with(folder), "{keys:?}");
            }
        }
    }

    #[test]
    fn two_pushes_of_one_commit_have_partial_bundles_of_their_own() {
        let push = Push::sample(ReferenceKind::Branch, "main");
        let other = Push {
            event_id: "another/event".to_owned(),
            ..push.clone()
        };
        let partial = keys_of(&push).partial;
        assert_eq!(partial, keys_of(&push.clone()).partial);
        let other = keys_of(&other).partial;
        assert_ne!(partial, other);
        assert_eq!(other.matches('/').count(), 2);
    }
}
