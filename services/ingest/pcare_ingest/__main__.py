"""`python -m pcare_ingest` runs the service."""

from pcare_ingest.app import main

main()
