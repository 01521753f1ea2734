"""What the templates promise and no linter knows, read from what CloudFormation gets."""

import json
import re
import unittest
from pathlib import Path

from ministack.services.cloudformation import engine
from policies import filled, granted
from translate import translate

ROOT = Path(__file__).parents[2]
TEMPLATE, SOURCE = translate(str(ROOT / "template.yaml")), translate(str(ROOT / "source-account.yaml"))
NAMES = "one,two.and-more"
READER = "arn:aws:iam::{account}:role/pushbuild-reader"
ORGANIZATION = {"OrganizationId": "o-1234567890", "ReaderRoleArn": READER, "ReaderExternalId": "known"}
# What a lifecycle rule has to hold one of, or CloudFormation refuses it; `ExpiredObjectDeleteMarker` is not among them.
# Source: "AWS::S3::Bucket Rule" in CloudFormation's template reference.
LIFECYCLE = {
    "AbortIncompleteMultipartUpload", "ExpirationDate", "ExpirationInDays", "NoncurrentVersionExpiration",
    "NoncurrentVersionExpirationInDays", "NoncurrentVersionTransition", "NoncurrentVersionTransitions", "Transition",
    "Transitions",
}


def deployed(**given):
    """The template as it is deployed with these parameters."""
    return filled(TEMPLATE, {"Repositories": NAMES, **given})["Resources"]


def source(**given):
    return filled(SOURCE, {"Repositories": NAMES, **given})["Resources"]


def statements(role, **given):
    return granted(TEMPLATE, {"Repositories": NAMES, **given}, role)


def of_type(resources, kind):
    return {name: resource["Properties"] for name, resource in resources.items() if resource["Type"] == kind}


def refusal(**given):
    """Why CloudFormation would not begin with these parameters: their patterns and the template's rules."""
    pairs = [{"Key": key, "Value": value} for key, value in {"Repositories": NAMES, **given}.items()]
    try:
        engine._check_rules_section(TEMPLATE)
        engine._evaluate_rules(TEMPLATE, engine._resolve_parameters(TEMPLATE, pairs), {})
    except ValueError as why:
        return str(why)


