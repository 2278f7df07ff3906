"""`pcare audit erase`: the links of a person go, and what else could lead to them; the log stays as it is."""
