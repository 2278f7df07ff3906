"""Supported self-management."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from pcare_schemas.fields import Ref, to_decimals
from pcare_schemas.person import PersonData, PersonEvent, RefSource

COMPONENT = "supported self-management"

CUT_POINTS: dict[str, tuple[float, float, float]] = {
    "classic": (47.0, 55.1, 67.0),
    "revised": (47.0, 55.1, 72.4),
}
"""The highest score of levels 1, 2 and 3. Classic: PMC5665291 figure 3, PMC2955177 table 2; revised: sralab.org."""

Instrument = Literal["PAM-13", "PAM-10"]
Programme = Literal[
    "expert_patients",
    "diabetes_education",
    "pulmonary_rehabilitation",
    "health_coaching",
    "peer_support",
    "other",
]


def pam_level(score: float, cut_points: str) -> int:
    """Return the level, 1 to 4, of a PAM score of 0.0 to 100.0 under the named cut points."""
    return 1 + sum(score > highest for highest in CUT_POINTS[cut_points])


class PamScoredData(PersonData):
    """A completed Patient Activation Measure. The instrument is licensed: only its result is recorded."""

    score: Annotated[
        float, Field(ge=0, le=100, description="0.0 to 100.0, to one decimal"), AfterValidator(to_decimals(1))
    ]
    level: Annotated[int, Field(ge=1, le=4, description="1 to 4; must be that of the score under `cut_points`")]
    instrument: Annotated[Instrument, Field(description="Which form was completed")]
    cut_points: Annotated[
        Literal["classic", "revised"],
        Field(description="Where the levels part: classic 47.0 / 55.1 / 67.0, revised 47.0 / 55.1 / 72.4"),
    ]
    plan_ref: Annotated[Ref | None, Field(description="The care and support plan that the measure is part of")] = None
    ref_source: RefSource = None

    @model_validator(mode="after")
    def _score_and_level_agree(self) -> Self:
        level = pam_level(self.score, self.cut_points)
        if level != self.level:
            raise PydanticCustomError(
                "pam_level",
                "The level is not that of the score: check the score, the level and which cut points were used.",
                {"field": "level", "expected": f"level {level} under the {self.cut_points} cut points"},
            )
        return self


class PamScored(PersonEvent):
    """A person completed a Patient Activation Measure."""

    KIND: ClassVar[str] = "pam-scored"
    COMPONENT: ClassVar[str] = COMPONENT

    type: Literal["uk.nhs.ncl.personalised-care.pam-scored.v1"]
    dataschema: Literal["urn:ncl:personalised-care:schema:pam-scored:v1"] | None = None
    data: PamScoredData


class SelfManagementData(PersonData):
    """A course or service that supports self-management."""

    referral_ref: Annotated[Ref, Field(description="The referral")]
    ref_source: RefSource = None
    programme: Annotated[Programme, Field(description="Which programme")]


class SelfManagementReferral(PersonEvent):
    """A person was referred to a self-management programme."""

    KIND: ClassVar[str] = "self-management-referral"
    COMPONENT: ClassVar[str] = COMPONENT

    type: Literal["uk.nhs.ncl.personalised-care.self-management-referral.v1"]
    dataschema: Literal["urn:ncl:personalised-care:schema:self-management-referral:v1"] | None = None
    data: SelfManagementData


class SelfManagementCompleted(PersonEvent):
    """A person completed a self-management programme."""

    KIND: ClassVar[str] = "self-management-completed"
    COMPONENT: ClassVar[str] = COMPONENT

    type: Literal["uk.nhs.ncl.personalised-care.self-management-completed.v1"]
    dataschema: Literal["urn:ncl:personalised-care:schema:self-management-completed:v1"] | None = None
    data: SelfManagementData
