"""The frame of every page: valid HTML, no script, a strict policy, and names that stay names."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

# What HTML does not allow in text, and what would turn the direction of the text around it.
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ufdd0-\ufdef"
    + "".join(f"{chr(plane << 16 | 0xFFFE)}{chr(plane << 16 | 0xFFFF)}" for plane in range(17))
    + "]"
)
_SURROGATES = re.compile("[\ud800-\udfff]")
_DIRECTIONS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_TITLE_LENGTH = 70
_DESCRIPTION_LENGTH = 160
"""Characters; what is longer no search engine shows."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page before it is put into its frame.

    Attributes
    ----------
    key : str
        Where it lies, from the site's own folder.
    title, heading, description : str
        Plain text.
    body : str
        HTML, escaped.
    data : mapping or None
        What it says to machines, as JSON-LD.
    """

    key: str
    title: str
    heading: str
    description: str
    body: str
    data: Mapping[str, Any] | None = None


def clean(text: str, *, escaped: bool = False) -> str:
    """Return text without what HTML forbids, and ready for HTML if wanted."""
    plain = _FORBIDDEN.sub(" ", _SURROGATES.sub("?", text))
    return html.escape(plain, quote=True) if escaped else plain


def link(target: str, text: str, *, bare: bool = False) -> str:
    """Return a link. A name's direction stays its own; `bare` is for words of ours."""
    inner = clean(text, escaped=True)
    inner = inner if bare else f"<bdi>{inner or '?'}</bdi>"
    return f'<a href="{html.escape(target, quote=True)}">{inner}</a>'


def section(heading: str, body: str) -> str:
    """Return a section under a heading of ours."""
    return f"<section><h2>{html.escape(heading)}</h2>{body}</section>\n"


def unordered(items: Iterable[str], *, columns: bool = False) -> str:
    """Return a list of what is HTML already; nothing where there are no items."""
    inner = "".join(f"<li>{item}</li>\n" for item in items)
    start = '<ul class="columns">' if columns else "<ul>"
    return f"{start}{inner}</ul>" if inner else ""


def render(page: Page, *, site_title: str, base_url: str | None, picture: str) -> bytes:
    """Put a page into its frame.

    Parameters
    ----------
    page : Page
    site_title : str
        Stands in every title, and leads to the index.
    base_url : str or None
        Ends with a slash.
    picture : str
        Key of the picture for previews of links, which need its whole address.

    Returns
    -------
    bytes
    """
    home = "../" * page.key.count("/") + "index.html"
    title = _short(page.title, _TITLE_LENGTH)
    if page.key != "index.html":
        title = f"{title} · {_short(site_title, _TITLE_LENGTH)}"
    address = base_url + page.key.removesuffix("index.html") if base_url else None
    named = {
        "og:type": "website",
        "og:title": title,
        "og:description": _short(page.description, _DESCRIPTION_LENGTH),
    }
    if base_url and address:
        named |= {"og:url": address, "og:image": base_url + picture}
    heads = [
        f'<meta property="{name}" content="{html.escape(text, quote=True)}">'
        for name, text in named.items()
    ]
    if address:
        heads.insert(0, f'<link rel="canonical" href="{html.escape(address, quote=True)}">')
    if page.data is not None:
        heads.append(f'<script type="application/ld+json">{_as_json(page.data)}</script>')
    return _FRAME.format(
        policy=html.escape(_POLICY, quote=True),
        title=html.escape(title),
        description=html.escape(named["og:description"], quote=True),
        heads="\n".join(heads),
        style=_STYLE,
        home=link(home, site_title),
        heading=clean(page.heading, escaped=True) or "?",
        body=page.body,
    ).encode("utf-8")


def _short(text: str, most: int) -> str:
    """Return one line of at most so many characters, that leaves the direction alone."""
    line = " ".join(_DIRECTIONS.sub("", clean(text[: most * 20])).split())
    if len(line) > most:
        line = line[: most - 1].rsplit(" ", 1)[0].rstrip(" ,;:.") + "…"
    return line or "?"


def _as_json(value: Mapping[str, Any]) -> str:
    """JSON that is harmless inside a script element."""
    text = orjson.dumps(value).decode()
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


_STYLE = """
:root{color-scheme:light dark;--ground:#faf6ee;--ink:#26201b;--soft:#675d53;--line:#e2d9ca;
--accent:#a63a2a}
@media (prefers-color-scheme:dark){:root{--ground:#15161c;--ink:#f1e9dc;--soft:#b1a798;
--line:#34343f;--accent:#f0936f}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:44rem;padding:1rem 1.25rem 4rem;background:var(--ground);
color:var(--ink);font:1rem/1.55 system-ui,"Segoe UI",Roboto,"Noto Sans",sans-serif;
overflow-wrap:anywhere}
h1,h2{font-family:Fraunces,Georgia,"Noto Serif",serif;line-height:1.15;letter-spacing:-.01em}
h1{font-size:2rem;margin:1.5rem 0 .75rem}
h2{font-size:1.25rem;margin:2rem 0 .5rem}
header,nav,li p{color:var(--soft)}
p{margin:.25rem 0}
a{color:var(--accent);text-underline-offset:.18em;text-decoration-thickness:1px}
ul{list-style:none;margin:0;padding:0}
li{padding:.4rem 0;border-top:1px solid var(--line)}
.columns{columns:14rem;column-gap:2rem}
.columns li{border:0;padding:.15rem 0;break-inside:avoid}
"""
_POLICY = (
    "default-src 'none'; "
    f"style-src 'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'; "
    "img-src data:; base-uri 'none'; form-action 'none'"
)
_FRAME = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<meta name="description" content="{description}">
{heads}
<style>{style}</style>
</head>
<body>
<header>{home}</header>
<main>
<h1><bdi>{heading}</bdi></h1>
{body}
</main>
</body>
</html>
"""
