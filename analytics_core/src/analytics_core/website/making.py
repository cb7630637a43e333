"""All files of the site: its pages, and the sitemap where its address is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any
from xml.sax.saxutils import escape

from analytics_core.report.page import Site
from analytics_core.store import Storage
from analytics_core.website.content import PICTURE, SitePages
from analytics_core.website.files import Written, write_files
from analytics_core.website.frame import render

MOST_ADDRESSES = 50_000
"""Addresses that one sitemap may have, by sitemaps.org."""
_XMLNS = "http://www.sitemaps.org/schemas/sitemap/0.9"


def write_site(
    documents: Mapping[str, Mapping[str, Any]],
    storage: Storage,
    site: Site | None = None,
    *,
    base_url: str | None = None,
    atlas: str | None = None,
) -> Written:
    """Write a page for each drink and each ingredient, an index, and a sitemap.

    Parameters
    ----------
    documents : mapping
        Parsed documents by type, as ``read_published`` gives them.
    storage : Storage
        Where to. Files that are unchanged are not written again; those of an earlier call that
        are needed no more are removed.
    site : Site, optional
        Its title, and where its own recipes are.
    base_url : str, optional
        Where the pages will stand on the web. Only with it are there canonical links, a sitemap,
        and a picture for previews of links, which must have whole addresses.
    atlas : str, optional
        The map's address, from the site's own folder.

    Returns
    -------
    Written

    Raises
    ------
    AnalyticsError
        A document is missing, or an address is none of the web.
    StorageError
        Something cannot be written, or a file there was not written by this function.
    """
    pages = SitePages(documents, site, base_url=base_url, atlas=atlas)
    keys = pages.keys()
    files: dict[str, Callable[[], bytes]] = {key: partial(_page, pages, key) for key in keys}
    if pages.base_url:
        files[PICTURE] = pages.picture
        for name, content in sitemaps(pages.base_url, keys).items():
            files[name] = content.encode
    return write_files(storage, files)


def _page(pages: SitePages, key: str) -> bytes:
    return render(
        pages.page(key), site_title=pages.site.title, base_url=pages.base_url, picture=PICTURE
    )


def sitemaps(base_url: str, keys: Sequence[str], *, most: int = MOST_ADDRESSES) -> dict[str, str]:
    """Return the sitemap, or several and the one that names them.

    Parameters
    ----------
    base_url : str
        Ends with a slash.
    keys : sequence of str
        Of the pages.
    most : int
        Addresses in one sitemap.

    Returns
    -------
    dict
        Content by file name.
    """
    addresses = [base_url + key.removesuffix("index.html") for key in keys]
    parts = [addresses[at : at + most] for at in range(0, len(addresses), most)]
    if len(parts) == 1:
        return {"sitemap.xml": _sitemap("urlset", "url", parts[0])}
    named = {f"sitemap-{at}.xml": part for at, part in enumerate(parts, 1)}
    listed = [base_url + name for name in named]
    return {name: _sitemap("urlset", "url", part) for name, part in named.items()} | {
        "sitemap.xml": _sitemap("sitemapindex", "sitemap", listed)
    }


def _sitemap(root: str, entry: str, addresses: Sequence[str]) -> str:
    lines = (f"<{entry}><loc>{escape(address)}</loc></{entry}>\n" for address in addresses)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<{root} xmlns="{_XMLNS}">\n{"".join(lines)}</{root}>\n'
    )
