//! Where the bundle of a push is in the bucket, and where others of its repository are.

use gix_hash::ObjectId;

use crate::event::{Push, ReferenceKind};
use crate::git;

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html>
const LONGEST_KEY: usize = 1024;

/// The account and the Region that the function runs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionLocation {
    pub account: String,
    pub region: String,
}

impl FunctionLocation {
    /// Reads a function's ARN: `arn:aws:lambda:eu-west-1:123456789012:function:name`.
    pub fn of_arn(arn: &str) -> Self {
        let part = |number| arn.split(':').nth(number).unwrap_or_default().to_owned();
        Self {
            account: part(4),
            region: part(3),
        }
    }

    /// Whether the repository of this push is in the same account and Region.
    pub fn is_of(&self, push: &Push) -> bool {
        self.account == push.account && self.region == push.region
    }
}

/// The keys that matter to one push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    /// The prefix of the keys of all bundles of the repository.
    pub folder: String,
    pub bundle: String,
    /// The bundle of the commit that the reference pointed to before.
    pub before: Option<String>,
    /// The prefix of the keys of all partial bundles of the repository.
    pub partials: String,
    /// The partial bundle that a delivery leaves when its time ends.
    pub partial: String,
}

impl Keys {
    /// A repository of the function's own account and Region has a folder of its name: `shop/`. Two
    /// repositories of one name must not share bundles, so other folders name the account and the
    /// Region too: `shop!111122223333.eu-west-1/`. No repository's name has a `!`, and S3 lists it as
    /// safe in a key.
    pub fn of(push: &Push, location: &FunctionLocation) -> Self {
        let (repository, account, region) = (&push.repository, &push.account, &push.region);
        let folder = if location.is_of(push) {
            format!("{repository}/")
        } else {
            format!("{repository}!{account}.{region}/")
        };
        let partials = format!("{folder}.partial/");
        Self {
            bundle: bundle(&folder, push, push.commit),
            before: (push.old_commit).map(|commit| bundle(&folder, push, commit)),
            partial: format!("{partials}{}-{}.zip", push.commit, event_hash(push)),
            partials,
            folder,
        }
    }
}

/// A hash of the event's id, which is fit for a key whatever the id is. It is the same at each
/// delivery of a push. Two pushes of one commit have different ones, so that neither replaces the
/// other's partial bundle.
fn event_hash(push: &Push) -> String {
    let hash = git::blob_id(push.event_id.as_bytes());
    hash.map_or_else(|_| String::new(), |hash| hash.to_string())
}

/// `{folder}{branch}/{commit}.zip`, and `{folder}.tags/{tag}/{commit}.zip` for a tag. A name that is
/// too long for S3 is replaced by its hash, under `.long/`. No branch can have such keys, nor those
/// of partial bundles: no part of its name may begin with a dot (`git check-ref-format`).
fn bundle(folder: &str, push: &Push, commit: ObjectId) -> String {
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
        // Only a text that was made to collide has no hash. Then S3 refuses the key, and says so.
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

    #[test]
    fn a_branch_keeps_its_slashes_a_tag_has_no_branchs_key_and_a_name_too_long_for_s3_its_own() {
        let key_of = |kind, short_name: &str| keys_of(&Push::sample(kind, short_name)).bundle;
        let id = "0000000000000000000000000000000000000000";
        let branch = key_of(ReferenceKind::Branch, "feature/x");
        assert_eq!(branch, format!("shop/feature/x/{id}.zip"));
        let tag = key_of(ReferenceKind::Tag, "v1");
        assert_eq!(tag, format!("shop/.tags/v1/{id}.zip"));

        let name = "🦀".repeat(250);
        let [a, b] = ["a", "b"].map(|last| key_of(ReferenceKind::Branch, &format!("{name}{last}")));
        assert!(
            a.len() <= LONGEST_KEY && a.starts_with("shop/.long/"),
            "{a}"
        );
        assert_ne!(a, b);
    }

    #[test]
    fn repositories_of_one_name_share_no_bundle_and_pushes_of_one_commit_no_partial_bundle() {
        let mut partials = std::collections::HashSet::new();
        for (account, region, event_id, folder) in [
            ("111122223333", "eu-west-1", "e1", "shop/"),
            ("111122223333", "eu-west-1", "e/2", "shop/"),
            (
                "111122223333",
                "us-east-1",
                "e1",
                "shop!111122223333.us-east-1/",
            ),
            (
                "444455556666",
                "eu-west-1",
                "e1",
                "shop!444455556666.eu-west-1/",
            ),
        ] {
            let push = Push {
                account: account.to_owned(),
                region: region.to_owned(),
                event_id: event_id.to_owned(),
                ..Push::sample(ReferenceKind::Branch, "main")
            };
            let keys = keys_of(&push);
            assert_eq!(keys.folder, folder);
            for key in [&keys.bundle, &keys.partials, &keys.partial] {
                assert!(key.starts_with(folder), "{keys:?}");
            }
            assert_eq!(keys.partial.matches('/').count(), 2, "{keys:?}");
            assert_eq!(keys.partial, keys_of(&push).partial, "of another delivery");
            assert!(partials.insert(keys.partial));
        }
    }
}
