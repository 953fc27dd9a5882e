"""ICMP echoes where some are lost on the way, and where nobody may send any."""
