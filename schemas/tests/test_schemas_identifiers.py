"""NHS numbers are found however they are written, and nothing else is taken for one."""

import json
import uuid

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pcare_schemas.examples import VALID
from pcare_schemas.identifiers import decode
from pcare_schemas.nhs_number import find, holds_one, is_valid, mask, redact

NUMBERS = ["9434765919", "9990000018", "9000000009", "9876543210", "9912003888", "9730676240", "4857773457"]


def numbers():
    """Every valid NHS number, in a test range or not."""
    return (
        st.integers(0, 999_999_999)
        .map(
            lambda nine: [
                nine,
                -sum(int(digit) * weight for digit, weight in zip(f"{nine:09}", range(10, 1, -1), strict=True)) % 11,
            ]
        )
        .filter(lambda parts: parts[1] < 10)
        .map(lambda parts: f"{parts[0]:09}{parts[1]}")
    )


@pytest.mark.parametrize("number", NUMBERS)
def test_test_numbers_of_the_nhs_are_valid(number):
    assert is_valid(number)
    for digit in "0123456789":
        assert is_valid(number[:9] + digit) == (digit == number[9])


@pytest.mark.parametrize(
    "text",
    [
        "9111111124",
        "9222222228",
        "",
        "943476591",
        "94347659190",
        "943 476 5919",
        "943476591x",
        "٩٤٣٤٧٦٥٩١٩",
        "²434765919",
    ],
)
def test_others_are_not(text):
    assert not is_valid(text)


def test_a_number_that_would_need_a_check_digit_of_ten_is_never_valid():
    assert not any(is_valid(f"999000000{digit}") for digit in "0123456789" if digit != "0") or is_valid("9990000000")
    without = [
        nine for nine in range(999_000_000, 999_000_100) if not any(is_valid(f"{nine}{digit}") for digit in range(10))
    ]
    assert len(without) in range(5, 15)  # one in eleven


def escaped(number, form):
    return "".join(form.format(ord(digit), digit=digit) for digit in number)


WRITTEN = {
    "as it is": lambda n: n,
    "spaces": lambda n: f"{n[:3]} {n[3:6]} {n[6:]}",
    "dashes": lambda n: f"{n[:3]}-{n[3:6]}-{n[6:]}",
    "dots": lambda n: f"{n[:3]}.{n[3:6]}.{n[6:]}",
    "underscores": lambda n: f"{n[:3]}_{n[3:6]}_{n[6:]}",
    "spaced dashes": lambda n: f"{n[:3]} - {n[3:6]} - {n[6:]}",
    "one separator": lambda n: f"{n[:3]}-{n[3:]}",
    "other spaces": lambda n: f"{n[:3]}\u00a0{n[3:6]}\u2009{n[6:]}",
    "other dashes": lambda n: f"{n[:3]}\u2011{n[3:6]}\u2013{n[6:]}",
    "lines": lambda n: f"{n[:3]}\n{n[3:6]}\t{n[6:]}",
    "five and five": lambda n: f"{n[:5]} {n[5:]}",
    "one by one": " ".join,
    "one by one over two lines": lambda n: f"{' '.join(n[:3])}\r\n {' '.join(n[3:])}",
    "accents for spaces": lambda n: f"{n[:3]}\u00a8{n[3:6]}\u00af{n[6:]}",
    "before letters": lambda n: f"{n}abc",
    "after letters": lambda n: f"nhs{n}",
    "in letters": lambda n: f"id_{n}x",
    "after a short hexadecimal": lambda n: f"beef{n}",
    "as a number": lambda n: f"{n}.0",
    "as a negative number": lambda n: f"-{n}",
    "escaped": lambda n: escaped(n, "\\u{0:04x}"),
    "escaped in part": lambda n: escaped(n[:1], "\\u{0:04X}") + n[1:],
    "escaped twice": lambda n: escaped(n, "\\\\u{0:04x}"),
    "an escape escaped": lambda n: escaped(n, "\\u005cu{0:04x}"),
    "in per cent": lambda n: escaped(n, "%{0:02x}"),
    "in entities": lambda n: escaped(n, "&#{0};"),
    "in hexadecimal entities": lambda n: escaped(n, "&#x{0:x};"),
    "Arabic digits": lambda n: "".join(chr(0x0660 + int(digit)) for digit in n),
    "wide digits": lambda n: "".join(chr(0xFF10 + int(digit)) for digit in n),
    "wide digits escaped": lambda n: "".join(f"\\uff1{digit}" for digit in n),
    "bold digits": lambda n: "".join(chr(0x1D7CE + int(digit)) for digit in n),
    "bold digits escaped": lambda n: "".join(f"\\ud835\\u{0xDFCE + int(digit):04x}" for digit in n),
    "raised digits": lambda n: "".join("⁰¹²³⁴⁵⁶⁷⁸⁹"[int(digit)] for digit in n),
    "no-width characters between": "\u200b".join,
    "soft hyphens between": "\u00ad".join,
    "NULs between": "\0".join,
}


