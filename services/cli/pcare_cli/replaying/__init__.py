"""`pcare audit replay`: reads the topics again, judges and counts anew, and compares with tables and KPIs."""
