"""The documents say of the templates what the templates say themselves."""

import json
import re
import unittest
from pathlib import Path

from least_privilege import KEYS, LAMBDAS_OWN
from test_template import ORGANIZATION, SOURCE, TEMPLATE, of_type, statements

ROOT = Path(__file__).parents[2]
DOCUMENTS = ["README.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md")))]
# Metrics that AWS's services keep, as far as they are used here. Sources: "Available CloudWatch metrics for Amazon SQS",
# "Types of metrics for Lambda functions".
AWS_METRICS = {
    "AWS/SQS": {"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"},
    "AWS/Lambda": {"Invocations", "Errors", "Throttles", "Duration"},
}


def text(document):
    return (ROOT / document).read_text(encoding="utf-8")


def rows(document, *heading):
    """The rows of every table whose heading begins so."""
    lines = iter(text(document).splitlines())
    for line in lines:
        if line.startswith("| " + " | ".join(heading) + " |"):
            table = [next(lines)]
            assert set(table[0]) <= set("|-: "), table
            yield []
            for row in lines:
                if not row.startswith("|"):
                    break
                yield [cell.strip() for cell in row.strip("|").split("|")]


def tables(document, *heading):
    found = []
    for row in rows(document, *heading):
        found.append([]) if not row else found[-1].append(row)
    return found


def code(cell):
    return re.findall(r"`([^`]+)`", cell)


def parameters_of(template):
    words = {None: "required", "": "none"}
    return {name: words.get(spec.get("Default"), str(spec.get("Default"))) for name, spec in template["Parameters"].items()}


def shown_metrics():
    """Namespace and name of each metric on the dashboard."""
    (dashboard,) = of_type(TEMPLATE["Resources"], "AWS::CloudWatch::Dashboard").values()
    for widget in json.loads(dashboard["DashboardBody"]["Fn::Sub"])["widgets"]:
        before = (None, None)
        for metric in widget["properties"].get("metrics", []):
            if metric[0] == "...":
                continue
            before = tuple(old if new == "." else new for old, new in zip(before, metric[:2]))
            yield before


class Documents(unittest.TestCase):
    def test_the_tables_of_parameters_are_the_templates(self):
        told = [
            {name.strip("`"): default.strip("`") for name, default, _ in table}
            for table in tables("docs/deploy.md", "parameter", "default", "means")
        ]
        self.assertEqual(told, [parameters_of(TEMPLATE), parameters_of(SOURCE)])

    def test_the_table_of_actions_is_the_functions_roles(self):
        (table,) = tables("docs/deploy.md", "service", "actions", "on")
        told = sorted(f"{service.lower()}:{action}" for service, actions, _ in table for action in code(actions))
        both = [*statements("IntakeRole"), *statements("PublishRole", **ORGANIZATION, **KEYS)]
        allowed = {action for statement in both for action in statement["Action"]} - LAMBDAS_OWN
        self.assertEqual(told, sorted(allowed))

    def test_outputs_that_are_named_exist(self):
        outputs = {**TEMPLATE["Outputs"], **SOURCE["Outputs"]}
        named = [
            name
            for document in DOCUMENTS
            for phrase in re.findall(r"outputs? `?\w+`?(?: and `\w+`)?", text(document))
            for name in re.findall(r"\b[A-Z]\w+", phrase)
        ]
        self.assertGreater(len(named), 5)
        self.assertLessEqual(set(named), set(outputs))

    def test_links_lead_somewhere(self):
        count = 0
        for document in DOCUMENTS:
            folder = (ROOT / document).parent
            for target in re.findall(r"\]\(([^)]+)\)", text(document)):
                path, _, heading = target.partition("#")
                if "://" in path:
                    continue
                count += 1
                found = (folder / path) if path else ROOT / document
                self.assertTrue(found.exists(), f"{document}: {target}")
                if heading:
                    headings = re.findall(r"^#+ (.+)$", found.read_text(encoding="utf-8"), re.M)
                    anchors = [re.sub(r"[^\w -]", "", name.lower()).replace(" ", "-") for name in headings]
                    self.assertIn(heading, anchors, f"{document}: {target}")
        self.assertGreater(count, 15)


class Watching(unittest.TestCase):
    def test_the_dashboard_shows_metrics_of_the_table(self):
        (table,) = tables("docs/operations.md", "metric", "unit", "counts")
        told = {name for names, *_ in table for name in code(names)}
        known = {("pushbuild", name) for name in told}
        known |= {(namespace, name) for namespace, names in AWS_METRICS.items() for name in names}
        shown = set(shown_metrics())
        self.assertLessEqual(shown, known)
        self.assertGreater(len([name for namespace, name in shown if namespace == "pushbuild"]), 8)

    def test_what_is_paid_for_is_counted_right(self):
        (table,) = tables("docs/operations.md", "metric", "unit", "counts")
        metrics = sum(len(code(names)) for names, *_ in table)
        alarms = len(of_type(TEMPLATE["Resources"], "AWS::CloudWatch::Alarm"))
        dashboards = len(of_type(TEMPLATE["Resources"], "AWS::CloudWatch::Dashboard"))
        counted = (f"| CloudWatch | {metrics} metrics of the function and 7 of the intake, {alarms} alarms and {dashboards} "
                   "dashboard a month")
        # assertIn would print the whole document.
        self.assertTrue(counted in text("docs/deploy.md"), f"docs/deploy.md: {counted}")

    def test_every_alarm_has_a_section_that_names_its_metric(self):
        _, sections = text("docs/operations.md").split("\n## Alarms\n")
        sections = dict(section.split("\n", 1) for section in sections.split("\n## ")[0].split("\n### ")[1:])
        alarms = [
            (re.search(r'docs/operations\.md, "(.+)"\.', alarm["AlarmDescription"])[1], alarm)
            for alarm in of_type(TEMPLATE["Resources"], "AWS::CloudWatch::Alarm").values()
        ]
        self.assertEqual(set(sections), {title for title, _ in alarms})
        for title, alarm in alarms:
            self.assertIn(alarm["MetricName"], AWS_METRICS[alarm["Namespace"]])
            self.assertIn(f"`{alarm['Namespace']}` `{alarm['MetricName']}`", sections[title])


if __name__ == "__main__":
    unittest.main()
