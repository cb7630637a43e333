"""The documents of the sample database as they were published before, kept in one compressed file.

``python -m tests.analytics_core.sample_documents`` writes the file anew. Do so only when documents
change on purpose, and say in the commit which ones and why.
"""

from __future__ import annotations

import json
import lzma
import tempfile
from pathlib import Path
from typing import Any

from analytics_core import LocalStorage, RefreshSettings, refresh
from analytics_core.sample import write_sample_database

KEPT = Path(__file__).with_name("sample_documents.json.xz")
RECIPES = 238
"""The first drinks of the sample: those that there were when the file was first written."""

COSTS = ("learned", "reference", "tree")
TOLD = ("seed", "settings", "database", "counts", "warnings", "quality", "storage_version")
"""What the manifest says that does not change from run to run or with the code's version."""

Documents = dict[str, Any]


def make(cost: str, folder: Path) -> Documents:
    """Refresh the sample under a cost; return the data of each document by type."""
    database = folder / "sample.db"
    write_sample_database(database, recipes=RECIPES, overwrite=True)
    settings = RefreshSettings(cost=cost, page=False)  # type: ignore[arg-type]
    refresh(database, LocalStorage(folder / cost), settings=settings)
    found = {
        path.stem: json.loads(path.read_bytes())
        for path in sorted((folder / cost / "analytics" / "v1").glob("*.json"))
    }
    manifest = found.pop("manifest")
    del found["recipe-similar.index"]  # where each row lies says nothing that the rows do not
    documents = {kind: document["data"] for kind, document in found.items()}
    return {**documents, "manifest": {name: manifest[name] for name in TOLD}}


def load() -> dict[str, Documents]:
    """Return the kept documents by cost."""
    kept: dict[str, Documents] = json.loads(lzma.decompress(KEPT.read_bytes()))
    return kept


def main() -> None:
    """Write the file anew."""
    with tempfile.TemporaryDirectory() as folder:
        documents = {cost: make(cost, Path(folder)) for cost in COSTS}
    text = json.dumps(documents, ensure_ascii=False, separators=(",", ":"))
    KEPT.write_bytes(lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME))


if __name__ == "__main__":
    main()
