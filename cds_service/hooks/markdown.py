"""GitHub-flavoured Markdown without HTML: every text from outside is made inert here.

Knows Markdown only. A chart string can neither open markup, a link or a table cell, nor break its line.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LONGEST_CHART_STRING = 400

# Cc control, Cf format (bidi overrides, zero width), Cs surrogates (not encodable), Co private use, Cn unassigned.
_UNSHOWN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_SPACES = re.compile(r"\s+")
_SPECIAL = re.compile(r"[\\`*_\[\]|~@]")
# "<10" stays readable: "<" opens markup only before a letter, "/", "!" or "?".
_TAG_OPENER = re.compile(r"<(?![\d\s=.])")
_ENTITY = re.compile(r"&(?=#|[A-Za-z])")
_SCHEME = re.compile(r"(?<=:)/(?=/)")
_WWW = re.compile(r"(?i)(?<=www)\.")
_SPECIAL_OR_OPENER = re.compile(r"[\\`*_\[\]|~@<&]")
# What would open a quote, heading, list, rule or setext underline at the start of a block.
_BLOCK_OPENER = re.compile(r"^(?:[-+#>=:]|\d+(?=[.)](?:\s|$)))")
_OPENS_BLOCK = frozenset("-+#>=:")


def one_line(text: str, longest: int = LONGEST_CHART_STRING) -> str:
    """Text on one line, without invisible characters; what is cut off ends at a word and shows an ellipsis."""
    if text.isprintable() and "  " not in text and len(text) <= longest:
        return text.strip()
    line = _SPACES.sub(" ", text if text.isprintable() else _visible(text)).strip()
    if len(line) <= longest:
        return line
    kept = line[:longest]
    at_word = kept.rsplit(" ", 1)[0] if " " in kept else ""
    return f"{at_word} …".strip()


def _visible(text: str) -> str:
    return "".join(" " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c) not in _UNSHOWN)


def escaped(text: str) -> str:
    """Text as inert Markdown that can stand anywhere in a line, a list item or a table cell."""
    return _inert(one_line(text))


def _inert(line: str) -> str:
    if _may_mean_markup(line):
        line = _SPECIAL.sub(r"\\\g<0>", line)
        line = _TAG_OPENER.sub(r"\\<", line)
        line = _ENTITY.sub(r"\\&", line)
        line = _SCHEME.sub(r"\\/", line)
        line = _WWW.sub(r"\\.", line)
    return _without_block_opener(line)


def _without_block_opener(line: str) -> str:
    if line[:1] in _OPENS_BLOCK or line[:1].isdigit():
        return _BLOCK_OPENER.sub(_escaped_opener, line)
    return line


def _may_mean_markup(line: str) -> bool:
    """Whether anything stands in the line that could be markup; in most lines of a card nothing does."""
    return _SPECIAL_OR_OPENER.search(line) is not None or "//" in line or "ww." in line.lower()


def _escaped_opener(found: re.Match[str]) -> str:
    """A list number is disarmed behind its digits, anything else in front."""
    return f"\\{found[0]}" if not found[0][0].isdigit() else f"{found[0]}\\"


def section(title: str, *paragraphs: str) -> str:
    """A bold title with what follows; empty when nothing follows. The parts are Markdown already."""
    body = "\n\n".join(paragraph for paragraph in paragraphs if paragraph)
    return f"**{title}**\n\n{body}" if body else ""


def capitalised(text: str) -> str:
    """The text with a capital first letter, the rest as it is."""
    return text[:1].upper() + text[1:]


def bullets(texts: Iterable[str]) -> str:
    """A list of texts, each escaped and with a capital first letter; the same text is said once."""
    lines = [one_line(capitalised(text)) for text in dict.fromkeys(texts) if text.strip()]
    if _may_mean_markup("\n".join(lines)):
        return "\n".join([f"- {_inert(line)}" for line in lines])
    return "\n".join([f"- {line if line[:1].isalpha() else _without_block_opener(line)}" for line in lines])


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells, which are Markdown already, as the header is."""
    return "\n".join([f"| {' | '.join(row)} |" for row in (header, ["---"] * len(header), *rows)])
