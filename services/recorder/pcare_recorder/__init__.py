"""Kafka to PostgreSQL: judge each submitted event once, record or reject it, publish what became of it."""
