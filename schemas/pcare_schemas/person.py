"""What every event about a person says of that person, for the breakdowns."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from pcare_schemas.envelope import Event, Payload, PersonSubject, PreviousSubject, another_key
from pcare_schemas.fields import Code, OdsCode, Pcn, Ref, Source

AgeBand = Literal[
    "0-4", "5-9", "10-14", "15-19", "20-24", "25-29", "30-34", "35-39", "40-44", "45-49",
    "50-54", "55-59", "60-64", "65-69", "70-74", "75-79", "80-84", "85-89", "90+",
]  # fmt: skip
Sex = Literal["female", "male", "other", "unknown"]

SnomedVersion = Annotated[str, Field(pattern=r"^(http://snomed\.info/sct/[0-9]{6,18}/version/)?[0-9]{8}$")]
"""The release the code was taken from: its day (20240410), or the edition's URI that ends in it."""


class PersonData(Payload):
    """The part that all payloads about a person share."""

    CODE_FIELDS: ClassVar[dict[str, str]] = {
        "borough": "boroughs",
        "ethnic_category": "ethnic-categories",
        "snomed_code": "snomed",
    }

    borough: Annotated[Code, Field(description="Borough of registration (GSS code) on the day of the event")]
    pcn: Annotated[Pcn | None, Field(description="Primary care network: U and 5 digits")] = None
    practice: Annotated[OdsCode | None, Field(description="GP practice: ODS code")] = None
    age_band: Annotated[AgeBand | None, Field(description="Five-year age band on the day of the event")] = None
    sex: Annotated[Sex | None, Field(description="Administrative sex")] = None
    ethnic_category: Annotated[Code | None, Field(description="Ethnic category: the national 16+1")] = None
    imd_decile: Annotated[
        int | None, Field(ge=1, le=10, description="Index of Multiple Deprivation decile: 1 is the most deprived")
    ] = None
    snomed_code: Annotated[
        Code | None, Field(description="The SNOMED CT concept recorded, where this kind accepts one")
    ] = None
    snomed_version: Annotated[
        SnomedVersion | None, Field(description="The SNOMED CT release that `snomed_code` was taken from")
    ] = None

    @model_validator(mode="after")
    def _a_version_is_of_a_code(self) -> Self:
        if self.snomed_version is not None and self.snomed_code is None:
            raise PydanticCustomError(
                "version_without_code",
                "A `snomed_version` says nothing without a `snomed_code`: send both, or neither.",
                {"field": "snomed_version", "expected": "`snomed_code` beside it"},
            )
        return self


RefSource = Annotated[
    Source | None,
    Field(
        description="The organisation that gave the references in this payload, as a `source`. "
        "Left out, it is the event's own `source`"
    ),
]


class PersonEvent(Event):
    """An event about a person."""

    SUBJECT: ClassVar[str] = "person"

    subject: PersonSubject
    subjectprev: PreviousSubject = None
    data: PersonData

    @model_validator(mode="after")
    def _the_previous_is_under_another_key(self) -> Self:
        another_key(self.subject, self.subjectprev)
        return self


__all__ = ["AgeBand", "PersonData", "PersonEvent", "Ref", "RefSource", "Sex"]
