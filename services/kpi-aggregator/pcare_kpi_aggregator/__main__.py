"""`python -m pcare_kpi_aggregator` runs one worker."""

from pcare_kpi_aggregator.app import main

main()
