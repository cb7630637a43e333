"""A contract for import-linter: a package imports the standard library and what is named."""

from __future__ import annotations

import sys

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class OnlyContract(Contract):
    """Allows `allowed_modules` and the standard library to the modules of `source_package`."""

    type_name = "only"

    source_package = fields.StringField()
    allowed_modules = fields.SetField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: ARG002
        """Look at the first name of everything that is imported."""
        package = str(self.source_package)
        allowed = {package, *self.allowed_modules} | sys.stdlib_module_names  # type: ignore[misc]
        found = sorted(
            f"{module} imports {imported}"
            for module in {package, *graph.find_descendants(package)}
            for imported in graph.find_modules_directly_imported_by(module)
            if imported.partition(".")[0] not in allowed
        )
        return ContractCheck(kept=not found, metadata={"found": found})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Name each import that is not allowed."""
        for line in check.metadata["found"]:
            output.print_error(line)
