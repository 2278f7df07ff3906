"""Made-up events of made-up providers about made-up people: pure, and the same for the same seed."""
