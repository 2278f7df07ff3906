"""The KPI board: one page that shows where NCL and each borough stand. HTML made here, nothing from elsewhere."""
