"""The Grafana dashboards: `python -m pcare_dashboards` writes deploy/grafana/dashboards from what is here."""
