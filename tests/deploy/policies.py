"""A translated template with every value filled in, and the statements that it gives a role.

    policies.py TEMPLATE [Parameter=value ...]      prints the template

Attributes that only a deployment knows get the form that AWS gives them, with the logical id in the place of the name.
"""

import json
import re
import sys

from translate import REGION, translate

ACCOUNT = "111122223333"
PSEUDO = {
    "AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT, "AWS::StackName": "pushbuild",
}
ARNS = {
    "AWS::SQS::Queue": "arn:aws:sqs:{region}:{account}:{name}.fifo",
    "AWS::Logs::LogGroup": "arn:aws:logs:{region}:{account}:log-group:{name}:*",
}


def granted(template, parameters, role):
    """Every statement of `role`'s policies, `Action` and `Resource` always as lists."""
    resources = template["Resources"]
    resolve = _Resolver(template, parameters).resolve
    documents = [policy["PolicyDocument"] for policy in resolve(resources[role]["Properties"].get("Policies", []))]
    for resource in resources.values():
        properties = resource["Properties"]
        if resource["Type"] != "AWS::IAM::Policy" or {"Ref": role} not in properties["Roles"]:
            continue
        if "Condition" not in resource or resolve({"Condition": resource["Condition"]}):
            documents.append(properties["PolicyDocument"])
    statements = [statement for document in documents for statement in resolve(document["Statement"])]
    for statement in statements:
        for key in ("Action", "Resource"):
            if isinstance(statement[key], str):
                statement[key] = [statement[key]]
    return statements


def filled(template, parameters):
    """The template as it is deployed: every value filled in, and what its conditions leave out left out."""
    resolver = _Resolver(template, parameters)
    parts = {
        part: {
            name: resolver.resolve({key: value for key, value in entry.items() if key != "Condition"})
            for name, entry in template.get(part, {}).items()
            if "Condition" not in entry or resolver.resolve({"Condition": entry["Condition"]})
        }
        for part in ("Resources", "Outputs")
    }
    return {"AWSTemplateFormatVersion": template["AWSTemplateFormatVersion"], **parts}


class _Resolver:
    def __init__(self, template, parameters):
        self.resources = template["Resources"]
        self.mappings = template.get("Mappings", {})
        self.conditions = template.get("Conditions", {})
        self.values = dict(PSEUDO)
        for name, spec in template["Parameters"].items():
            text = str(parameters.get(name, spec.get("Default", "")))
            self.values[name] = text.split(",") if spec["Type"] == "CommaDelimitedList" else text

    def resolve(self, node):
        if isinstance(node, list):
            return [self.resolve(item) for item in node if not self._left_out(item)]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((function, argument),) = node.items()
            method = getattr(self, "_" + function.replace("Fn::", "").lower(), None)
            if method and (function.startswith("Fn::") or function in ("Ref", "Condition")):
                return method(argument)
        return {key: self.resolve(value) for key, value in node.items() if not self._left_out(value)}

    def _left_out(self, node):
        """Whether it is `AWS::NoValue` in the end."""
        while isinstance(node, dict) and list(node) == ["Fn::If"]:
            condition, then, otherwise = node["Fn::If"]
            node = then if self._condition(condition) else otherwise
        return node == {"Ref": "AWS::NoValue"}

    def _ref(self, name):
        return self.values.get(name, name.lower())

    def _condition(self, name):
        return self.resolve(self.conditions[name])

    def _getatt(self, argument):
        name, attribute = argument if isinstance(argument, list) else argument.split(".")
        arn = ARNS.get(self.resources[name]["Type"])
        return arn.format(region=REGION, account=ACCOUNT, name=name) if arn and attribute == "Arn" else f"{name}.{attribute}"

    def _sub(self, argument):
        text, variables = argument if isinstance(argument, list) else (argument, {})
        filled = {name: self.resolve(value) for name, value in variables.items()}
        return re.sub(r"\$\{([^!}]+)\}", lambda match: filled.get(match[1]) or self._variable(match[1]), text)

    def _variable(self, name):
        return self._getatt(name) if "." in name else self._ref(name)

    def _join(self, argument):
        return argument[0].join(self.resolve(argument[1]))

    def _split(self, argument):
        return self.resolve(argument[1]).split(argument[0])

    def _if(self, argument):
        condition, then, otherwise = argument
        return self.resolve(then if self._condition(condition) else otherwise)

    def _findinmap(self, argument):
        mapping, first, second = self.resolve(argument)
        return self.mappings[mapping][first][second]

    def _equals(self, argument):
        left, right = self.resolve(argument)
        return left == right

    def _and(self, argument):
        return all(self.resolve(argument))

    def _or(self, argument):
        return any(self.resolve(argument))

    def _not(self, argument):
        return not self.resolve(argument[0])


if __name__ == "__main__":
    path, *assignments = sys.argv[1:]
    given = dict(pair.split("=", 1) for pair in assignments)
    json.dump(filled(translate(path), given), sys.stdout, indent=1)
