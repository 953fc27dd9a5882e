"""What deploy/ has for other places than this host: image, compose file, Helm chart, and the log's schema.

Everything is judged by what others have published: Kubernetes' own schemas, those of the Prometheus operator and of compose files, the
Elastic Common Schema, Helm, promtool.

No container is run here: that takes an engine.
"""
