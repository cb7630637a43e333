"""The page people look at: one self-contained HTML file made from the documents.

>>> from analytics_core.report import render
>>> html = render(documents)  # doctest: +SKIP

The front-end sources stand in ``frontend/``; a build hook turns them into
``dist/`` when the package is built or installed.
"""

from analytics_core.report.page import Site, page_of, render
from analytics_core.report.payload import Payload

__all__ = ["Payload", "Site", "page_of", "render"]