@pytest.mark.parametrize("form", WRITTEN)
@given(number=numbers())
@example(number="9434765919")
def test_a_number_is_found_however_it_is_written(form, number):
    for around in ("{}", '{{"a":"{}"}}', "not json {} at all", "text 12 {} 7 text", "\ud83d {}"):
        data = around.format(WRITTEN[form](number)).encode("utf-8", "surrogatepass")
        assert holds_one(data)
        assert number in find(decode(data)), data
        masked = redact(data)
        assert masked is None or not holds_one(masked)


@pytest.mark.parametrize("form", sorted(WRITTEN.keys() - {"escaped twice", "an escape escaped"}))
def test_what_is_found_can_be_masked(form):
    data = f'{{"a":"{WRITTEN[form]("9434765919")}","b":"871731000000106"}}'.encode()
    masked = redact(data)
    assert masked is not None
    assert masked.count(b"*") == 10
    assert masked.endswith(b'","b":"871731000000106"}')


def test_what_cannot_be_masked_for_certain_is_withheld():
    assert redact(WRITTEN["an escape escaped"]("9434765919").encode()) is None


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "utf-8-sig"])
@pytest.mark.parametrize("form", ["as it is", "escaped", "in per cent", "in entities", "in hexadecimal entities"])
def test_the_encoding_hides_nothing(encoding, form):
    data = f'{{"name":"{WRITTEN[form]("9434765919")}"}}'.encode(encoding)
    assert find(decode(data)) == ("9434765919",)
    assert holds_one(data)
    masked = redact(data)
    assert masked is None or not holds_one(masked)


@pytest.mark.parametrize(
    "digit",
    [
        "&#5\\u0037;",
        "&\\u002357;",
        "&#x3\\u0039;",
        "&#x\\u00339;",
        "%3\\u0039",
        "\\u00253\\u0039",
        "%26%2357;",
        "&#37;39",
    ],
)
def test_an_escape_inside_of_another_hides_nothing(digit):
    for number in ("9434765919", "9990000018"):
        data = f'{{"a":"{number.replace("9", digit)}"}}'.encode()
        assert find(decode(data)) == (number,)
        masked = redact(data)
        assert masked is None or not holds_one(masked)


def test_escaped_digits_hide_no_number_that_stands_plainly_beside_them():
    for form in ("in entities", "in hexadecimal entities", "wide digits", "Arabic digits"):
        data = (WRITTEN[form]("9990000018") + "943-476-5919").encode()
        assert "9434765919" in find(decode(data))
        assert redact(data) is None


DISGUISES = ("escaped", "in per cent", "in entities", "wide digits")


@pytest.mark.parametrize("beside", [*DISGUISES, "wide digits escaped", "bold digits escaped"])
@pytest.mark.parametrize("form", DISGUISES)
def test_digits_in_another_disguise_hide_no_number_beside_them(form, beside):
    """Undone together they are one run of twenty digits; one program undoes the one, another the other."""
    first, second = WRITTEN[form]("9434765919"), WRITTEN[beside]("1234567890")
    found = find(first + second)
    assert ("9434765919" in found) == (form != beside)
    assert holds_one((first + second).encode()) == (form != beside)
    assert form == beside or redact((first + second).encode()) is None


@pytest.mark.parametrize(
    "text",
    [
        "".join(chr(0x1D7CE + int(digit)) for digit in "9990000018") + "943\u200b476\u00ad5919",
        WRITTEN["bold digits escaped"]("9990000018") + "943\\u200b476\\u00ad5919",
        "\\ud835\\udfd8" + WRITTEN["in per cent"]("9434765919"),
    ],
)
def test_digits_of_another_script_hide_no_number_that_is_disguised_beside_them(text):
    assert "9434765919" in find(text)
    assert redact(text.encode()) is None


def test_bytes_that_are_no_text_hide_nothing():
    assert find(decode(b"\xff\xfe\x80 9434765919 \xc3")) == ("9434765919",)
    assert redact(b"\xff\xfe\x80 9434765919 \xc3") == b"\xff\xfe\x80 ********** \xc3"


