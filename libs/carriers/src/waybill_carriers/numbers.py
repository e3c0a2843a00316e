"""Numbers as people and scanners give them."""

import re
import unicodedata
from typing import Final

_GROUPED: Final = re.compile(r"[\s\-\u2010-\u2015\u200b-\u200d\ufeff()\[\]]")


def compact(number: str) -> str:
    """A number as it is compared: upper case, without the spaces, dashes and brackets that people group it with."""
    plain = number if number.isascii() else unicodedata.normalize("NFKC", number)
    return _GROUPED.sub("", plain).upper()
