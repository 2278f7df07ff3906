"""`pcare audit report`: one file that a person who is no programmer can read, and that shows when it was changed."""
