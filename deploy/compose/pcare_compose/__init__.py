"""What `docker compose up` needs beforehand: a file for each secret, and certificates."""
