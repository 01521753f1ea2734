"""Prints a template as CloudFormation gets it after its transform: serverless resources translated.

    translate.py TEMPLATE

Linters and the least-privilege check read this form, because it is the one that is deployed. Needs
the Python that tools.sh installs with MiniStack; nothing is asked of AWS.
"""

import json
import sys
from unittest.mock import patch

from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

REGION = "eu-central-1"
SERVERLESS = "AWS::Serverless-2016-10-31"


def translate(path):
    """The template at `path`."""
    with open(path, encoding="utf-8") as file:
        template = yaml_parse(file.read())
    if template.pop("Transform", None) != SERVERLESS:
        return template
    # "sam package" puts a bucket's address here.
    template["Globals"]["Function"]["CodeUri"] = "s3://artifacts/function.zip"
    with patch("boto3.session.Session.region_name", REGION):
        return Translator({}, Parser()).translate(template, {})


if __name__ == "__main__":
    json.dump(translate(sys.argv[1]), sys.stdout, indent=1)
