"""The dashboards against a real Prometheus with simulated histories."""
