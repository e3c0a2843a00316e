"""Labels are read back from their dots by a barcode reader, tilted and faint too; nothing overlaps or leaves the page."""

import io
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from labels_builders import ACORN, bought, sale
from PIL import ImageChops
from pypdf import PdfReader
from readback import dots, held, printed, read

from waybill_labels import documents
from waybill_labels.documents.setting import fonts
from waybill_labels.domain import LONGEST, Size, face

NUMBER = "WB0000000000000017"
LONG = "Wolfeschlegelsteinhausenbergerdorff Straßburger Allee 12345 W"[:LONGEST]
SIZES: tuple[Size, ...] = ("4x6", "a6")
SCRIPTS = (
    "Łódź Piotrkowska",
    "東京都中央区銀座",
    "Ελλάδα Ερμού",
    "شارع الملك فهد",
    "서울특별시",
    "ถนนสุขุมวิท",
    "Улица Мира",
)


def contents(**changed: Any) -> dict[str, Any]:
    order, _ = bought(sale())
    (label,) = order.labels
    assert label.sale is not None
    return {**face(order, label, ACORN), "number": NUMBER, **changed}


def label_of(contents: dict[str, Any], size: Size = "4x6") -> bytes:
    return documents.pdf([documents.label(contents, size)])


def test_fonts_stay_with_the_process_and_leave_no_file_that_could_be_swept_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    fonts.cache_clear()

    pages = PdfReader(io.BytesIO(label_of(contents(to=list(SCRIPTS))))).pages

    assert list(tmp_path.iterdir()) == []
    used = [font.get_object()["/BaseFont"] for font in pages[0]["/Resources"]["/Font"].values()]
    assert sorted(name.partition("+")[2].removesuffix("-Identity-H") for name in used) == [
        "FiraGO-Bold",
        "FiraGO-Regular",
        "NotoSansCJKtc-Regular",
    ]


def text_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


CODES = {"Code 128": NUMBER, "QR Code": "10001-01"}


@pytest.mark.parametrize("size", SIZES)
def test_a_scanner_reads_number_and_reference_and_people_the_rest(size: Size) -> None:
    pdf = label_of(contents(), size)

    assert read(dots(pdf)) == CODES
    for wanted in (
        "Ann Bee",
        "1 High St",
        "Albany 12203",
        "Acorn & Co",
        "Ground",
        NUMBER,
        "10001-01",
        "0.4 kg",
        "Parcel 1",
    ):
        assert wanted in text_of(pdf)


@pytest.mark.parametrize("size", SIZES)
def test_it_is_read_when_it_is_tilted_and_when_it_is_faint_whichever_printer_printed_it(size: Size) -> None:
    (from_zpl,) = printed(documents.zpl([documents.label(contents(), size)]), size)

    for image in (dots(label_of(contents(), size)), from_zpl):
        assert [read(seen) for seen in held(image)] == [CODES] * 4


NUMBERS = (
    "9912345678901234",
    "99",
    "1Z5R89390357567127",
    "9400111899223100001234",
    "JD014600006281230701",
    "a-b.C/9 9",
)


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("size", SIZES)
def test_numbers_of_every_kind_are_read_as_they_are(number: str, size: Size) -> None:
    assert read(dots(label_of(contents(number=number), size))) == {**CODES, "Code 128": number}


@pytest.mark.parametrize("reference", ["W" * 200, "ÀÉÎ-10001-01", "東" * 200])
@pytest.mark.parametrize("size", SIZES)
def test_the_longest_reference_is_read_and_stays_below_the_last_rule(reference: str, size: Size) -> None:
    short, long = label_of(contents(), size), label_of(contents(reference=reference), size)
    image = dots(long)
    _, top, right, bottom = ImageChops.difference(dots(short), image).getbbox() or (0, 0, 0, 0)

    assert [read(seen) for seen in held(image)] == [{**CODES, "QR Code": reference}] * 4
    assert (top > 852, right <= image.width - 20, bottom <= image.height - 20) == (True,) * 3
    assert text_of(long).replace("\u200b", "").replace("\n", "").count(reference) == 1


