-- What happened in each auction, as each process that had to do with it saw it. `events` is a JSON array in the order of
-- time; `source` is the process.
CREATE TABLE timelines (
    source TEXT NOT NULL,
    slot BIGINT NOT NULL,
    cluster TEXT NOT NULL,
    parent_hash BYTEA NOT NULL,
    pubkey BYTEA NOT NULL,
    events TEXT NOT NULL,
    PRIMARY KEY (slot, cluster, pubkey, parent_hash, source)
);
