"""`pcare audit identifiers`: looks for NHS numbers in everything that is kept, and says where, never which."""
