"""`pcare conformance`: whether a provider is ready to send, found out by playing a script against a test system."""
