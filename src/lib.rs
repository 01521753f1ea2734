//! Every push to AWS CodeCommit, on any branch, gets its own CodeBuild build.
