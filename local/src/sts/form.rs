//! The members of an AssumeRole request, within the bounds of the service's model.

use crate::error::ServiceError;

/// The pairs of a Query request, decoded.
pub(super) struct Form<'a>(pub &'a [(String, String)]);

impl<'a> Form<'a> {
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    fn required(&self, name: &str, member: &str) -> Result<&'a str, ServiceError> {
        self.get(name)
            .ok_or_else(|| refused("null", member, "Member must not be null"))
    }

    /// An ARN of a role; STS itself says no more of a wrong one than this.
    pub fn role_arn(&self) -> Result<&'a str, ServiceError> {
        let arn = self.required("RoleArn", "roleArn")?;
        within(arn, "roleArn", 20, 2_048)?;
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let is_role = matches!(
            parts[..],
            ["arn", _, "iam", "", account, resource]
                if account.len() == 12
                    && account.bytes().all(|byte| byte.is_ascii_digit())
                    && resource.strip_prefix("role/").is_some_and(|role| !role.is_empty())
        );
        if is_role {
            Ok(arn)
        } else {
            Err(ServiceError::new(
                "ValidationError",
                format!("{arn} is invalid"),
            ))
        }
    }

    /// 2 to 64 of `[\w+=,.@-]`.
    pub fn session_name(&self) -> Result<&'a str, ServiceError> {
        let name = self.required("RoleSessionName", "roleSessionName")?;
        within(name, "roleSessionName", 2, 64)?;
        made_of(name, "roleSessionName", "+=,.@-")?;
        Ok(name)
    }

    /// 2 to 1,224 of `[\w+=,.@:/-]`.
    pub fn external_id(&self) -> Result<Option<&'a str>, ServiceError> {
        let Some(id) = self.get("ExternalId") else {
            return Ok(None);
        };
        within(id, "externalId", 2, 1_224)?;
        made_of(id, "externalId", "+=,.@:/-")?;
        Ok(Some(id))
    }

    /// Seconds, from 15 minutes to 12 hours; one hour unless given.
    pub fn duration(&self) -> Result<u64, ServiceError> {
        let Some(text) = self.get("DurationSeconds") else {
            return Ok(3_600);
        };
        let bounds = "Member must have value between 900 and 43200";
        text.parse()
            .ok()
            .filter(|seconds| (900..=43_200).contains(seconds))
            .ok_or_else(|| refused(text, "durationSeconds", bounds))
    }
}

fn refused(value: &str, member: &str, constraint: &str) -> ServiceError {
    ServiceError::new(
        "ValidationError",
        format!(
            "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {constraint}"
        ),
    )
}

fn within(value: &str, member: &str, least: usize, most: usize) -> Result<(), ServiceError> {
    if (least..=most).contains(&value.chars().count()) {
        return Ok(());
    }
    let constraint = format!("Member must have length between {least} and {most}");
    Err(refused(value, member, &constraint))
}

fn made_of(value: &str, member: &str, punctuation: &str) -> Result<(), ServiceError> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || punctuation.contains(c);
    if value.chars().all(word) {
        return Ok(());
    }
    let constraint = format!("Member must satisfy regular expression pattern: [\\w{punctuation}]*");
    Err(refused(value, member, &constraint))
}
