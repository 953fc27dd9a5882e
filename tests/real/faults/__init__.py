"""The daemon under faults of its own host: descriptors, memory, disk, clock, resolver, too much to do, bad readers.

Everything plays in one network, mount and process namespace that `tests/real/run` makes, so that packets can be dropped, file
systems filled and resolvers silenced, and nothing is left behind: far.py answers there as the watched world, host.py has the
faults, watch.py the daemon under its limits. Each story (stories.py and its neighbours) imposes one fault on the real binary
and says what must hold, read where a user reads it.

`python3 -m faults BINARY [STORY…]` plays them.
"""
