"""The parts of grafana-foundation-sdk that the dashboards are made of.

Dashboards are written in the classic form: it is the one that every Grafana from 10 on reads from files. The SDK
calls it deprecated when it is imported, in favour of a form that older ones do not know.
"""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from grafana_foundation_sdk.models import dashboard

from grafana_foundation_sdk.models import bargauge, common, heatmap, prometheus, stat, statetimeline, table, timeseries

__all__ = ["bargauge", "common", "dashboard", "heatmap", "prometheus", "stat", "statetimeline", "table", "timeseries"]
