"""Sets documents: Typst with data apart from the page's code, fonts that are packages, bars that are modules.

A page is a dictionary: its `kind` is one of those in `pages.typ`, all else is what that shows.
"""

import json
import re
import tempfile
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from hashlib import sha256
from io import BytesIO
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import cvttf_NotoSansCJK_Regular  # pyright: ignore[reportMissingTypeStubs]
import pymupdf_fonts  # pyright: ignore[reportMissingTypeStubs]
import pypdfium2
import typst
import zxingcpp

from waybill_chassis import logging

DPI: Final = 203
"""Dots an inch of a label printer; 8 a millimeter."""
_FONTS: Final = ("figo", "figbo")
"""FiraGO, regular and bold."""
_TEMPLATES: Final = Path(__file__).parent
_CREATED: Final = re.compile(rb"/CreationDate\((D:\d{14}[+-]\d\d'\d\d')\)")
_NEVER: Final = b"D:19700101000000+00'00'"
_IDENTIFIER: Final = re.compile(rb"/ID\[<([0-9A-F]{32})><([0-9A-F]{32})>\]>>\s+startxref\s+\d+\s+%%EOF\s*\Z")
_KEEPS: Final = 10
"""Documents after which Typst forgets what none of them has used (typst-py, `comemo::evict` after each)."""
_TRAILER: Final = 256
"""Bytes at the end of a PDF in which its identifier stands."""
_zxing: Any = zxingcpp
"""Its stubs know neither its options nor that its images are buffers."""
_log = logging.get(__name__)
Page = Mapping[str, Any]


def pdf(pages: Sequence[Page]) -> bytes:
    """Documents one after the other, as one; the same data gives the same bytes."""
    title = ", ".join(list(dict.fromkeys(str(each["reference"]) for each in pages))[:3])
    # A logo stands on many pages and is given once, as numbers: bytes are not known to JSON.
    logos = {
        logo: str(nth) for nth, logo in enumerate(dict.fromkeys(each["logo"] for each in pages if each.get("logo")))
    }
    data: dict[str, Any] = {
        "title": title,
        "logos": {name: list(b64decode(logo)) for logo, name in logos.items()},
        "pages": [{**each, "id": str(nth), "logo": logos.get(each.get("logo"), "")} for nth, each in enumerate(pages)],
    }
    try:
        return _compiled(data)
    except typst.TypstError:
        if not logos:
            raise
        # A picture that cannot be shown costs nobody a parcel.
        _log.exception("document.logo_not_shown")
        return pdf([{**each, "logo": None} for each in pages])


def joined(parts: Sequence[bytes]) -> tuple[bytes, int]:
    """Several PDFs as one, and how many pages that has; the same ones give the same bytes."""
    whole: Any = pypdfium2.PdfDocument.new()
    try:
        for part in parts:
            document: Any = pypdfium2.PdfDocument(part)
            whole.import_pages(document)
            document.close()
        written = BytesIO()
        whole.save(written)
        with written.getbuffer() as content:
            _settle(content)
        return written.getvalue(), len(whole)
    finally:
        whole.close()


def _settle(pdf: memoryview) -> None:
    """Replace what PDFium writes anew each time by as many bytes: when it was made, and its random identifier.

    Information comes before pages, the identifier after them, in the trailer (ISO 32000-1, 14.3.3 and 14.4).
    """
    if created := _CREATED.search(pdf):
        pdf[slice(*created.span(1))] = _NEVER
    if identifier := _IDENTIFIER.search(pdf, max(len(pdf) - _TRAILER, 0)):
        digest = sha256(pdf[: identifier.start()]).hexdigest()[:32].upper().encode()
        for group in (1, 2):
            pdf[slice(*identifier.span(group))] = digest


def _compiled(data: Mapping[str, Any]) -> bytes:
    return typst.compile(
        str(_TEMPLATES / "pages.typ"),
        root=str(_TEMPLATES),
        sys_inputs={"data": json.dumps(data)},
        font_paths=fonts(),
        timestamp=0,
    )


def forget() -> None:
    """Free what Typst keeps to set the same again: of each of its last documents, until so many others were set.

    Some 10 MB of a document of twenty pages; whoever sets hundreds of pages, and none of them twice, needs none of it.
    """
    for _ in range(_KEEPS):
        typst.compile(b"", font_paths=fonts())


@cache
def fonts() -> typst.Fonts:
    """All fonts, read once for each process; those that come as code are files only while Typst reads them."""
    cjk = str(Path(str(cvttf_NotoSansCJK_Regular.__file__)).parent)
    with tempfile.TemporaryDirectory(prefix="waybill-fonts-") as folder:
        for name in _FONTS:
            (Path(folder) / f"{name}.ttf").write_bytes(pymupdf_fonts.fontbuffers[name]())
        found = typst.Fonts(font_paths=[folder, cjk], include_system_fonts=False)
        # It reads a font when a page first needs it, and keeps it.
        typst.compile(b'#set text(font: "FiraGO")\nA *A*', font_paths=found)
    return found


def code_128(text: str, module: float) -> dict[str, Any]:
    """The bars of a text in Code 128 (ISO/IEC 15417); `module` is the width of the thinnest one, as the page counts."""
    modules = _modules(text, zxingcpp.BarcodeFormat.Code128)[0]
    return {"module": module, "modules": len(modules), "runs": list(_runs(modules))}


def qr_code(text: str, module: float) -> dict[str, Any]:
    """The rows of a QR code (ISO/IEC 18004), with error correction M, without the quiet zone around it."""
    # Without its character set (ECI), a scanner guesses, and takes ÀÉ for Japanese.
    charset = {} if text.isascii() else {"eci": "UTF-8"}
    rows = _modules(text, zxingcpp.BarcodeFormat.QRCode, ec_level="M", **charset)
    return {"module": module, "modules": len(rows), "rows": [list(_runs(row)) for row in rows]}


def _modules(text: str, kind: zxingcpp.BarcodeFormat, **more: str) -> list[list[bool]]:
    """The modules of a code, row by row; true is black."""
    code = _zxing.create_barcode(text, kind, **more)
    image: Any = memoryview(code.to_image(scale=1, add_hrt=False, add_quiet_zones=False))
    rows, columns = image.shape
    return [[image[row, column] == 0 for column in range(columns)] for row in range(rows)]


def _runs(modules: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """Where each run of black ones begins, and how long it is."""
    at = 0
    for black, run in groupby(modules):
        length = len(list(run))
        if black:
            yield at, length
        at += length
