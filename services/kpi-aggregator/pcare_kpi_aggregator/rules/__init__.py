"""The kinds of rule by which a KPI is counted: each a pure function over one subject's facts, and its finish."""
