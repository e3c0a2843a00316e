"""Labels of our own layout, as PDF of 4 × 6 inches or A6, and as ZPL for printers with 203 dots an inch.

Source: ZPL II programming guide (`^GF`, `^PW`, `^LL`). A bitmap prints every script alike, whatever fonts are there.
"""

from collections.abc import Sequence
from typing import Any, Final, Literal

import pypdfium2
from PIL import Image

from waybill_labels.documents.setting import DPI, code_128, page, qr_code

Size = Literal["4x6", "a6"]
_DOTS: Final[dict[Size, tuple[int, int]]] = {"4x6": (812, 1218), "a6": (839, 1182)}
"""Width and height."""
_MODULE: Final = 3
"""Dots of the thinnest bar: 0.38 mm, which every scanner reads."""
_QR_MODULE: Final = 7
_BLACK: Final = 128


def labels_pdf(contents: Sequence[dict[str, Any]], size: Size = "4x6") -> bytes:
    """Labels, a page each."""
    width, height = _DOTS[size]
    data = {
        "title": ", ".join(each["reference"] for each in contents[:3]),
        "width": width,
        "height": height,
        "labels": [_with_codes(each) for each in contents],
    }
    return page("label.typ", data)


def labels_zpl(contents: Sequence[dict[str, Any]], size: Size = "4x6") -> bytes:
    """The same for a printer: each page as a bitmap."""
    document: Any = pypdfium2.PdfDocument(labels_pdf(contents, size))
    try:
        return b"".join(_zpl(document[at].render(scale=DPI / 72).to_pil(), size) for at in range(len(document)))
    finally:
        document.close()


def _with_codes(contents: dict[str, Any]) -> dict[str, Any]:
    return {
        **contents,
        "bars": code_128(contents["number"], _MODULE),
        "code": qr_code(contents["reference"], _QR_MODULE),
    }


def _zpl(rendered: Image.Image, size: Size) -> bytes:
    width, height = _DOTS[size]
    black = [255 if level < _BLACK else 0 for level in range(256)]
    bits = rendered.convert("L").resize((width, height)).point(black).convert("1")
    # A set bit is black; rows are filled up to whole bytes.
    rows, of_row = bits.tobytes(), (width + 7) // 8
    head = f"^XA^PW{width}^LL{height}^LH0,0^FO0,0^GFA,{len(rows)},{len(rows)},{of_row},".encode()
    return head + rows.hex().upper().encode() + b"^FS^XZ\n"
