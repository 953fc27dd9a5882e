"""What happens to two clouds, and what must be said about it: one function per story, its facts in its first lines."""

from clouds.stories import alerts, crash, failover, names, outages, sight, vantages, whose

# The long ones first: what is left at the end is short.
STORIES = [
    alerts.budget_burns,
    sight.sentinel_breaks,
    alerts.people_are_told,
    sight.packets_are_lost,
    outages.one_service_flaps,
    sight.monitor_is_paused,
    outages.both_die,
    outages.alpha_dies,
    names.name_servers_die,
    names.public_name_lies,
    failover.failover_comes_in_time,
    failover.failover_comes_late,
    failover.failover_comes_in_silence,
    failover.failover_is_drilled,
    failover.public_name_is_split,
    crash.monitor_is_killed_in_doubt,
    alerts.one_alertmanager_is_dead,
    vantages.two_have_to_agree,
    vantages.only_our_road_dies,
    vantages.alpha_dies_for_both,
    whose.alpha_breaks_beta,
    whose.release_is_bad,
    whose.canary_fails_alone,
    outages.web_server_stops,
    outages.database_dies,
    sight.path_to_alpha_dies,
    sight.egress_is_denied,
    sight.vantage_is_cut_off,
    sight.vantage_blinks,
    sight.resolver_dies,
    sight.ipv6_dies,
    sight.road_is_slow,
]
