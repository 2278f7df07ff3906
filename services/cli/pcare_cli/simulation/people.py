"""Made-up people. Their NHS numbers are of the range that is kept for tests, 999 000 0000 to 999 999 9999."""

from dataclasses import dataclass
from random import Random
from typing import Any

from pcare_cli.simulation.organisations import BOROUGHS
from pcare_schemas.nhs_number import is_valid

NUMBERS = 140_000  # seven prefixes apart, so that no two people share a number
AGE_BANDS = (
    "0-4", "5-9", "10-14", "15-19", "20-24", "25-29", "30-34", "35-39", "40-44", "45-49",
    "50-54", "55-59", "60-64", "65-69", "70-74", "75-79", "80-84", "85-89", "90+",
)  # fmt: skip
ETHNIC_CATEGORIES = "ABCDEFGHJKLMNPRSZ"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody registered in a borough. `details` is what an event may say of them beside the borough."""

    number: str
    borough: str
    details: dict[str, Any]


def number_for_tests(prefix: int) -> str:
    """Return the first valid NHS number whose first nine digits are 999 and at least `prefix`, 0 to 999 999.

    Wraps around at the end of the range; never another range.
    """
    while True:
        nine = f"{999_000_000 + prefix % 1_000_000}"
        for digit in "0123456789":
            if is_valid(nine + digit):
                return nine + digit
        prefix += 1


class Population:
    """Up to `size` people, made when they are first met and the same each time after that."""

    def __init__(self, size: int, random: Random) -> None:
        self._size = min(size, NUMBERS)
        self._seed = random.getrandbits(64)

    def anyone(self, random: Random, borough: str | None = None) -> Person:
        """Return somebody, of the borough given if one is."""
        index = random.randrange(self._size)
        if borough is not None:  # a person's borough follows from the index
            codes = list(BOROUGHS)
            index += (codes.index(borough) - index) % len(codes)
        return self._person(index)

    def _person(self, index: int) -> Person:
        traits = Random(self._seed ^ index)  # noqa: S311 - made-up people, no secrets
        boroughs = list(BOROUGHS)
        place = index % len(boroughs)
        details: dict[str, Any] = {
            "pcn": f"U{90_000 + place * 10 + traits.randrange(6)}",
            "practice": f"DEMO{place}{traits.randrange(10)}",
            "age_band": traits.choices(AGE_BANDS, weights=range(4, 4 + len(AGE_BANDS)))[0],
            "sex": traits.choice(("female", "male", "female", "male", "female", "male", "other", "unknown")),
            "ethnic_category": traits.choice(ETHNIC_CATEGORIES),
            "imd_decile": traits.randint(1, 10),
        }
        return Person(number_for_tests(index * 7 + self._seed % 1_000_000), boroughs[place], details)
