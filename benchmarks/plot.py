"""Horizontal bars on a logarithmic scale, as plain SVG.

Knows shapes. Must not know what the bars stand for.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Sequence

_ROW, _LEFT, _LONGEST, _RIGHT, _TOP = 26, 260, 460, 80, 44


def log_bars(title: str, values: Sequence[tuple[str, float]]) -> bytes:
    """An SVG with one bar for each name and positive value; ten times as much is the same length further."""
    width, height = _LEFT + _LONGEST + _RIGHT, _TOP + _ROW * len(values)
    shape = {"xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {width} {height}", "font-family": "sans-serif"}
    svg = ET.Element("svg", {**shape, "font-size": "13"})
    ET.SubElement(svg, "rect", {"width": "100%", "height": "100%", "fill": "#ffffff"})
    _text(svg, title, 12, 24, "start")
    low = min((value for _, value in values), default=1) / 2
    span = math.log10(max((value for _, value in values), default=1) / low)
    for number, (name, value) in enumerate(values):
        y = _TOP + _ROW * number
        length = round(_LONGEST * math.log10(value / low) / span, 1)
        bar = {"x": str(_LEFT), "y": str(y), "width": str(length), "height": "18", "fill": "#0b4f8a"}
        ET.SubElement(svg, "rect", bar)
        _text(svg, name, _LEFT - 8, y + 14, "end")
        _text(svg, f"{value:.3g}", _LEFT + length + 6, y + 14, "start")
    ET.indent(svg)
    drawn: bytes = ET.tostring(svg, encoding="utf-8", xml_declaration=True)
    return drawn + b"\n"


def _text(svg: ET.Element, words: str, x: float, y: float, anchor: str) -> None:
    place = {"x": str(x), "y": str(y), "text-anchor": anchor, "fill": "#1b1f24"}
    ET.SubElement(svg, "text", place).text = words
