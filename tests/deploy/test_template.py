"""What the templates promise and no linter knows, read from what CloudFormation gets."""

import json
import unittest
from pathlib import Path

from ministack.services.cloudformation import engine
from policies import filled, granted
from translate import translate

ROOT = Path(__file__).parents[2]
NAMES = "one,two.and-more"


def template(**parameters):
    return translate(str(ROOT / "template.yaml"), {"Repositories": NAMES, **parameters})


# What a lifecycle rule has to hold one of, or CloudFormation refuses it; `ExpiredObjectDeleteMarker` is not among them.
# Source: "AWS::S3::Bucket Rule" in CloudFormation's template reference.
LIFECYCLE = {
    "AbortIncompleteMultipartUpload", "ExpirationDate", "ExpirationInDays", "NoncurrentVersionExpiration",
    "NoncurrentVersionExpirationInDays", "NoncurrentVersionTransition", "NoncurrentVersionTransitions", "Transition",
    "Transitions",
}


def of_type(template, kind):
    return [resource["Properties"] for resource in template["Resources"].values() if resource["Type"] == kind]


class Template(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.plain = template()

    def test_a_failure_that_the_function_reports_is_a_failure(self):
        (mapping,) = of_type(self.plain, "AWS::Lambda::EventSourceMapping")
        self.assertEqual(mapping["FunctionResponseTypes"], ["ReportBatchItemFailures"])
        self.assertEqual(mapping["BatchSize"], 10)
        self.assertEqual(mapping["EventSourceArn"], {"Fn::GetAtt": ["Queue", "Arn"]})
        self.assertEqual(mapping["ScalingConfig"], {"MaximumConcurrency": {"Ref": "MaximumConcurrency"}})

    def test_each_repository_has_a_rule_and_a_message_group_of_its_own(self):
        rules = of_type(self.plain, "AWS::Events::Rule")
        groups = [rule["Targets"][0]["SqsParameters"]["MessageGroupId"] for rule in rules]
        self.assertEqual(groups, NAMES.split(","))

    def test_the_event_reaches_the_queue_as_it_is(self):
        for rule in of_type(self.plain, "AWS::Events::Rule"):
            (target,) = rule["Targets"]
            self.assertEqual(set(target), {"Id", "Arn", "SqsParameters"})

    def test_the_queue_forgets_repeats_only_by_content_and_fails_into_a_fifo_queue(self):
        queues = {name: r["Properties"] for name, r in self.plain["Resources"].items() if r["Type"] == "AWS::SQS::Queue"}
        self.assertTrue(all(queue["FifoQueue"] and queue["SqsManagedSseEnabled"] for queue in queues.values()))
        self.assertTrue(queues["Queue"]["ContentBasedDeduplication"])
        self.assertEqual(
            queues["Queue"]["RedrivePolicy"]["deadLetterTargetArn"], {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}
        )
        self.assertEqual(queues["DeadLetterQueue"]["MessageRetentionPeriod"], 14 * 24 * 3600)

    def test_the_visibility_timeout_is_six_times_the_timeout_for_each_allowed_one(self):
        allowed = self.plain["Parameters"]["Timeout"]["AllowedValues"]
        mapping = self.plain["Mappings"]["ByTimeout"]
        self.assertEqual({text: {"Visibility": 6 * int(text)} for text in allowed}, mapping)
        for timeout in allowed:
            resources = template(Timeout=timeout)["Resources"]
            self.assertEqual(int(resources["Queue"]["Properties"]["VisibilityTimeout"]), 6 * int(timeout))

    def test_every_lifecycle_rule_is_one_that_cloudformation_takes(self):
        (bucket,) = of_type(self.plain, "AWS::S3::Bucket")
        for rule in bucket["LifecycleConfiguration"]["Rules"]:
            self.assertTrue(LIFECYCLE & set(rule), f"{rule['Id']} needs one of {sorted(LIFECYCLE)}")

    def test_no_parameter_decides_the_architecture_because_sam_build_does_not_hear_of_it(self):
        # Deployed with another value than built with, the function would be a binary for another processor.
        (function,) = of_type(self.plain, "AWS::Lambda::Function")
        self.assertIn(function["Architectures"], (["x86_64"], ["arm64"]))

    def test_the_bucket_outlives_the_stack(self):
        for name in ("Bucket", "BucketPolicy"):
            self.assertEqual(self.plain["Resources"][name]["DeletionPolicy"], "Retain")
            self.assertEqual(self.plain["Resources"][name]["UpdateReplacePolicy"], "Retain")

    def test_every_alarm_tells_the_topic(self):
        alarms = of_type(self.plain, "AWS::CloudWatch::Alarm")
        self.assertEqual(len(alarms), 4)
        for alarm in alarms:
            self.assertEqual(alarm["AlarmActions"], [{"Ref": "AlarmTopic"}])

    def test_the_dashboard_is_json(self):
        (dashboard,) = of_type(self.plain, "AWS::CloudWatch::Dashboard")
        body = dashboard["DashboardBody"]["Fn::Sub"][0]
        self.assertGreater(len(json.loads(body)["widgets"]), 5)

    def test_only_other_accounts_that_are_named_are_read_through_the_role(self):
        reading = template(
            SourceAccounts="222233334444,333344445555", ReaderRoleArn="arn:aws:iam::{account}:role/pushbuild-reader"
        )
        accounts = [name[len("ReaderPolicy"):] for name in reading["Resources"] if name.startswith("ReaderPolicy")]
        self.assertEqual(accounts, ["222233334444", "333344445555"])

    def test_a_role_holds_the_policies_of_twenty_repositories_with_names_of_thirty_characters(self):
        # IAM's limit for a role's inline policies together: 10,240 characters without white space.
        names = ",".join(f"repository-{number:02}-{'x' * 16}" for number in range(20))
        statements = granted(template(Repositories=names), {"Repositories": names})
        documents = [{"Version": "2012-10-17", "Statement": [statement]} for statement in statements]
        self.assertLess(len(json.dumps(documents, separators=(",", ":"))), 10_240)

    def test_the_role_names_exactly_the_repositories_and_projects(self):
        given = {"Repositories": NAMES, "BuildProject": "{repository}-ci"}
        resources = [
            resource
            for statement in granted(template(**given), given)
            for resource in statement["Resource"]
            if resource.startswith(("arn:aws:codecommit:", "arn:aws:codebuild:"))
        ]
        self.assertEqual(
            resources,
            [
                f"arn:aws:{tail}"
                for name in NAMES.split(",")
                for tail in (
                    f"codecommit:eu-central-1:111122223333:{name}",
                    # No dot, as the function has it too.
                    f"codebuild:eu-central-1:111122223333:project/{name.replace('.', '-')}-ci",
                )
            ],
        )

    def test_only_tracing_is_granted_on_everything(self):
        for statement in granted(self.plain, {"Repositories": NAMES}):
            if "*" in statement["Resource"]:
                self.assertTrue(all(action.startswith("xray:") for action in statement["Action"]))


def refusal(**given):
    """Why CloudFormation would not begin with these parameters: their patterns and the template's rules."""
    untranslated = template(**given)
    pairs = [{"Key": key, "Value": value} for key, value in {"Repositories": NAMES, **given}.items()]
    try:
        engine._check_rules_section(untranslated)
        engine._evaluate_rules(untranslated, engine._resolve_parameters(untranslated, pairs), {})
    except ValueError as why:
        return str(why)


class Parameters(unittest.TestCase):
    """What each takes by itself is compared with the function's own reading in tests/it/template.rs."""

    ROLE = "arn:aws:iam::{account}:role/pushbuild-reader"

    def test_a_reader_and_the_accounts_that_it_is_for_need_each_other(self):
        self.assertIsNone(refusal())
        self.assertIsNone(refusal(SourceAccounts="222233334444", ReaderRoleArn=self.ROLE, ReaderExternalId="known"))
        self.assertIn("ReaderRoleArn needs SourceAccounts", refusal(ReaderRoleArn=self.ROLE))
        self.assertIn("SourceAccounts needs ReaderRoleArn", refusal(SourceAccounts="222233334444"))
        self.assertIn("ReaderExternalId", refusal(ReaderExternalId="known"))

    def test_a_refusal_says_what_is_taken(self):
        self.assertIn("a project name", refusal(BuildProject="{repo}"))
        self.assertIn("one glob or more", refusal(IncludeReferences=""))


class Keys(unittest.TestCase):
    """Customer-managed KMS keys: exactly those that are named, and only what is needed."""

    KEY = "arn:aws:kms:eu-central-1:111122223333:key/bucket"
    REPOSITORIES = ["arn:aws:kms:eu-central-1:111122223333:key/one", "arn:aws:kms:eu-central-1:111122223333:key/two"]

    def statements(self, **given):
        given = {"Repositories": NAMES, **given}
        return [
            (statement["Action"], statement["Resource"])
            for statement in granted(template(**given), given)
            if any(action.startswith("kms:") for action in statement["Action"])
        ]

    def test_exactly_the_named_keys_are_granted(self):
        self.assertEqual(self.statements(), [])
        both = self.statements(BucketKeyArn=self.KEY, RepositoryKeyArns=",".join(self.REPOSITORIES))
        self.assertEqual(
            both, [(["kms:Decrypt", "kms:GenerateDataKey"], [self.KEY]), (["kms:Decrypt"], self.REPOSITORIES)]
        )

    def test_the_stacks_own_bucket_is_encrypted_with_the_key(self):
        def encryption(**given):
            (bucket,) = of_type(filled(template(**given), {"Repositories": NAMES, **given}), "AWS::S3::Bucket")
            (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
            return rule["ServerSideEncryptionByDefault"]

        self.assertEqual(encryption(), {"SSEAlgorithm": "AES256"})
        self.assertEqual(encryption(BucketKeyArn=self.KEY), {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": self.KEY})


class SourceAccount(unittest.TestCase):
    def test_only_named_accounts_may_send_and_only_codecommits_events(self):
        given = {"SourceAccounts": "222233334444,333344445555", "ReaderRoleArn": "arn:aws:iam::{account}:role/reader"}
        (policy,) = of_type(template(**given), "AWS::Events::EventBusPolicy")
        statement = policy["Statement"]
        self.assertEqual(statement["Principal"], {"AWS": {"Ref": "SourceAccounts"}})
        self.assertEqual(statement["Action"], "events:PutEvents")
        self.assertEqual(
            statement["Condition"],
            {"StringEquals": {
                "events:source": "aws.codecommit", "events:detail-type": "CodeCommit Repository State Change",
            }},
        )

    def test_rules_take_the_own_account_and_those_that_are_named_whatever_the_region(self):
        given = {"SourceAccounts": "222233334444,333344445555", "ReaderRoleArn": "arn:aws:iam::{account}:role/reader"}
        for rule in of_type(filled(template(**given), {"Repositories": NAMES, **given}), "AWS::Events::Rule"):
            pattern = rule["EventPattern"]
            self.assertEqual(pattern["account"], ["111122223333", "222233334444", "333344445555"])
            # A Region stands in no part of the pattern.
            self.assertEqual(pattern["resources"], [{"suffix": f":{rule['Targets'][0]['SqsParameters']['MessageGroupId']}"}])
            self.assertNotIn("region", pattern)
        for rule in of_type(filled(template(), {"Repositories": NAMES}), "AWS::Events::Rule"):
            name = rule["Targets"][0]["SqsParameters"]["MessageGroupId"]
            self.assertEqual(rule["EventPattern"]["account"], ["111122223333"])
            self.assertEqual(rule["EventPattern"]["resources"], [f"arn:aws:codecommit:eu-central-1:111122223333:{name}"])

    def test_a_second_region_forwards_without_a_reader(self):
        given = {"Repositories": NAMES, "EventBusArn": "arn:aws:events:eu-west-1:111122223333:event-bus/default"}
        source = filled(translate(str(ROOT / "source-account.yaml"), given), given)
        kinds = sorted(resource["Type"] for resource in source["Resources"].values())
        self.assertEqual(kinds, ["AWS::Events::Rule", "AWS::IAM::Role"])
        (rule,) = of_type(source, "AWS::Events::Rule")
        self.assertEqual(rule["EventPattern"]["detail"]["repositoryName"], NAMES.split(","))
        self.assertEqual(rule["Targets"][0]["Arn"], given["EventBusArn"])
        self.assertEqual(source.get("Outputs"), {})

    def test_the_reader_role_trusts_the_functions_role_and_asks_for_the_external_id(self):
        source = translate(str(ROOT / "source-account.yaml"), {"Repositories": NAMES})
        (trust,) = source["Resources"]["ReaderRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        self.assertEqual(trust["Principal"], {"AWS": {"Ref": "FunctionRoleArn"}})
        self.assertEqual(trust["Condition"], {"StringEquals": {"sts:ExternalId": {"Ref": "ReaderExternalId"}}})

    def test_both_templates_allow_the_same_reading(self):
        def actions(template, prefix):
            return {
                action
                for name, resource in template["Resources"].items()
                if name.startswith(prefix)
                for statement in resource["Properties"]["PolicyDocument"]["Statement"]
                for action in statement["Action"]
                if action.startswith("codecommit:")
            }

        source = translate(str(ROOT / "source-account.yaml"), {"Repositories": NAMES})
        self.assertEqual(actions(template(), "RepositoryPolicy"), actions(source, "ReaderPolicy"))


if __name__ == "__main__":
    unittest.main()
