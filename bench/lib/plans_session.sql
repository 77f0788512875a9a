-- How each part of the benchmark of plans begins its session.
\set QUIET on
\pset footer off
SET bastion.allow_identity_switch = on;
SET max_parallel_workers_per_gather = 0; -- parallel workers measure the other load of the machine
