"""Prints a template as CloudFormation gets it after its transforms: loops expanded, serverless resources translated.

    translate.py TEMPLATE [Parameter=value ...]

Linters and the least-privilege check read this form, because it is the one that is deployed. Needs
the Python that tools.sh installs with MiniStack; nothing is asked of AWS.
"""

import json
import sys
from unittest.mock import patch

from ministack.services.cloudformation import language_extensions
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

REGION = "eu-central-1"
SERVERLESS = "AWS::Serverless-2016-10-31"


def translate(path, parameters):
    """The template at `path`, expanded for `parameters` (a dictionary of strings)."""
    with open(path, encoding="utf-8") as file:
        template = yaml_parse(file.read())
    defaults = {name: str(spec.get("Default", "")) for name, spec in template["Parameters"].items()}
    template = language_extensions.apply(template, {**defaults, **parameters})
    if SERVERLESS not in template.pop("Transform"):
        return template
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            # "sam package" puts a bucket's address here.
            resource["Properties"]["CodeUri"] = "s3://artifacts/function.zip"
    with patch("boto3.session.Session.region_name", REGION):
        return Translator({}, Parser()).translate(template, {})


if __name__ == "__main__":
    path, *assignments = sys.argv[1:]
    json.dump(translate(path, dict(pair.split("=", 1) for pair in assignments)), sys.stdout, indent=1)
