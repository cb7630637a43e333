"""Pages for search engines, and for readers without scripts: one per drink and per ingredient.

>>> from analytics_core.website import write_site
>>> written = write_site(documents, storage)  # doctest: +SKIP
"""

from analytics_core.website.content import SitePages
from analytics_core.website.files import Written
from analytics_core.website.making import write_site

__all__ = ["SitePages", "Written", "write_site"]
