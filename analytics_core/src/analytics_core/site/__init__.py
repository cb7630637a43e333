"""Pages for search engines, and for readers without scripts: one per drink and per ingredient.

>>> from analytics_core.site import write_site
>>> written = write_site(documents, storage)  # doctest: +SKIP
"""

from analytics_core.site.content import SitePages
from analytics_core.site.files import Written
from analytics_core.site.making import write_site

__all__ = ["SitePages", "Written", "write_site"]