class Shape(unittest.TestCase):
    def test_one_rule_sends_every_push_to_the_intake_as_it_is_and_failures_to_a_standard_queue(self):
        ((name, rule),) = of_type(TEMPLATE["Resources"], "AWS::Events::Rule").items()
        (target,) = rule["Targets"]
        self.assertEqual(set(target), {"Id", "Arn", "SqsParameters", "DeadLetterConfig"})
        self.assertEqual(target["Arn"], {"Fn::GetAtt": ["IntakeQueue", "Arn"]})
        # PutTargets refuses a FIFO queue here.
        dead = target["DeadLetterConfig"]["Arn"]["Fn::GetAtt"][0]
        self.assertNotIn("FifoQueue", TEMPLATE["Resources"][dead]["Properties"])
        # An event that the rule may not send yet is not tried again: the queues' policy comes first.
        self.assertIn("QueuesOfTheRulePolicy", TEMPLATE["Resources"][name]["DependsOn"])

    def test_only_the_rule_may_send_to_its_two_queues_and_nobody_to_the_others(self):
        senders = {}
        for policy in of_type(deployed(), "AWS::SQS::QueuePolicy").values():
            allowed = [s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Allow"]
            senders.update({queue: allowed for queue in policy["Queues"]})
        self.assertEqual(set(senders), {"intakequeue", "undeliverablequeue", "pushqueue", "deadletterqueue"})
        self.assertFalse(senders["pushqueue"] or senders["deadletterqueue"])
        for queue in ("intakequeue", "undeliverablequeue"):
            (statement,) = senders[queue]
            self.assertEqual(statement["Principal"], {"Service": "events.amazonaws.com"})
            self.assertEqual(
                statement["Condition"],
                {"ArnEquals": {"aws:SourceArn": "arn:aws:events:eu-central-1:111122223333:rule/pushbuild"}},
            )

    def test_a_failure_that_a_function_reports_is_a_failure(self):
        mappings = of_type(TEMPLATE["Resources"], "AWS::Lambda::EventSourceMapping")
        queues = {mapping["EventSourceArn"]["Fn::GetAtt"][0]: mapping for mapping in mappings.values()}
        self.assertEqual(set(queues), {"IntakeQueue", "PushQueue"})
        for mapping in mappings.values():
            self.assertEqual(mapping["FunctionResponseTypes"], ["ReportBatchItemFailures"])
            self.assertEqual(mapping["BatchSize"], 10)
        self.assertEqual(queues["PushQueue"]["ScalingConfig"], {"MaximumConcurrency": {"Ref": "MaximumConcurrency"}})

    def test_both_functions_are_one_binary_and_their_handlers_tell_them_apart(self):
        functions = of_type(TEMPLATE["Resources"], "AWS::Lambda::Function")
        self.assertEqual({f["Handler"] for f in functions.values()}, {"intake", "publish"})
        intake, publish = functions["IntakeFunction"], functions["PublishFunction"]
        for same in ("Code", "Runtime", "Architectures", "LoggingConfig"):
            self.assertEqual(intake[same], publish[same])
        self.assertEqual(intake["Environment"]["Variables"]["PUSH_QUEUE_URL"], {"Ref": "PushQueue"})
        metadata = [TEMPLATE["Resources"][name]["Metadata"]["BuildProperties"] for name in functions]
        self.assertEqual(metadata, [{"Binary": "pushbuild"}] * 2)

    def test_the_queues_forget_repeats_and_fail_into_one_fifo_queue(self):
        queues = of_type(deployed(), "AWS::SQS::Queue")
        self.assertTrue(all(queue["SqsManagedSseEnabled"] for queue in queues.values()))
        self.assertTrue(all(queue["MessageRetentionPeriod"] == 14 * 24 * 3600 for queue in queues.values()))
        intake, push = queues["IntakeQueue"], queues["PushQueue"]
        for queue in (intake, push):
            self.assertEqual(
                queue["RedrivePolicy"]["deadLetterTargetArn"],
                "arn:aws:sqs:eu-central-1:111122223333:DeadLetterQueue.fifo",
            )
        self.assertTrue(queues["DeadLetterQueue"]["FifoQueue"])
        self.assertTrue(intake["ContentBasedDeduplication"])
        self.assertEqual(intake["RedrivePolicy"]["maxReceiveCount"], 2)
        self.assertEqual(push["RedrivePolicy"]["maxReceiveCount"], "5")
        # A message group is a queue of its own, in throughput and in deduplication.
        self.assertEqual((push["DeduplicationScope"], push["FifoThroughputLimit"]), ("messageGroup", "perMessageGroupId"))

    def test_the_visibility_timeout_is_six_times_the_timeout_for_each_allowed_one(self):
        for timeout in TEMPLATE["Parameters"]["Timeout"]["AllowedValues"]:
            resources = deployed(Timeout=timeout)
            for queue, function in (("IntakeQueue", "IntakeFunction"), ("PushQueue", "PublishFunction")):
                visibility = resources[queue]["Properties"]["VisibilityTimeout"]
                self.assertEqual(visibility, 6 * int(resources[function]["Properties"]["Timeout"]))

    def test_every_lifecycle_rule_is_one_that_cloudformation_takes(self):
        (bucket,) = of_type(TEMPLATE["Resources"], "AWS::S3::Bucket").values()
        for rule in bucket["LifecycleConfiguration"]["Rules"]:
            self.assertTrue(LIFECYCLE & set(rule), f"{rule['Id']} needs one of {sorted(LIFECYCLE)}")

    def test_no_parameter_decides_the_architecture_because_sam_build_does_not_hear_of_it(self):
        # Deployed with another value than built with, the function would be a binary for another processor.
        for function in of_type(TEMPLATE["Resources"], "AWS::Lambda::Function").values():
            self.assertIn(function["Architectures"], (["x86_64"], ["arm64"]))

    def test_the_bucket_outlives_the_stack(self):
        for name in ("Bucket", "BucketPolicy"):
            self.assertEqual(TEMPLATE["Resources"][name]["DeletionPolicy"], "Retain")
            self.assertEqual(TEMPLATE["Resources"][name]["UpdateReplacePolicy"], "Retain")

    def test_every_alarm_tells_the_topic_the_stacks_own_or_an_existing_one(self):
        topic = "arn:aws:sns:eu-central-1:111122223333:theirs"
        for given, told in (({}, "alarmtopic"), ({"AlarmTopicArn": topic, "AlarmEmail": "a@example.invalid"}, topic)):
            resources = deployed(**given)
            alarms = of_type(resources, "AWS::CloudWatch::Alarm").values()
            self.assertEqual({tuple(alarm["AlarmActions"] + alarm["OKActions"]) for alarm in alarms}, {(told, told)})
            self.assertEqual(len(of_type(resources, "AWS::SNS::Topic")), 0 if given else 1)
            self.assertFalse(of_type(resources, "AWS::SNS::Subscription"))

    def test_alarms_and_dashboard_cover_every_queue_and_function(self):
        watched = {
            (alarm["MetricName"], dimension["Value"])
            for alarm in of_type(deployed(), "AWS::CloudWatch::Alarm").values()
            for dimension in alarm["Dimensions"]
        }
        waiting, age = "ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"
        functions, queues = ("intakefunction", "publishfunction"), ("IntakeQueue", "PushQueue")
        self.assertEqual(
            watched,
            {(waiting, f"{queue}.QueueName") for queue in ("DeadLetterQueue", "UndeliverableQueue")}
            | {(age, f"{queue}.QueueName") for queue in queues}
            | {(metric, name) for metric in ("Errors", "Throttles") for name in functions},
        )
        (dashboard,) = of_type(deployed(), "AWS::CloudWatch::Dashboard").values()
        body = dashboard["DashboardBody"]
        self.assertGreater(len(json.loads(body)["widgets"]), 5)
        for name in (*functions, *(f"{queue}.QueueName" for queue in (*queues, "DeadLetterQueue", "UndeliverableQueue"))):
            self.assertIn(f'"{name}"', body)
        for alarm in of_type(TEMPLATE["Resources"], "AWS::CloudWatch::Alarm"):
            self.assertIn(f"{alarm}.Arn", body)


class Permissions(unittest.TestCase):
    def test_the_intake_may_only_send_to_the_push_queue_beside_the_handling_of_its_own(self):
        allowed = {
            (action, resource)
            for statement in statements("IntakeRole")
            for action in statement["Action"]
            for resource in statement["Resource"]
        }
        queue = "arn:aws:sqs:eu-central-1:111122223333"
        own = {
            (f"sqs:{action}", f"{queue}:IntakeQueue.fifo")
            for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes", "ChangeMessageVisibility", "GetQueueUrl")
        }
        own |= {pair for pair in allowed if pair[0].startswith(("logs:", "xray:"))}
        self.assertEqual(allowed - own, {("sqs:SendMessage", f"{queue}:PushQueue.fifo")})

    def resources(self, **given):
        return [
            resource
            for statement in statements("PublishRole", **given)
            for resource in statement["Resource"]
            if ":codecommit:" in resource or ":codebuild:" in resource
        ]

    def test_the_publishing_role_names_exactly_the_repositories_and_projects_in_this_region(self):
        self.assertEqual(
            self.resources(),
            ["arn:*:codecommit:*:*:one", "arn:*:codecommit:*:*:two.and-more", "arn:*:codebuild:*:*:project/one",
             # No dot, as the function has it too.
             "arn:*:codebuild:*:*:project/two-and-more"],
        )
        self.assertEqual(
            self.resources(Repositories="team-*", BuildProject="{repository}-ci"),
            ["arn:*:codecommit:*:*:team-*", "arn:*:codebuild:*:*:project/*-ci"],
        )
        self.assertEqual(self.resources(BuildProject="ci")[-1], "arn:*:codebuild:*:*:project/ci")
        (one,) = [s for s in statements("PublishRole") if "codecommit:GetCommit" in s["Action"]]
        self.assertEqual(one["Condition"], {"StringEquals": {"aws:RequestedRegion": "eu-central-1"}})

    def test_a_role_holds_the_names_of_sixty_repositories_of_thirty_characters(self):
        # IAM's limit for a role's inline policies together: 10,240 characters without white space.
        names = ",".join(f"repository-{number:02}-{'x' * 16}" for number in range(60))
        everything = {**ORGANIZATION, "BucketKeyArn": Keys.KEY, "RepositoryKeyArns": Keys.KEY, "SubnetIds": "subnet-1"}
        documents = [
            {"Version": "2012-10-17", "Statement": [statement]}
            for statement in statements("PublishRole", Repositories=names, **everything)
        ]
        self.assertLess(len(json.dumps(documents, separators=(",", ":"))), 10_240)

    def test_only_tracing_and_network_interfaces_are_granted_on_everything(self):
        for role in ("IntakeRole", "PublishRole"):
            for given in ({}, {"SubnetIds": "subnet-1", "SecurityGroupIds": "sg-1"}):
                open_to_all = {a for s in statements(role, **given) if "*" in s["Resource"] for a in s["Action"]}
                self.assertEqual({action.split(":")[0] for action in open_to_all}, {"xray", *(["ec2"] if given else [])})

    def test_every_role_has_the_boundary_and_the_path_that_a_company_asks_for(self):
        given = {"PermissionsBoundary": "ci/boundary", "RolePath": "/service/"}
        for resources in (deployed(**given), source(**given)):
            for role in of_type(resources, "AWS::IAM::Role").values():
                self.assertEqual(role["PermissionsBoundary"], "arn:aws:iam::111122223333:policy/ci/boundary")
                self.assertEqual(role["Path"], "/service/")
        for role in of_type({**deployed(), **source()}, "AWS::IAM::Role").values():
            self.assertNotIn("PermissionsBoundary", role)
            self.assertEqual(role["Path"], "/")

    def test_functions_are_in_a_vpc_where_one_is_given(self):
        for function in of_type(deployed(SubnetIds="subnet-1,subnet-2", SecurityGroupIds="sg-1"), "AWS::Lambda::Function").values():
            self.assertEqual(function["VpcConfig"], {"SubnetIds": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]})
        for function in of_type(deployed(), "AWS::Lambda::Function").values():
            self.assertNotIn("VpcConfig", function)


