"""Two clouds, neutral ground and a vantage, made of network namespaces: what a provider outage really looks like.

    vantage ──┐  ┌── witness        the daemon, and those it tells; a second daemon in some stories
              │  │
    alpha ── neutral ── beta        a cloud: nginx and knot; neutral: the road between all, sentinels, a resolver, a database

Each story (stories/*.py) gets a stage of its own (stage.py): namespaces joined by veth pairs (ground.py), real servers in
them (servers.py), the daemon with a configuration (watch.py). It breaks something, and says which verdicts, outages, blame
and times must come of it, read where a user reads them: the API, /metrics and the log.

Stories play at the same time, because most of their time is waiting. `python3 -m clouds BINARY [STORY…]` plays them.
"""
