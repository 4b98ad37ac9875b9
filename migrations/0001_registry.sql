-- The registry: who is served, and the registrations of every validator.
--
-- How migrations are written:
--
-- 1. One text runs on SQLite and on PostgreSQL: TEXT, BIGINT and BYTEA, composite keys, no sequences, no defaults that
--    compute. Times are Unix milliseconds, booleans 0 and 1, JSON is TEXT. A u64 that is an identity and no quantity
--    (a relay's id, a gas limit) is kept as the BIGINT of the same bits.
-- 2. A migration that was published is never edited: its checksum is on record. The next number is the next file.
-- 3. Expand, then contract. Processes of the version before go on working on the new schema while a rollout lasts, so a
--    migration may add tables and nullable columns. What nobody reads any more is taken away one release later, by a
--    migration that also raises `schema_floor`: it is the oldest schema whose programs still work here.
-- 4. Clusters and relays may be declared in the configuration file and be unknown here, so nothing refers to them by a
--    foreign key.

CREATE TABLE schema_floor (
    id BIGINT PRIMARY KEY,
    number BIGINT NOT NULL
);
INSERT INTO schema_floor (id, number) VALUES (1, 1);

-- Every change of what the directory shows, and every batch of registrations, adds one to its row in its own
-- transaction: the row's lock puts changes into one order, so whoever reads a number sees everything up to it.
CREATE TABLE revisions (
    name TEXT PRIMARY KEY,
    number BIGINT NOT NULL
);
INSERT INTO revisions (name, number) VALUES ('directory', 0), ('registrations', 0);

-- `revision` is the number of the last change of the cluster, its operators or its claims; `claims_removed` that of the
-- last removal of claims, after which they must be read anew rather than added to.
CREATE TABLE clusters (
    name TEXT PRIMARY KEY,
    declared BIGINT NOT NULL,
    relays TEXT,
    min_bid_wei TEXT,
    cutoff_ms BIGINT,
    expected_ask_ms BIGINT,
    sticky BIGINT,
    mode TEXT,
    hints_per_s BIGINT,
    signature_checks_per_s BIGINT,
    upstream_asks_per_slot BIGINT,
    streams BIGINT,
    validators BIGINT,
    suspended_at BIGINT,
    created_at BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    claims_removed BIGINT NOT NULL
);

CREATE TABLE operators (
    cluster TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (cluster, name)
);

-- A key that was revoked stays, so that it cannot be added again.
CREATE TABLE operator_keys (
    cluster TEXT NOT NULL,
    kid TEXT NOT NULL,
    operator TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    public_key BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT,
    PRIMARY KEY (cluster, kid)
);

CREATE TABLE service_keys (
    kid TEXT PRIMARY KEY,
    algorithm TEXT NOT NULL,
    public_key BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT
);

CREATE TABLE issued_tokens (
    jti TEXT PRIMARY KEY,
    cluster TEXT NOT NULL,
    operator TEXT NOT NULL,
    scopes TEXT NOT NULL,
    issued_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT
);

CREATE TABLE beacon_nodes (
    name TEXT PRIMARY KEY,
    created_at BIGINT NOT NULL
);

CREATE TABLE beacon_node_secrets (
    id TEXT PRIMARY KEY,
    node TEXT NOT NULL,
    digest BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT
);
CREATE INDEX beacon_node_secrets_by_node ON beacon_node_secrets (node);

CREATE TABLE beacon_node_grants (
    node TEXT NOT NULL,
    cluster TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (node, cluster)
);

CREATE TABLE relays (
    name TEXT PRIMARY KEY,
    id BIGINT NOT NULL UNIQUE,
    url TEXT NOT NULL,
    headers TEXT NOT NULL,
    policy TEXT NOT NULL,
    first_ms BIGINT,
    last_ms BIGINT,
    min_gap_ms BIGINT,
    calls_max BIGINT,
    head_required BIGINT,
    created_at BIGINT NOT NULL
);

-- `key` is the public key uncompressed, validated when the claim was made; `level` 0 is registered, 1 proven.
CREATE TABLE claims (
    cluster TEXT NOT NULL,
    pubkey BYTEA NOT NULL,
    key BYTEA NOT NULL,
    level BIGINT NOT NULL,
    claimed_at BIGINT NOT NULL,
    relays TEXT,
    min_bid_wei TEXT,
    cutoff_ms BIGINT,
    expected_ask_ms BIGINT,
    sticky BIGINT,
    mode TEXT,
    revision BIGINT NOT NULL,
    PRIMARY KEY (cluster, pubkey)
);
CREATE INDEX claims_by_revision ON claims (cluster, revision);

-- What a validator must sign to prove a claim: one at a time for each claim.
CREATE TABLE challenges (
    cluster TEXT NOT NULL,
    pubkey BYTEA NOT NULL,
    nonce BYTEA NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (cluster, pubkey)
);

-- The newest of each validator, whoever sent it. `signed_at` is its timestamp in Unix seconds, and never goes back;
-- `revision` is the number of the batch that it came in.
CREATE TABLE registrations (
    pubkey BYTEA PRIMARY KEY,
    fee_recipient BYTEA NOT NULL,
    gas_limit BIGINT NOT NULL,
    signed_at BIGINT NOT NULL,
    signature BYTEA NOT NULL,
    recorded_at BIGINT NOT NULL,
    revision BIGINT NOT NULL
);
CREATE INDEX registrations_by_revision ON registrations (revision);

-- What each relay was told of each validator: the registration by its timestamp and by a mark of its signature.
CREATE TABLE deliveries (
    relay BIGINT NOT NULL,
    pubkey BYTEA NOT NULL,
    state BIGINT NOT NULL,
    signed_at BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    fault TEXT,
    noted_at BIGINT NOT NULL,
    PRIMARY KEY (relay, pubkey)
);

CREATE TABLE proposal_reports (
    cluster TEXT NOT NULL,
    slot BIGINT NOT NULL,
    pubkey BYTEA NOT NULL,
    operator TEXT NOT NULL,
    report TEXT NOT NULL,
    reported_at BIGINT NOT NULL,
    PRIMARY KEY (cluster, slot, pubkey, operator)
);

-- Append-only. A chain for each cluster and one, named by the empty text, for the platform; every record's hash covers
-- the record and the hash before it.
CREATE TABLE audit (
    chain TEXT NOT NULL,
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL,
    prev_hash BYTEA NOT NULL,
    hash BYTEA NOT NULL,
    PRIMARY KEY (chain, seq)
);