class Parameters(unittest.TestCase):
    """What each takes by itself is compared with the function's own reading in tests/it/template.rs."""

    def test_an_organization_is_read_through_a_role(self):
        self.assertIsNone(refusal())
        self.assertIsNone(refusal(**ORGANIZATION))
        # Another Region of the same account.
        self.assertIsNone(refusal(ReaderRoleArn=READER))
        self.assertIn("OrganizationId needs ReaderRoleArn", refusal(OrganizationId="o-1234567890"))
        self.assertIn("ReaderExternalId", refusal(ReaderExternalId="known"))

    def test_only_an_existing_bucket_has_another_owner(self):
        self.assertIsNone(refusal(ExistingBucket="bundles", BucketOwner="222233334444"))
        self.assertIn("BucketOwner is an existing bucket's", refusal(BucketOwner="222233334444"))

    def test_subnets_and_security_groups_need_each_other(self):
        self.assertIsNone(refusal(SubnetIds="subnet-1", SecurityGroupIds="sg-1"))
        self.assertIn("need each other", refusal(SubnetIds="subnet-1"))
        self.assertIn("need each other", refusal(SecurityGroupIds="sg-1"))

    def test_a_refusal_says_what_is_taken(self):
        self.assertIn("a project name", refusal(BuildProject="{repo}"))
        self.assertIn("one glob or more", refusal(IncludeReferences=""))
        self.assertIn("repository names", refusal(Repositories="a,b/c"))

    def test_nothing_is_expanded_so_any_sam_cli_will_do(self):
        for name in ("template.yaml", "source-account.yaml"):
            text = (ROOT / name).read_text(encoding="utf-8")
            self.assertNotRegex(text, r"LanguageExtensions|ForEach")
        # A name stands where CloudFormation takes constants only.
        self.assertFalse(re.findall(r"!Join \[!|!Split \[!", (ROOT / "template.yaml").read_text(encoding="utf-8")))


