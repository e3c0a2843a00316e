"""Labels that carriers gave, in another format than they gave them; what they gave is never changed."""

import time
from io import BytesIO
from typing import Any, Final

import pypdfium2
from PIL import Image

from waybill_labels.documents.labels import bitmap
from waybill_labels.documents.setting import DPI
from waybill_labels.domain import File

_NEVER: Final = time.gmtime(0)
"""When it was made, for the same bytes each time."""
PDF: Final = "application/pdf"
ZPL: Final = "application/zpl"
PNG: Final = "image/png"


def converted(file: File, media_type: str) -> bytes | None:
    """A label as PDF or ZPL; None where it cannot be read, or is ZPL: nobody here draws what is for a printer."""
    if file.media_type == media_type:
        return file.content
    try:
        return _drawn(file, media_type)
    except (pypdfium2.PdfiumError, OSError, SyntaxError, ValueError):
        return None


def _drawn(file: File, media_type: str) -> bytes | None:
    match file.media_type, media_type:
        case ("application/pdf", "application/zpl"):
            return b"".join(bitmap(image) for image in _rendered(file.content))
        case ("image/png", "application/zpl"):
            return bitmap(Image.open(BytesIO(file.content)))
        case ("image/png", "application/pdf"):
            written = BytesIO()
            Image.open(BytesIO(file.content)).convert("L").save(
                written, "PDF", resolution=DPI, creationDate=_NEVER, modDate=_NEVER
            )
            return written.getvalue()
        case _:
            return None


def _rendered(pdf: bytes) -> list[Image.Image]:
    document: Any = pypdfium2.PdfDocument(pdf)
    try:
        return [page.render(scale=DPI / 72).to_pil() for page in document]
    finally:
        document.close()
