"""The kinds of rule by which a KPI is counted: each a pure function over one subject's facts, and its finish."""

from pcare_kpi_aggregator.rules.episodes import Episodes, PeopleInYear, Reached
from pcare_kpi_aggregator.rules.in_place import InPlaceAtEnd, InPlaceInYear
from pcare_kpi_aggregator.rules.people import PeopleEver
from pcare_kpi_aggregator.rules.rule import Rule

__all__ = ["Episodes", "InPlaceAtEnd", "InPlaceInYear", "PeopleEver", "PeopleInYear", "Reached", "Rule"]