class Keys(unittest.TestCase):
    """Customer-managed KMS keys: exactly those that are named, and only what is needed."""

    KEY = "arn:aws:kms:eu-central-1:111122223333:key/bucket"
    REPOSITORIES = ["arn:aws:kms:eu-central-1:111122223333:key/one", "arn:aws:kms:eu-central-1:111122223333:key/two"]

    def grants(self, found):
        return [(s["Action"], s["Resource"]) for s in found if any(action.startswith("kms:") for action in s["Action"])]

    def test_exactly_the_named_keys_are_granted(self):
        self.assertEqual(self.grants(statements("PublishRole")), [])
        keys = ",".join(self.REPOSITORIES)
        both = statements("PublishRole", BucketKeyArn=self.KEY, RepositoryKeyArns=keys)
        reading = (["kms:Decrypt"], self.REPOSITORIES)
        self.assertEqual(self.grants(both), [(["kms:Decrypt", "kms:GenerateDataKey"], [self.KEY]), reading])
        given = {"Repositories": NAMES, "RepositoryKeyArns": keys}
        self.assertEqual(self.grants(granted(SOURCE, given, "ReaderRole")), [reading])

    def test_the_stacks_own_bucket_is_encrypted_with_the_key(self):
        def encryption(**given):
            (bucket,) = of_type(deployed(**given), "AWS::S3::Bucket").values()
            (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
            return rule["ServerSideEncryptionByDefault"]

        self.assertEqual(encryption(), {"SSEAlgorithm": "AES256"})
        self.assertEqual(encryption(BucketKeyArn=self.KEY), {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": self.KEY})


class Organizations(unittest.TestCase):
    def test_only_accounts_of_the_organization_may_send_and_only_codecommits_events(self):
        self.assertFalse(of_type(deployed(), "AWS::Events::EventBusPolicy"))
        (policy,) = of_type(deployed(**ORGANIZATION), "AWS::Events::EventBusPolicy").values()
        statement = policy["Statement"]
        self.assertEqual((statement["Principal"], statement["Action"]), ("*", "events:PutEvents"))
        self.assertEqual(
            statement["Condition"],
            {"StringEquals": {
                "aws:PrincipalOrgID": "o-1234567890", "events:source": "aws.codecommit",
                "events:detail-type": "CodeCommit Repository State Change",
            }},
        )

    def test_the_rule_takes_this_account_only_unless_there_is_an_organization(self):
        (own,) = of_type(deployed(), "AWS::Events::Rule").values()
        self.assertEqual(own["EventPattern"]["account"], ["111122223333"])
        (all_of_them,) = of_type(deployed(**ORGANIZATION), "AWS::Events::Rule").values()
        self.assertNotIn("account", all_of_them["EventPattern"])
        self.assertNotIn("region", all_of_them["EventPattern"])

    def test_the_function_may_assume_the_reader_role_in_the_organization_or_in_its_own_account(self):
        def reading(**given):
            return [s for s in statements("PublishRole", **given) if s["Action"] == ["sts:AssumeRole"]]

        self.assertEqual(reading(), [])
        (everywhere,) = reading(**ORGANIZATION)
        self.assertEqual(everywhere["Resource"], ["arn:aws:iam::*:role/pushbuild-reader"])
        self.assertEqual(everywhere["Condition"], {"StringEquals": {"aws:ResourceOrgID": "o-1234567890"}})
        (here,) = reading(ReaderRoleArn=READER)
        self.assertEqual(here["Condition"], {"StringEquals": {"aws:ResourceAccount": "111122223333"}})

    def test_source_accounts_need_no_parameter_of_their_own(self):
        # A StackSet gives the same parameters to every account, and no account's id stands in them.
        required = {name for name, spec in SOURCE["Parameters"].items() if "Default" not in spec}
        self.assertEqual(required, {"Repositories", "EventBusArn", "FunctionRoleArn", "ReaderExternalId"})
        (rule,) = of_type(source(), "AWS::Events::Rule").values()
        self.assertEqual(rule["EventPattern"]["account"], ["111122223333"])

    def test_only_one_region_of_an_account_makes_the_reader_role(self):
        self.assertIn("ReaderRole", source())
        self.assertIn("ReaderRole", source(ReaderRegion="eu-central-1"))
        elsewhere = filled(SOURCE, {"Repositories": NAMES, "ReaderRegion": "eu-west-1"})
        self.assertEqual(sorted(elsewhere["Resources"]), ["ForwardRole", "PushRule"])
        self.assertEqual(elsewhere["Outputs"], {})

    def test_the_reader_role_trusts_the_functions_role_and_asks_for_the_external_id(self):
        (trust,) = SOURCE["Resources"]["ReaderRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        self.assertEqual(trust["Principal"], {"AWS": {"Ref": "FunctionRoleArn"}})
        self.assertEqual(trust["Condition"], {"StringEquals": {"sts:ExternalId": {"Ref": "ReaderExternalId"}}})

    def test_both_templates_allow_the_same_reading_of_the_same_repositories(self):
        def reading(found):
            (statement,) = [s for s in found if "codecommit:GetCommit" in s["Action"]]
            parts = ([item for item in statement[key] if "codecommit:" in item] for key in ("Action", "Resource"))
            return [*map(sorted, parts)]

        given = {"Repositories": "one,team-*"}
        self.assertEqual(reading(granted(SOURCE, given, "ReaderRole")), reading(statements("PublishRole", **given)))


if __name__ == "__main__":
    unittest.main()
