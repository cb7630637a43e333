"""What AWS would refuse at deploy time, or answer with a job that hangs, refused at synth time.

Only what an owner's settings, an override or a new text could break is checked here; what the
code itself fixes is held by tests. The rules read the finished templates, so an override on an L1
construct is seen too. They run at the end of every synthesis; on a cloud assembly by hand:
`python -m infra.preflight cdk.out`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from infra.environments import Environment
from infra.rules_batch import BATCH_RULES
from infra.rules_common import Trouble
from infra.rules_text import TEXT_RULES
from infra.templates import StackTemplates, read_assembly

RULES = (*BATCH_RULES, *TEXT_RULES)


def check(stack: StackTemplates, environment: Environment | None = None) -> list[Trouble]:
    """Apply every rule to one stack.

    Parameters
    ----------
    stack
        Its templates.
    environment
        What it was made from; without it, what depends on the owner's wishes is not checked.

    Returns
    -------
    list of Trouble
        Empty when nothing known would go wrong.
    """
    return [trouble for rule in RULES for trouble in rule(stack, environment)]


def check_assembly(
    directory: Path, environments: Mapping[str, Environment] | None = None
) -> list[Trouble]:
    """Apply every rule to every stack of a cloud assembly.

    Parameters
    ----------
    directory
        What `cdk synth` wrote.
    environments
        Environment by name of its stack.
    """
    by_stack = environments or {}
    return [
        trouble
        for stack in read_assembly(directory)
        for trouble in check(stack, by_stack.get(stack.name))
    ]


if __name__ == "__main__":
    found = check_assembly(Path(sys.argv[1] if len(sys.argv) > 1 else "cdk.out"))
    sys.exit("\n".join(map(str, found)) if found else 0)
