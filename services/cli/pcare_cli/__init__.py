"""The `pcare` command: what people type."""
