"""`pcare audit seal`: hashes what was recorded into a Merkle tree, and signs and publishes what it came to."""
