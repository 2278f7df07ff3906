"""Personal health budgets and integrated personal budgets."""

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, FailFast, Field

from pcare_schemas.fields import Day, Ref, each_once
from pcare_schemas.person import PersonData, PersonEvent, RefSource

COMPONENT = "personal health budgets"

Cohort = Literal[
    "adult_chc",
    "adult_fast_track",
    "adult_joint",
    "adult_mh",
    "s117",
    "adult_ld",
    "wheelchair",
    "adult_other",
    "cyp_continuing_care",
    "cyp_ehcp",
    "cyp_ld_autism",
    "cyp_mh",
    "cyp_other",
    "maternity",
    "end_of_life",
    "ltc",
    "dementia",
    "carers",
    "equipment",
    "neuromuscular",
]
Management = Literal["direct_payment", "notional", "third_party"]
BudgetEnd = Literal["no_longer_eligible", "no_longer_wanted", "spent", "replaced", "moved_away", "died", "other"]
BudgetRef = Annotated[Ref, Field(description="The budget")]


class PhbIssuedData(PersonData):
    """A budget given to a person."""

    budget_ref: BudgetRef
    ref_source: RefSource = None
    starts: Annotated[
        Day | None, Field(description="The day the budget starts. Left out, it starts at the event's time")
    ] = None
    cohorts: Annotated[
        tuple[Cohort, ...],
        Field(
            min_length=1,
            max_length=20,
            description="The cohorts the person is in: one or more, for they overlap",
            json_schema_extra={"uniqueItems": True},
        ),
        FailFast(),
        AfterValidator(each_once),
    ]
    management: Annotated[
        tuple[Management, ...],
        Field(
            min_length=1,
            max_length=3,
            description="Who holds the money: one, or more for a split budget",
            json_schema_extra={"uniqueItems": True},
        ),
        FailFast(),
        AfterValidator(each_once),
    ]
    integrated: Annotated[bool, Field(description="Whether it joins health and social care money")] = False
    one_off: Annotated[bool, Field(description="Whether it is a single payment")] = False
    annual_value_pence: Annotated[int | None, Field(ge=0, le=999_999_999, description="A year's value in pence")] = None
    plan_ref: Annotated[Ref | None, Field(description="The care and support plan that the budget serves")] = None


class PhbIssued(PersonEvent):
    """A personal health budget, or an integrated personal budget, was issued."""

    KIND: ClassVar[str] = "phb-issued"
    COMPONENT: ClassVar[str] = COMPONENT

    type: Literal["uk.nhs.ncl.personalised-care.phb-issued.v1"]
    dataschema: Literal["urn:ncl:personalised-care:schema:phb-issued:v1"] | None = None
    data: PhbIssuedData


class PhbEndedData(PersonData):
    """The end of a budget."""

    budget_ref: BudgetRef
    ref_source: RefSource = None
    reason: Annotated[BudgetEnd, Field(description="Why it ended")]


class PhbEnded(PersonEvent):
    """A personal health budget ended."""

    KIND: ClassVar[str] = "phb-ended"
    COMPONENT: ClassVar[str] = COMPONENT

    type: Literal["uk.nhs.ncl.personalised-care.phb-ended.v1"]
    dataschema: Literal["urn:ncl:personalised-care:schema:phb-ended:v1"] | None = None
    data: PhbEndedData
