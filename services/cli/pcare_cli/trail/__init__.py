"""`pcare audit trail`: what people did by command, and whether somebody touched what is written of it."""