@pytest.mark.parametrize("size", SIZES)
def test_the_longest_address_leaves_its_place_nowhere(size: Size) -> None:
    """What stands outside of an address is the same dots whether it is short or the longest that is taken."""
    short, long = contents(to=["A"]), contents(to=[LONG] * 7)
    one, other = dots(label_of(short, size)), dots(label_of(long, size))
    changed = ImageChops.difference(one, other).getbbox()

    assert changed is not None
    left, top, right, bottom = changed
    assert (left >= 20, top >= 170, right <= one.width - 20, bottom <= 518) == (True,) * 4
    assert read(other) == CODES
    for line in range(7):
        # Each of its lines is there: as many rows of ink as lines, with white between.
        assert text_of(label_of(long, size)).count(LONG[:20]) > line


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("name", "short", "box"),
    [
        ("from", ["A"], (24, 24, -284, 124)),
        ("service", "A", (-274, 24, -24, 72)),
        ("carrier", "A", (-274, 72, -24, 100)),
    ],
)
@pytest.mark.parametrize("long", [LONG, "W" * LONGEST])
def test_the_longest_sender_service_and_carrier_stay_in_their_boxes(
    name: str, short: Any, box: tuple[int, int, int, int], long: str, size: Size
) -> None:
    longest = [long] * 7 if name == "from" else long
    others = {each: "" for each in ("service", "carrier") if each != name}
    one, other = [dots(label_of(contents(**others, **{name: each}), size)) for each in (short, longest)]
    found = ImageChops.difference(one, other).getbbox()
    assert found is not None
    left, top, right, bottom = box

    # Two dots are left at the foot: nothing is cut off.
    assert found[0] >= left % one.width - 1
    assert found[1] >= top - 1
    assert found[2] <= right % one.width + 1
    assert found[3] <= bottom - 2
    assert text_of(label_of(contents(**{name: longest}), size)).replace("\n", "").count(long[:16]) >= (
        7 if name == "from" else 1
    )
    assert read(other) == CODES


def test_nothing_is_printed_at_the_edge() -> None:
    image = dots(label_of(contents(to=[LONG] * 7, **{"from": [LONG] * 5})))
    inner = image.crop((12, 12, image.width - 12, image.height - 12))
    rules = {136, 520, 850}

    frame = image.copy()
    frame.paste(255, (12, 12, image.width - 12, image.height - 12))
    ink = [
        (x, y)
        for y in range(frame.height)
        for x in (0, 5, frame.width - 6, frame.width - 1)
        if frame.getpixel((x, y)) < 128
    ]

    assert inner.getbbox() is not None
    assert all(any(abs(y - rule) <= 2 for rule in rules) for _, y in ink)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_name_in_any_script_is_printed_with_letters_that_are_there(name: str) -> None:
    """A letter that no font has would be a box or nothing; each of these leaves ink of its own."""
    pdf, without = label_of(contents(to=[name])), label_of(contents(to=["\U0010fffd" * len(name)]))

    assert read(dots(pdf)) == CODES
    assert dots(pdf).tobytes() != dots(without).tobytes()
    fonts = {
        str(font["/BaseFont"])
        for page in PdfReader(io.BytesIO(pdf)).pages
        for font in (each.get_object() for each in page["/Resources"]["/Font"].values())
    }
    assert all("FiraGO" in font or "NotoSansCJK" in font for font in fonts), fonts


def test_arabic_is_shaped_and_runs_from_right_to_left() -> None:
    """Letters that join take less room than the same ones apart."""

    def width(text: str) -> int:
        image = dots(label_of(contents(to=[text]))).crop((0, 176, 812, 506))
        left, _, right, _ = ImageChops.invert(image).getbbox() or (0, 0, 0, 0)
        return right - left

    assert width("محمد") < width("م\u200cح\u200cم\u200cد")


def test_the_same_label_is_the_same_bytes() -> None:
    assert label_of(contents()) == label_of(contents())


def test_no_text_of_a_customer_is_taken_for_code() -> None:
    nasty = '#panic("x") *bold* $x^2$ \\ " ] <a> // @ref'

    assert "#panic(" in text_of(label_of(contents(to=[nasty])))


@pytest.mark.parametrize("size", SIZES)
def test_a_printer_prints_each_label_dot_by_dot_and_it_is_read(size: Size) -> None:
    faces = [contents(to=["Łódź", "東京", "العربية"]), contents(number="9912345678901234")]
    labels = [documents.label(face, size) for face in faces]
    first, second = printed(documents.zpl(labels), size)
    ours = dots(documents.pdf(labels)).resize(first.size).point([0] * 128 + [255] * 128)

    assert (read(first), read(second)) == (CODES, {**CODES, "Code 128": "9912345678901234"})
    assert ImageChops.difference(first.point([0] * 128 + [255] * 128), ours).getbbox() is None


def test_an_address_of_a_brand_without_a_name_begins_with_the_brands() -> None:
    assert contents()["from"][0] == "Acorn & Co"
    assert contents()["to"] == ["Ann Bee", "1 High St", "Albany 12203", "UNITED STATES"]


def grown(forgets: bool) -> int:  # a parameter of the test
    """The most memory that setting twenty documents takes beyond that of the first one, in kB."""
    program = f"""
import sys
sys.path[:0] = {[str(Path(__file__).parent)]!r}
from test_documents import contents, documents

def held() -> int:
    (line,) = (line for line in open("/proc/self/status", encoding="utf-8") if line.startswith("VmHWM"))
    return int(line.split()[1])

def a_document(nth: int) -> None:
    documents.pdf([documents.label(contents(number=f"WB{{nth:08d}}{{page:08d}}")) for page in range(10)])
    if {forgets}:
        documents.forget()

a_document(0)
first = held()
for nth in range(1, 20):
    a_document(nth)
print(held() - first)
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return int(ran.stdout)


def test_documents_that_are_forgotten_take_the_memory_of_one() -> None:
    assert grown(forgets=True) < grown(forgets=False) / 3
