"""What a printer and a scanner make of a document; neither is ours."""

import io
import json
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import pypdfium2
import zxingcpp
from PIL import Image, ImageEnhance

from waybill_labels.domain import Size


def dots(pdf: bytes, page: int = 0, dpi: int = 203) -> Image.Image:
    """A page as the printer's dots."""
    document = pypdfium2.PdfDocument(pdf)
    image: Image.Image = document[page].render(scale=dpi / 72).to_pil().convert("L")
    document.close()
    return image


def printed(zpl: bytes, size: Size) -> list[Image.Image]:
    """What a printer makes of it."""
    width, height = {"4x6": ("101.5", "152.25"), "a6": ("104.875", "147.75")}[size]
    script = Path(__file__).with_name("zpl") / "render.cjs"
    node = Path(sys.executable).with_name("node")
    ran = subprocess.run([node, script, width, height], input=zpl, capture_output=True, timeout=60, check=True)
    return [Image.open(io.BytesIO(b64decode(each))).convert("L") for each in json.loads(ran.stdout)]


def read(image: Image.Image) -> dict[str, str]:
    """What a scanner makes of it, by kind of code."""
    return {str(found.format): found.text for found in zxingcpp.read_barcodes(image)}


def held(image: Image.Image) -> Iterator[Image.Image]:
    """A document as it may come before a scanner: straight, tilted by one degree either way, and at half contrast."""
    yield image
    for by in (1, -1):
        yield image.rotate(by, fillcolor=255, expand=True, resample=Image.Resampling.BICUBIC)
    yield ImageEnhance.Contrast(image).enhance(0.5)
