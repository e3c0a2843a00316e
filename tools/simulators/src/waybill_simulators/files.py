"""Labels as a carrier gives them: plain ones, with nothing but their number, in the formats that carriers have."""

import time
from base64 import b64encode
from io import BytesIO
from typing import Any

import zxingcpp
from PIL import Image, ImageDraw

_NEVER = time.gmtime(0)
_zxing: Any = zxingcpp
"""Its stubs know neither its options nor that its images are buffers."""


def drawn(number: str, format_: str) -> dict[str, str] | None:
    """A label with a number as `pdf`, `png` or `zpl`, its content in base64; None where no format is said."""
    match format_:
        case "zpl":
            content, media_type = _zpl(number), "application/zpl"
        case "pdf" | "png":
            written = BytesIO()
            # Dated, so that the same label is the same bytes each time.
            _picture(number).save(written, format_.upper(), resolution=203, creationDate=_NEVER, modDate=_NEVER)
            content, media_type = written.getvalue(), "application/pdf" if format_ == "pdf" else "image/png"
        case _:
            return None
    return {"media_type": media_type, "content": b64encode(content).decode()}


def _zpl(number: str) -> bytes:
    return f"^XA^PW812^LL1218^FO100,300^BY3^BCN,300,Y,N,N^FD{number}^FS^XZ".encode()


def _picture(number: str) -> Image.Image:
    label = Image.new("L", (812, 1218), 255)
    code = _zxing.create_barcode(number, zxingcpp.BarcodeFormat.Code128)
    modules: Any = memoryview(code.to_image(scale=1, add_hrt=False, add_quiet_zones=False))
    bars = Image.new("L", (modules.shape[1], 1))
    bars.putdata([modules[0, column] for column in range(modules.shape[1])])
    wide = bars.resize((bars.width * 3, 300), Image.Resampling.NEAREST)
    label.paste(wide, ((label.width - wide.width) // 2, 300))
    ImageDraw.Draw(label).text((300, 640), number, fill=0)
    return label
