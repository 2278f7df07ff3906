"""`make proof-audit`: everything that can be done to the record is done, found, named and repaired."""
