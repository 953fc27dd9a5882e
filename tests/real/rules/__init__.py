"""Rules against the real programs: promtool, Prometheus, Alertmanager.

`worked` makes tests from the worked cases of the SLO engine, `stories` are small ones for every other alert, `chain` lets the real
programs load what is in deploy/ and tell of a real outage. `bench` runs promtool.
"""
