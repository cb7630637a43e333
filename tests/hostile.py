"""Names that want to be something else: markup, scripts, formulas, terminal commands."""

from __future__ import annotations

import random

from hypothesis import strategies as st

HIT = "window.hit=1;alert(1)"
PIECES = [
    f"</script><script>{HIT}</script>",
    f"</SCRIPT ><img src=x onerror={HIT}>",
    f"<svg/onload={HIT}>",
    f"</title></style></textarea></noscript><script>{HIT}//",
    f'"><b onmouseover="{HIT}">',
    f"' onfocus='{HIT}' autofocus='",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<iframe srcdoc=x>",
    f"javascript:{HIT}",
    f"${{{HIT}}}",
    "{{constructor.constructor('alert(1)')()}}",
    "{id}",
    "{name}",
    "{0.__class__}",
    "%s%n",
    "\\u003cscript\\u003e",
    "\\",
    "&lt;b&gt;&amp;&#60;",
    "\u2028",
    "\u2029",
    "\u202e",
    "\u2066",
    "\u200b",
    "\ufeff",
    "שלום",
    "قهوة",
    "🍸👩‍🎤",
    "e\u0301\u0323",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "＝1+1",
    "\t=1+1",
    "\r\n",
    "\n",
    ",",
    ";",
    '"',
    "'",
    "`",
    "../../../etc/passwd",
    "CON",
    "#/drink/1",
    "?embed",
    "__proto__",
    "constructor",
    "[bold red]",
    "[link=file:///etc/passwd]x[/link]",
    "\x1b[31m\x1b]0;title\x07",
    "\x1b]8;;http://example.com\x1b\\",
    "\x9b2J",
    "\x08\x08",
    "\x00",
    "\x7f",
    "' OR 1=1; DROP TABLE recipes; --",
    "Negroni",
]

NAMES = st.lists(
    st.sampled_from(PIECES) | st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
    min_size=1,
    max_size=4,
).map("".join)
"""Text as a database can hold it: any but halves of characters."""


def some_names(count: int, *, seed: int = 0) -> list[str]:
    """Different names: each piece alone, then pieces put together by chance."""
    chance = random.Random(seed)
    found = dict.fromkeys(PIECES)
    while len(found) < count:
        found["".join(chance.choices(PIECES, k=chance.randint(2, 4)))] = None
    return list(found)[:count]