@given(st.uuids(version=4), numbers())
def test_a_uuid_is_no_number_nor_is_what_stands_beside_it(token, number):
    assert not find(str(token))
    assert not find(token.hex)
    assert not find(f"urn:uuid:{token}")
    assert not find(json.dumps({"id": str(token), "subject": f"person:{token}"}))
    assert find(f"{token} {number}") == (number,)
    assert find(f"{number}/{token}") == (number,)


def test_a_uuid_made_of_digits_is_no_number():
    for number in NUMBERS:
        for token in (f"12345678-1234-4123-8123-a{number}b", f"12345678-1234-4123-8{number[:3]}-{number[3:]}abcde"):
            assert uuid.UUID(token)
            assert not find(token)
            assert not find(f"person:{token}.")
        assert find(f"a{number}b") == (number,)


@given(st.text("0123456789abcdef", min_size=16, max_size=64))
def test_a_hexadecimal_token_is_no_number(token):
    assert not find(token)
    assert not find(f"person:k1:{token}")
    assert not find(f"00-{token}-{token}-01")


def test_a_hexadecimal_token_has_sixteen_digits_or_more():
    assert not find("abc9434765919def")
    assert find("abc9434765919de") == find("abc9434765919dx") == ("9434765919",)


@given(st.integers(0, 10**7), st.integers(0, 9))
def test_a_run_of_more_or_fewer_digits_is_no_number(extra, digit):
    assert not find(f"{digit}9434765919")
    assert not find(f"9434765919{digit}")
    assert not find(f"87173100{extra:07}")


@pytest.mark.parametrize(
    "text",
    [
        "871731000000106",
        "1187911000000105",
        "999007691000230101",
        "person:k1:00000000009434765919000000000000",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "2024-04-12T09:15:00.123456789+01:00",
        "2024-04-12 09:15:00 2024-04-12",
        "[1, 2, 3, 4, 5, 6, 7, 8, 9, 0]",
        "[1,2,3,4,5,6,7,8,9,0]",
        "07700 900123 and 020 7946 0000",
        "interventions.submitted/11/1234567",
        "",
    ],
)
def test_what_else_has_digits_is_no_number(text):
    assert not find(text)
    assert not holds_one(text.encode())


@pytest.mark.parametrize("kind", VALID)
def test_an_ordinary_event_holds_none(kind):
    assert not holds_one(json.dumps(VALID[kind]).encode())


@given(st.binary(max_size=300))
def test_any_bytes_are_searched_and_masked(data):
    masked = redact(data)
    assert masked is None or not holds_one(masked)
    if not holds_one(data) and b"nhs-number" not in data.lower():
        assert masked == data


@given(st.text(max_size=100), numbers(), st.text(max_size=100), st.sampled_from(sorted(WRITTEN)))
def test_text_is_masked_whatever_stands_around(before, number, after, form):
    masked = mask(before + WRITTEN[form](number) + after)
    assert not find(masked)


def test_text_without_a_number_is_left_alone():
    assert mask("recorded 7 events of 871731000000106") == "recorded 7 events of 871731000000106"
    assert mask("id 943 476 5919 refused") == "id *** *** **** refused"
    assert "withheld" in mask(WRITTEN["an escape escaped"]("9434765919"))


@pytest.mark.parametrize(
    "claimed",
    ["nhs-number:9434765918", "NHS-number: 943 476 5918", "nhs-number:94347x5918", "nhs-number\\u003a9434765918"],
)
def test_what_claims_to_be_a_number_is_masked_right_or_wrong(claimed):
    masked = redact(f'{{"subject":"{claimed}","time":"2024"}}'.encode())
    assert not any(character.isdigit() for character in masked.decode().partition('","time')[0].replace("u003a", ""))
    assert masked.endswith(b'"time":"2024"}')


def test_what_claims_to_be_one_and_cannot_be_masked_is_withheld():
    assert redact(rb"\u005cu006ehs-number:9434765918") is None
    masked = redact(b"nhs-number:" + WRITTEN["an escape escaped"]("9434765918").encode())
    assert not any(character.isdigit() for character in masked.decode().replace("u005c", ""))


def test_a_megabyte_of_anything_is_searched_in_bounded_time():
    """Each of these is the worst of its sort; none may take more than a second or two of a slow machine."""
    for data in (
        b"9" * 2**20,
        b"9 " * 2**19,
        b"\\u0039" * 2**17,
        b"999 999 " * 2**17,
        "٩".encode() * 2**19,
        b"a1-" * 2**18,
        b"&#5" * 2**18,
        b"%\\u003" * 2**17,
        b"\\" * 2**20,
        "\u200b%39".encode() * 2**17,
    ):
        holds_one(data)
        redact(data[: 2**16])
