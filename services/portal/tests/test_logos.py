"""A brand's logo: pictures are taken, and what is none, is too large, or would run is refused with what to do."""

import re
from io import BytesIO

import pytest
from PIL import Image

from waybill_portal.domain.logos import MOST_BYTES, BadLogo, logo


def picture(kind: str, size: tuple[int, int] = (40, 20)) -> bytes:
    written = BytesIO()
    Image.new("RGB", size, "green").save(written, kind)
    return written.getvalue()


def svg(inside: str = "", head: str = "") -> bytes:
    return f'{head}<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">{inside}</svg>'.encode()


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (picture("PNG"), "image/png"),
        (picture("JPEG"), "image/jpeg"),
        (svg('<rect width="2" height="2" fill="url(#a)"/><use href="#a"/>'), "image/svg+xml"),
        (b"\xef\xbb\xbf" + svg(), "image/svg+xml"),
    ],
)
def test_pictures_are_taken_for_what_they_are(content: bytes, media_type: str) -> None:
    assert logo(content).media_type == media_type


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"\x00" * (MOST_BYTES + 1), "kB, and may have 256"),
        (b"\x00" * 5_000_000, "5,000 kB"),
        (b"GIF89a....", "no PNG, JPEG or SVG"),
        (picture("GIF"), "no PNG, JPEG or SVG"),
        (picture("PNG")[:50], "damaged"),
        (picture("PNG", (4_001, 1)), "4001 × 1 pixels"),
        (svg("<script>alert(1)</script>"), "holds <script>"),
        (svg('<rect onclick="x()"/>'), "holds onclick="),
        (svg('<a href="javascript:x()"/>'), "a link to 'javascript:x()'"),
        (svg('<image xlink:href="https://elsewhere.example/x.png"/>'), "a link to 'https://elsewhere.example"),
        (svg('<rect fill="url(https://elsewhere.example/x)"/>'), "a style that lies elsewhere"),
        (svg("<style>@import 'https://elsewhere.example'</style>"), "a style that lies elsewhere"),
        (svg("<style>a { fill: url( 'https://elsewhere.example') }</style>"), "a style that lies elsewhere"),
        (svg('<rect style="fill:url(#a);mask:url(//elsewhere.example)"/>'), "a style that lies elsewhere"),
        (svg("<foreignObject/>"), "holds <foreignObject>"),
        (svg(head='<!DOCTYPE svg [<!ENTITY a "b">]>'), "DOCTYPE"),
        (svg()[:-3], "cannot be read"),
        (b"<html/>", "no PNG, JPEG or SVG"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_logo_is_refused_with_what_to_do(content: bytes, says: str) -> None:
    with pytest.raises(BadLogo, match=re.escape(says)):
        logo(content)
