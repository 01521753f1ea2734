//! Real repositories for the tests, made as those of tests/it are.

use serde_json::{Value, json};

use super::CodeCommit;
use crate::error::ServiceError;
use repository::{EXECUTABLE, FILE, LINK, Repository, SUBMODULE};

#[allow(dead_code, reason = "tests/it uses the rest")]
#[path = "../../../tests/it/setup/repository.rs"]
pub(crate) mod repository;

/// A repository that is served as `demo`, and the commit that its branch `main` began with.
pub(crate) struct Repo {
    pub(crate) git: Repository,
    pub(crate) commit: String,
    pub(crate) service: CodeCommit,
}

/// The commit specifier of the branch that most tests are about.
pub(crate) const MAIN: &str = "refs/heads/main";

impl Repo {
    pub(crate) fn of(
        files: impl IntoIterator<Item = (impl AsRef<[u8]>, &'static str, impl AsRef<[u8]>)>,
    ) -> Self {
        let (git, commit) = Repository::of(files);
        let service = CodeCommit::default();
        service.add_repository("demo", git.path()).unwrap();
        Self {
            git,
            commit,
            service,
        }
    }

    /// With an entry of each kind.
    pub(crate) fn sampler() -> Self {
        Self::of([
            ("README.md", FILE, "# demo\n"),
            ("bin/run", EXECUTABLE, "#!/bin/sh\n"),
            ("link", LINK, "bin/run"),
            ("module", SUBMODULE, &"1".repeat(40)),
        ])
    }

    /// The id that a revision means.
    pub(crate) fn id(&self, revision: &str) -> String {
        self.git.git(&["rev-parse", revision])
    }

    /// Calls the service, with `repositoryName` filled in.
    pub(crate) async fn call(
        &self,
        operation: &str,
        mut input: Value,
    ) -> Result<Value, ServiceError> {
        if input.get("repositoryName").is_none() {
            input["repositoryName"] = json!("demo");
        }
        self.service.call(operation, input).await
    }

    /// GetFile of `main`.
    pub(crate) async fn file(&self, path: &str) -> Result<Value, ServiceError> {
        let input = json!({"filePath": path, "commitSpecifier": MAIN});
        self.call("GetFile", input).await
    }

    /// The name of the exception that a call must end in.
    pub(crate) async fn refused(&self, operation: &str, input: Value) -> String {
        self.call(operation, input).await.unwrap_err().code
    }
}
