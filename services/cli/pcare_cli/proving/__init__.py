"""`pcare audit key`, `export`, `verify`, `prove`, `check-proof`: what was sealed, proven to whoever trusts nothing."""
