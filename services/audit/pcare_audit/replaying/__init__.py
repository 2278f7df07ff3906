"""The whole record compared with itself: what was submitted, the log, the tables and the KPIs, event by event."""
