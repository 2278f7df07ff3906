"""HTTP to Kafka: takes events in, judges them, makes the pseudonym, publishes, answers."""
