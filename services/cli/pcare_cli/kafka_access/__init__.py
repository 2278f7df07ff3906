"""Who may do what with Kafka: users, their passwords, and what they may do, from the one file that says it."""
