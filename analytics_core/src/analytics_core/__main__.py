"""``python -m analytics_core``: the same as the ``analytics-core`` command."""

from analytics_core.cli import main

main()
