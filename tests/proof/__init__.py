"""Evidence that anyone can make: scenarios played against the running system, each KPI counted in three ways."""
