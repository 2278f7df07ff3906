"""The areas that a number is given for."""

from collections.abc import Mapping
from types import MappingProxyType

from pcare_schemas import code_lists

NCL = "NCL"
"""The area that is the whole."""

NCL_ONLY = "NCL only"
"""The area of what has no borough (a commissioner, some teams): part of NCL, of none of its boroughs."""

BOROUGHS: Mapping[str, str] = MappingProxyType(
    {borough.code: borough.name for borough in code_lists.built_in()["boroughs"].codes.values()}
)
"""The boroughs of North Central London by GSS code, in the order in which they are shown."""
