"""The KPIs as data: the catalogue, the targets, and what every reader of them needs. Nothing here counts."""
