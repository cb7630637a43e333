"""A stack's life as CloudFormation leads it; moto's is kinder.

- A resource that its service refuses fails its stack: what was made is removed again, but for
  what the template retains, and the stack ends ROLLBACK_COMPLETE. It can then only be deleted.
- An update compares what each resource was given with what it would be given now, nested stacks
  and all, and changes that in place; moto makes nested stacks anew.
- Termination protection refuses the deletion of a stack, whatever its state.
- What cannot be deleted leaves its stack DELETE_FAILED.
"""

import threading
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from moto.cloudformation import models, parsing
from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.responses import CloudFormationResponse
from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.utilities.utils import get_partition

from tests.infra.emulator.removals import remove_one
from tests.infra.emulator.updates import update_in_place

STACK = "AWS::CloudFormation::Stack"
KEPT = ("Retain", "RetainExceptOnCreate")

_create_one = parsing.parse_and_create_resource
_log = parsing.logger
_rolling_back = threading.local()


class Failed(Exception):  # noqa: N818 - what became of it
    """A resource that its service refused."""

    def __init__(self, logical_id: str, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.logical_id, self.kind, self.reason = logical_id, kind, reason


def in_words(error: BaseException) -> str:
    """Say what a service refused, the way CloudFormation hands it on."""
    said = getattr(error, "message", None) or str(error) or type(error).__name__
    codes = (getattr(error, name, None) for name in ("error_type", "TYPE", "code"))
    code = next((c for c in codes if isinstance(c, str)), type(error).__name__)
    return f'Resource handler returned message: "{said}" (HandlerErrorCode: {code})'


def create_one(logical_id: str, resource: Any, within: Any, **where: Any) -> Any:
    """Make a resource, and remember what it was given."""
    began = utcnow()
    try:
        made = _create_one(logical_id, resource, within, **where)
        within.given[logical_id] = parsing.clean_json(resource.get("Properties", {}), within)
    except Failed:
        raise
    except Exception as error:
        raise Failed(logical_id, resource["Type"], in_words(error)) from error
    if resource["Type"] == STACK and made is not None:
        # The CLI looks inside by this event, and only at what happened there since.
        _say(within, logical_id, made.stack_id, "CREATE_IN_PROGRESS", began)
        if made.status != "CREATE_COMPLETE":
            within._parsed_resources[logical_id] = made  # what is left of it goes with the others
            raise Failed(
                logical_id,
                STACK,
                f"Embedded stack {made.stack_id} was not successfully created: {made.failure}",
            )
    return made


def create(stack: Any) -> None:
    """Make every resource of a stack, or none."""
    stack.status = "CREATE_IN_PROGRESS"
    try:
        stack.resource_map.create(stack.template_dict)
        stack.description = stack.template_dict.get("Description")
        stack.outputs  # noqa: B018 - an output that cannot be given fails the stack too
    except Exception as error:  # noqa: BLE001 - whatever a backend refuses fails the stack
        failed = error if isinstance(error, Failed) else Failed("Outputs", STACK, in_words(error))
        _add_event(stack, failed, "CREATE_FAILED")
        stack.failure = f"The following resource(s) failed to create: [{failed.logical_id}]."
        stack._add_stack_event("ROLLBACK_IN_PROGRESS", resource_status_reason=stack.failure)
        left = _remove_created(stack.resource_map)
        stack.status = "ROLLBACK_FAILED" if left else "ROLLBACK_COMPLETE"
        stack._add_stack_event(stack.status)
        _close(stack)
    else:
        stack.mark_creation_complete()


def _say(within: Any, logical_id: str, physical_id: str, status: str, at: datetime) -> None:
    """Tell the stack around a nested one since when something is done to it."""
    stack = models.cloudformation_backends[within._account_id][within._region_name].stacks.get(
        within.stack_id
    )
    if stack is not None:
        _add_event(stack, Failed(logical_id, STACK, ""), status, physical_id, at)


def _add_event(
    stack: Any, failed: Failed, status: str, physical_id: str = "", at: datetime | None = None
) -> None:
    event = models.Event(
        stack_id=stack.stack_id,
        stack_name=stack.name,
        logical_resource_id=failed.logical_id,
        physical_resource_id=physical_id,
        resource_type=failed.kind,
        resource_status=status,
        resource_status_reason=failed.reason or None,
        resource_properties=None,
    )
    event.timestamp = at or event.timestamp
    stack.events.append(event)


def _remove_created(within: Any) -> set[str]:
    """Remove what the creation of a stack had made, but for `Retain`; return what resists."""
    before = getattr(_rolling_back, "creation", False)
    _rolling_back.creation = True
    try:
        return remove(
            within, [name for name in within.resources if name in within._parsed_resources]
        )
    finally:
        _rolling_back.creation = before


def _close(stack: Any) -> None:
    """Forget the resources: moto would make them anew when asked for them."""
    stack.resource_map._resource_json_map = {}
    stack.output_map._output_json_map = {}


def kept(resource: Any) -> bool:
    """Whether a resource outlives its stack, in what happens just now."""
    policy = resource.get("DeletionPolicy", "Delete")
    if policy == "RetainExceptOnCreate":
        return not getattr(_rolling_back, "creation", False)
    return bool(policy == "Retain")


def remove(within: Any, names: list[str]) -> set[str]:
    """Remove resources, dependants before what they depend on; return what could not be."""
    waiting = {name for name in names if not kept(within._resource_json_map[name])}
    within.resisted = {}
    gone: set[str] = set()
    progress = True
    while waiting and progress:
        progress = False
        for name in [n for n in reversed(list(within._parsed_resources)) if n in waiting]:
            try:
                made = within._parsed_resources[name]
                if made is not None and not isinstance(made, str):
                    remove_one(within, name)
            except Exception as error:  # noqa: BLE001 - others may have to go first
                within.resisted[name] = in_words(error)
            else:
                progress = True
                waiting.discard(name)
                within._parsed_resources.pop(name, None)
                within.resisted.pop(name, None)
                gone.add(name)
        waiting &= set(within._parsed_resources)
    # Moto would make anew what it is asked for.
    known = within._resource_json_map
    within._resource_json_map = {name: known[name] for name in known if name not in gone}
    return waiting


def delete_map(within: Any) -> None:
    """Remove a stack's resources, or say which could not be."""
    left = remove(within, list(within.resources))
    if left:
        first = min(left)
        kind = within._resource_json_map[first]["Type"]
        raise Failed(first, kind, within.resisted.get(first, "it is in use"))


def delete_stack(backend: Any, name_or_id: str) -> None:
    """Delete a stack; one that is not there is no error."""
    found = [s for s in backend.stacks.values() if name_or_id in (s.name, s.stack_id)]
    for stack in found:
        if str(stack.enable_termination_protection).lower() == "true":
            raise ValidationError(
                message=f"Stack [{stack.name}] cannot be deleted while TerminationProtection is "
                "enabled"
            )
        names = [export.name for export in stack.exports]
        try:
            stack.delete()
        except Failed as failed:
            _add_event(stack, failed, "DELETE_FAILED")
            stack.status = "DELETE_FAILED"
            stack._add_stack_event("DELETE_FAILED", resource_status_reason=failed.reason)
            if getattr(stack, "nested", False):
                raise
            return
        backend.deleted_stacks[stack.stack_id] = backend.stacks.pop(stack.stack_id)
        for name in names:
            backend.exports.pop(name, None)


def update_stack(
    stack: Any, template: str, role_arn: Any = None, parameters: Any = None, tags: Any = None
) -> None:
    """Bring a stack to a template; what fails takes it back to the one it had."""
    before = (stack.template, stack.parameters)
    stack._add_stack_event("UPDATE_IN_PROGRESS", resource_status_reason="User Initiated")
    added: list[str] = []
    try:
        _bring_to(stack, template, parameters, added)
    except Failed as failed:
        _add_event(stack, failed, "UPDATE_FAILED")
        stack.failure = f"The following resource(s) failed to update: [{failed.logical_id}]."
        stack._add_stack_event("UPDATE_ROLLBACK_IN_PROGRESS", resource_status_reason=stack.failure)
        made = [name for name in added if name in stack.resource_map._parsed_resources]
        _rolling_back.creation = True  # of these resources, which this update made
        try:
            remove(stack.resource_map, made)
        finally:
            _rolling_back.creation = False
        _bring_to(stack, *before, [])
        stack.status = "UPDATE_ROLLBACK_COMPLETE"
    else:
        stack.status = "UPDATE_COMPLETE"
        stack.role_arn = role_arn
        stack.tags = stack.tags if tags is None else tags
    stack._add_stack_event(stack.status)


def _bring_to(stack: Any, template: str, parameters: Any, added: list[str]) -> None:
    stack.template = template
    stack._parse_template()
    if parameters is not None:
        stack.parameters = parameters
    within = stack.resource_map
    old = dict(within._resource_json_map)
    within._template = stack.template_dict
    within.input_parameters = stack.parameters
    within._parsed_resources.update(within._template.get("Mappings", {}))
    within.load_parameters()
    within.load_conditions()
    within._resource_json_map = {**old, **stack.template_dict["Resources"]}
    for name in _in_order(stack.template_dict["Resources"]):
        if name in within._parsed_resources:
            _update_one(within, name)
        else:
            added.append(name)
            within[name]  # the lookup makes it
    gone = [name for name in old if name not in stack.template_dict["Resources"]]
    remove(within, [name for name in gone if name in within._parsed_resources])
    within._resource_json_map = stack.template_dict["Resources"]
    stack.output_map = stack._create_output_map()


def _update_one(within: Any, name: str) -> None:
    resource = within._resource_json_map[name]
    try:
        now = parsing.clean_json(resource.get("Properties", {}), within)
        if now == within.given.get(name) and resource["Type"] != STACK:
            return
        kind, cleaned, physical = parsing.parse_resource_and_generate_name(name, resource, within)
        was = within._parsed_resources[name]
        where = {"account_id": within._account_id, "region_name": within._region_name}
        if resource["Type"] == STACK:
            _say(within, name, was.stack_id, "UPDATE_IN_PROGRESS", utcnow())
        is_now = update_in_place(
            kind, was, physical, cleaned, given=within.given.get(name), **where
        )
    except Failed:
        raise
    except Exception as error:
        raise Failed(name, resource["Type"], in_words(error)) from error
    is_now.cf_resource_type, is_now.logical_resource_id = resource["Type"], name
    within._parsed_resources[name] = is_now
    within.given[name] = now
    if resource["Type"] == STACK and is_now.status != "UPDATE_COMPLETE":
        raise Failed(
            name, STACK, f"Embedded stack {is_now.stack_id} was not updated: {is_now.failure}"
        )


def _in_order(resources: dict[str, Any]) -> Iterator[str]:
    """Yield the resources, what others refer to first."""
    done: set[str] = set()

    def visit(name: str) -> Iterator[str]:
        if name in done or name not in resources:
            return
        done.add(name)
        for other in _named_in(resources[name]):
            yield from visit(other)
        yield name

    for name in resources:
        yield from visit(name)


def _named_in(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for entry in value:
            yield from _named_in(entry)
    elif isinstance(value, dict):
        for key, entry in value.items():
            if key in ("Ref", "DependsOn") and isinstance(entry, str):
                yield entry
            elif key == "DependsOn":
                yield from entry
            elif key == "Fn::GetAtt":
                yield entry[0] if isinstance(entry, list) else entry.split(".")[0]
            else:
                yield from _named_in(entry)


def nested(
    _: object,
    /,
    resource_name: str,
    cloudformation_json: Any,
    account_id: str,
    region_name: str,
    **__: Any,
) -> Any:
    """Make a nested stack."""
    properties = cloudformation_json["Properties"]
    backend = models.cloudformation_backends[account_id][region_name]
    # CloudFormation cuts the name to what a stack may be called.
    stack = backend.create_stack(
        name=resource_name[-128:].lstrip("-0123456789"),
        template=_template(properties, account_id, region_name),
        parameters=properties.get("Parameters", {}),
    )
    stack.nested = True
    return stack


def update_nested(
    _: object,
    original_resource: Any,
    new_resource_name: str,
    cloudformation_json: Any,
    account_id: str,
    region_name: str,
) -> Any:
    """Update a nested stack where it is."""
    properties = cloudformation_json["Properties"]
    template = _template(properties, account_id, region_name)
    original_resource.update(template, parameters=properties.get("Parameters", {}))
    return original_resource


def _template(properties: Any, account_id: str, region_name: str) -> str:
    found: str = models.get_stack_from_s3_url(
        properties["TemplateURL"], account_id=account_id, partition=get_partition(region_name)
    )
    return found


def apply_change_set(backend: Any, change_set_name: str, stack_name: str | None = None) -> None:
    """Do what a change set says, by the same rules as a direct deployment."""
    named = (change_set_name, stack_name)
    found = [
        c
        for c in backend.change_sets.values()
        if c.change_set_id in named or (c.change_set_name == change_set_name)
    ]
    if not found:
        raise ValidationError(message=f"ChangeSet [{change_set_name}] does not exist")
    change_set = found[-1]
    stack = backend.stacks[change_set.stack_id]
    if change_set.change_set_type == "CREATE":
        stack.template, stack.parameters = change_set.template, change_set.parameters
        stack._parse_template()
        stack._add_stack_event("CREATE_IN_PROGRESS", resource_status_reason="User Initiated")
        stack.resource_map = stack._create_resource_map()
        stack.output_map = stack._create_output_map()
        stack.create_resources()
    else:
        stack.update(change_set.template, parameters=change_set.parameters)
    change_set.execution_status = "EXECUTE_COMPLETE"


def parameters_of_update(_: Any, instance: Any, incoming_params: Any) -> dict[str, Any]:
    """Return what an update gives a stack; the value before may be the template's default."""
    return {
        given["ParameterKey"]: given.get("ParameterValue")
        or instance.parameters[given["ParameterKey"]]
        for given in incoming_params
        if not given.get("UsePreviousValue") or given["ParameterKey"] in instance.parameters
    }


def protect(response: Any) -> ActionResult:
    """Answer `UpdateTerminationProtection`, which moto does not know."""
    stack = response.cloudformation_backend.get_stack(response._get_param("StackName"))
    stack.enable_termination_protection = response._get_param("EnableTerminationProtection")
    return ActionResult({"StackId": stack.stack_id})


def refuse_change_set(create_change_set: Any) -> Any:
    """A stack whose creation failed takes no change set either."""

    def checked(backend: Any, stack_name: str, *rest: Any, **named: Any) -> Any:
        for stack in backend.stacks.values():
            if stack.name == stack_name and stack.status.startswith("ROLLBACK_"):
                raise ValidationError(
                    message=f"Stack:{stack.stack_id} is in {stack.status} state and can not be "
                    "updated."
                )
        return create_change_set(backend, stack_name, *rest, **named)

    return checked


class Attributes:
    """Takes moto's warning of an attribute that a resource has not, and makes it an error."""

    def warning(self, message: str, *arguments: Any) -> None:
        if "Fn::GetAtt" in message:
            raise ValidationError(message=f"Template error: {message} is not supported")
        _log.warning(message, *arguments)


def patch() -> None:
    """Put CloudFormation's rules in moto's place."""
    parsing.logger = Attributes()
    parsing.parse_and_create_resource = create_one
    parsing.ResourceMap.given = property(lambda self: self.__dict__.setdefault("_given", {}))
    parsing.ResourceMap.delete = delete_map
    models.Stack.failure = ""
    models.Stack.create_resources = create
    models.Stack.update = update_stack
    models.Stack.create_from_cloudformation_json = classmethod(nested)
    models.Stack.update_from_cloudformation_json = classmethod(update_nested)
    backend = models.CloudFormationBackend
    backend._resolve_update_parameters = parameters_of_update
    backend.delete_stack = delete_stack
    backend.execute_change_set = apply_change_set
    backend.create_change_set = refuse_change_set(backend.create_change_set)
    CloudFormationResponse.update_termination_protection = protect
