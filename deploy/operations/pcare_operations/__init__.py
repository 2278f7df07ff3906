"""Back up, restore, rebuild and upgrade a running system, around PostgreSQL's own tools and `docker compose`.

Python's standard library only: `python -m pcare_operations` runs where nothing is installed but Python and Docker.
"""
