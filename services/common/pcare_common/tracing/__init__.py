"""W3C trace context through every hop, as OpenTelemetry has it; off unless a collector is configured.

`settings` is what an operator says, `start` turns it on. Only `exporting`, `contexts` and what services import beside
them know OpenTelemetry: while tracing is off, none of it is imported.
"""
