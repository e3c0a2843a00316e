"""Labels of our own layout, as PDF of 4 × 6 inches or A6, and as ZPL for printers with 203 dots an inch.

Source: ZPL II programming guide (`^GF`, `^PW`, `^LL`). A bitmap prints every script alike, whatever fonts are there.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pypdfium2
from PIL import Image

from waybill_labels.documents.setting import DPI, Page, code_128, pdf, qr_code
from waybill_labels.documents.slips import breakable
from waybill_labels.domain import Size

_DOTS: Final[dict[Size, tuple[int, int]]] = {"4x6": (812, 1218), "a6": (839, 1182)}
"""Width and height."""
_MODULE: Final = 3
"""Dots of the thinnest bar: 0.38 mm, which every scanner reads."""
_QR_MODULE: Final = 7
_ABOVE: Final = 874
"""Dots above the code of the reference, which may be as high as what is below them, but for a margin."""
_MARGIN: Final = 24
_BLACK: Final = 128


def label(face: Mapping[str, Any], size: Size = "4x6", copy: int = 1) -> Page:
    """A label's page; `copy` counts how often it was printed."""
    width, height = _DOTS[size]
    code = qr_code(face["reference"], _QR_MODULE)
    room = height - _ABOVE - _MARGIN
    return {
        **face,
        "kind": "label",
        "again": "" if copy == 1 else f"PRINTED AGAIN ({copy})",
        "width": width,
        "height": height,
        "bars": code_128(face["number"], _MODULE),
        "from": [breakable(each) for each in face["from"]],
        "service": breakable(face["service"]),
        "carrier": breakable(face["carrier"]),
        "name": breakable(face["reference"]),
        "code": {**code, "module": min(_QR_MODULE, room // code["modules"])},
    }


def zpl(labels: Sequence[Page]) -> bytes:
    """The same for a printer: each page as a bitmap."""
    document: Any = pypdfium2.PdfDocument(pdf(labels))
    try:
        return b"".join(
            bitmap(page.render(scale=DPI / 72).to_pil().convert("L").resize((each["width"], each["height"])))
            for page, each in zip(document, labels, strict=True)
        )
    finally:
        document.close()


def bitmap(rendered: Image.Image) -> bytes:
    """One label of a picture with 203 dots an inch, dot by dot."""
    width, height = rendered.size
    black = [255 if level < _BLACK else 0 for level in range(256)]
    bits = rendered.convert("L").point(black).convert("1")
    # A set bit is black; rows are filled up to whole bytes.
    rows, of_row = bits.tobytes(), (width + 7) // 8
    head = f"^XA^PW{width}^LL{height}^LH0,0^FO0,0^GFA,{len(rows)},{len(rows)},{of_row},".encode()
    return head + rows.hex().upper().encode() + b"^FS^XZ\n"
