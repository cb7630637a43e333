from pathlib import Path
def check_assembly(directory: Path) -> list[str]:
    return []
