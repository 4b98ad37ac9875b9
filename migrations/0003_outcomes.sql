-- What became of each header that was answered with a bid, and of each submission. `source` is the process that noted it
-- and `seq` counts what it noted, so that what comes twice is there once. `kind` 0 is a header, 1 a submission; `asked_ms`
-- counts from the start of the slot.
CREATE TABLE outcomes (
    source TEXT NOT NULL,
    seq BIGINT NOT NULL,
    kind BIGINT NOT NULL,
    cluster TEXT,
    slot BIGINT NOT NULL,
    parent_hash BYTEA NOT NULL,
    pubkey BYTEA,
    outcome TEXT NOT NULL,
    value_wei TEXT,
    block_hash BYTEA NOT NULL,
    relay TEXT,
    asked_ms BIGINT,
    took_us BIGINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (source, seq)
);
CREATE INDEX outcomes_by_slot ON outcomes (slot);
