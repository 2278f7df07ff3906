"""Real Apache Kafka and real PostgreSQL on one machine, on loopback, without Docker."""
