"""Finding resources and rights in finished templates."""

import json

from infra.templates import Json, Resource, StackTemplates


def named(stack: StackTemplates, template: str, reference: object) -> Resource:
    """The resource of this stack that a `Ref` or `Fn::GetAtt` means."""
    found = stack.named(template, reference)
    assert found is not None, f"{reference} is not in {template}"
    return found


def across(stack: StackTemplates, template: str, reference: Json) -> Resource:
    """The resource that a parameter of a nested template means, in whichever template it is."""
    nested = stack.nested(template)
    if nested is not None and reference.get("Ref") in stack.templates[template]["Parameters"]:
        return across(stack, nested.template, nested.properties["Parameters"][reference["Ref"]])
    found = named(stack, template, reference)
    if found.type != "AWS::CloudFormation::Stack":
        return found
    inner = found.body["Metadata"]["aws:asset:path"]
    output = reference["Fn::GetAtt"][1].removeprefix("Outputs.")
    return across(stack, inner, stack.templates[inner]["Outputs"][output]["Value"])


def only(stack: StackTemplates, kind: str) -> Resource:
    """The one resource of a kind."""
    found = list(stack.resources(kind))
    assert len(found) == 1, f"{len(found)} of {kind}"
    return found[0]


def by_path(stack: StackTemplates, kind: str, path: str) -> Resource:
    """The one resource of a kind whose construct lies at the end of a path."""
    found = [r for r in stack.resources(kind) if str(r).endswith((f"/{path}/Resource", path))]
    assert len(found) == 1, f"{list(map(str, found))} for {path}"
    return found[0]


def job(stack: StackTemplates, name: str) -> Resource:
    """A job definition, `Refresh` or `Load`."""
    return by_path(stack, "AWS::Batch::JobDefinition", f"Jobs/{name}")


def variables(definition: Resource) -> Json:
    """A job definition's environment."""
    entries = definition.properties["ContainerProperties"]["Environment"]
    return {entry["Name"]: entry["Value"] for entry in entries}


def rights(stack: StackTemplates, role: Resource) -> list[Json]:
    """Every statement of a role's policies, in all templates it can be named in."""
    found = []
    for policy in role.properties.get("Policies", []):
        found += policy["PolicyDocument"]["Statement"]
    for policy in stack.resources("AWS::IAM::Policy"):
        mine = {"Ref": role.logical_id} in policy.properties["Roles"]
        if mine and policy.template == role.template:
            found += policy.properties["PolicyDocument"]["Statement"]
    assert found, f"{role} has no rights at all"
    return found


def actions(statements: list[Json]) -> set[str]:
    """The actions that statements allow."""
    named = [s["Action"] for s in statements if s["Effect"] == "Allow"]
    return {a for each in named for a in ([each] if isinstance(each, str) else each)}


def resources_for(statements: list[Json], action: str) -> list[str]:
    """What an action is allowed on, as text."""
    found = [s["Resource"] for s in statements if action in actions([s])]
    listed = [r for each in found for r in (each if isinstance(each, list) else [each])]
    return [json.dumps(resource) for resource in listed]


def role_of(stack: StackTemplates, definition: Resource, key: str = "JobRoleArn") -> Resource:
    """The role of a job definition."""
    return named(stack, definition.template, definition.properties["ContainerProperties"][key])
