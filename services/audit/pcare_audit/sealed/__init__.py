"""What was sealed, held against the record: what is altered, removed, reordered or added is found and named."""
