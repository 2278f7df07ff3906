"""`pcare doctor`: looks at a running system from end to end, and says what is wrong and what to do."""
