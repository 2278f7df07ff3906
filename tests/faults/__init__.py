"""Rounds of faults: something is killed, stopped, cut off or filled up under load, and then everything must add up."""
