-- The network that the registry is of, written by the first process that starts: at most one row. What stands here of
-- validators, registrations and slots means nothing on another network.
CREATE TABLE network (
    id BIGINT PRIMARY KEY,
    name TEXT NOT NULL,
    genesis_fork_version BYTEA NOT NULL,
    genesis_validators_root BYTEA NOT NULL
);
