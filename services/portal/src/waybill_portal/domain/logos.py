"""A brand's logo, which is printed on every slip: what it must not be, said so that one knows what to do."""

import re
from base64 import b64encode
from collections.abc import Iterator
from io import BytesIO
from typing import Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring
from PIL import Image, UnidentifiedImageError

from waybill_events import Logo

MOST_BYTES: Final = 256_000
MOST_PIXELS: Final = 4_000
"""Of each side."""
_FORMATS: Final = {"PNG": "image/png", "JPEG": "image/jpeg"}
_RUNS: Final = frozenset({"script", "foreignObject", "iframe", "embed", "object", "handler", "animate", "set"})
_EMBEDDED: Final = ("#", "data:image/png;", "data:image/jpeg;")


class BadLogo(Exception):
    """This cannot be a logo; says what to do."""


def logo(content: bytes) -> Logo:
    """A file as a logo; raises BadLogo."""
    if not content:
        raise BadLogo("The file is empty. Choose a PNG, JPEG or SVG file.")
    if len(content) > MOST_BYTES:
        raise BadLogo(
            f"The file has {len(content) / 1000:,.0f} kB, and may have {MOST_BYTES // 1000}. "
            "Save it with fewer pixels; 800 across are enough for print."
        )
    vector = content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")
    media_type = _of_vectors(content) if vector else _of_pixels(content)
    return Logo(media_type=media_type, content=b64encode(content).decode())


def _of_pixels(content: bytes) -> str:
    try:
        with Image.open(BytesIO(content), formats=list(_FORMATS)) as image:
            if max(image.size) > MOST_PIXELS:
                raise BadLogo(f"It has {image.width} × {image.height} pixels. Save it with {MOST_PIXELS} at most.")
            image.load()
            return _FORMATS[str(image.format)]
    except UnidentifiedImageError as error:
        raise BadLogo("It is no PNG, JPEG or SVG file. Save it as one of these.") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise BadLogo("The picture is damaged. Save it again, best as PNG.") from error


def _of_vectors(content: bytes) -> str:
    try:
        root: Element = fromstring(content, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise BadLogo("The SVG cannot be read, or has a DOCTYPE. Save it as plain SVG, or as PNG.") from error
    if _name(root.tag) != "svg":
        raise BadLogo("It is no PNG, JPEG or SVG file. Save it as one of these.")
    for what in _forbidden(root):
        raise BadLogo(f"The SVG holds {what}, which is not printed. Take it out, or save it as PNG.")
    return "image/svg+xml"


def _forbidden(root: Element) -> Iterator[str]:
    """What runs, and what lies elsewhere."""
    for element in root.iter():
        name = _name(element.tag)
        if name in _RUNS:
            yield f"<{name}>"
        if "@import" in (element.text or "") or _elsewhere(element.text or ""):
            yield "a style that lies elsewhere"
        for key, value in element.attrib.items():
            attribute, said = _name(key), value.strip()
            if attribute.lower().startswith("on"):
                yield f"{attribute}="
            if attribute == "href" and not said.startswith(_EMBEDDED):
                yield f"a link to {said[:40]!r}"
            if _elsewhere(said):
                yield "a style that lies elsewhere"


def _elsewhere(style: str) -> bool:
    """Whether it uses what is not in the picture itself."""
    return bool(re.search(r"""url\(\s*["']?\s*[^#"'\s]""", style))


def _name(tag: object) -> str:
    return str(tag).rpartition("}")[2]
