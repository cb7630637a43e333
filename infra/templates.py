"""The finished templates of one stack, nested ones included, as the pre-flight rules read them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Json = dict[str, Any]

# The CLI switches these on; who reads templates needs them also where there is no CLI.
METADATA = {"aws:cdk:enable-asset-metadata": True, "aws:cdk:enable-path-metadata": True}


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of one template.

    Attributes
    ----------
    template
        Name of the template's file.
    logical_id, type, body
        As in the template.
    """

    template: str
    logical_id: str
    type: str
    body: Json

    @property
    def properties(self) -> Json:
        """The resource's properties, empty when it has none."""
        result: Json = self.body.get("Properties", {})
        return result

    @property
    def depends_on(self) -> list[str]:
        """Logical ids this resource waits for by its own word."""
        named = self.body.get("DependsOn", [])
        return [named] if isinstance(named, str) else list(named)

    def __str__(self) -> str:
        path = self.body.get("Metadata", {}).get("aws:cdk:path")
        return str(path or f"{self.template}/{self.logical_id}")


@dataclass(frozen=True, slots=True)
class StackTemplates:
    """All templates that one `cdk deploy` brings up.

    Attributes
    ----------
    name
        The stack's name.
    templates
        Template by file name; the first is the stack's own.
    images
        The image assets' sources, by hash.
    folder
        The cloud assembly; None for templates made up in a test.
    """

    name: str
    templates: dict[str, Json]
    images: dict[str, Json] = field(default_factory=dict)
    folder: Path | None = None

    def resources(self, *types: str) -> Iterator[Resource]:
        """Yield the resources of the given types, or all."""
        for name, template in self.templates.items():
            for logical_id, body in template.get("Resources", {}).items():
                if not types or body["Type"] in types:
                    yield Resource(name, logical_id, body["Type"], body)

    def named(self, template: str, reference: object) -> Resource | None:
        """Return what a `Ref` or `Fn::GetAtt` of a template means, None beyond that template."""
        target = None
        if isinstance(reference, dict):
            target = reference.get("Ref")
            if "Fn::GetAtt" in reference:
                attribute = reference["Fn::GetAtt"]
                target = attribute[0] if isinstance(attribute, list) else attribute.split(".")[0]
        body = self.templates[template].get("Resources", {}).get(target)
        return None if body is None else Resource(template, str(target), body["Type"], body)

    def nested(self, template: str) -> Resource | None:
        """Return the resource that brings in a nested template."""
        for resource in self.resources("AWS::CloudFormation::Stack"):
            if resource.body.get("Metadata", {}).get("aws:asset:path") == template:
                return resource
        return None


def read_assembly(directory: Path) -> list[StackTemplates]:
    """Read every stack of a cloud assembly.

    Parameters
    ----------
    directory
        What `cdk synth` wrote, usually `cdk.out`.
    """
    manifest = json.loads((directory / "manifest.json").read_text(encoding="utf-8"))
    stacks = []
    for artifact in manifest["artifacts"].values():
        if artifact["type"] != "aws:cloudformation:stack":
            continue
        file = artifact["properties"]["templateFile"]
        templates: dict[str, Json] = {}
        waiting = [file]
        while waiting:
            name = waiting.pop()
            templates[name] = json.loads((directory / name).read_text(encoding="utf-8"))
            waiting += [
                body["Metadata"]["aws:asset:path"]
                for body in templates[name].get("Resources", {}).values()
                if body["Type"] == "AWS::CloudFormation::Stack"
            ]
        assets = json.loads(
            (directory / file.replace(".template.json", ".assets.json")).read_text(encoding="utf-8")
        )
        images = {key: image["source"] for key, image in assets.get("dockerImages", {}).items()}
        stacks.append(
            StackTemplates(file.removesuffix(".template.json"), templates, images, directory)
        )
    return stacks
