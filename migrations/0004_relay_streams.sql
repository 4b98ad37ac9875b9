-- Whether a relay's header streams are used, and where it announces its top bids. A process of the version before reads
-- neither, and polls.
ALTER TABLE relays ADD COLUMN stream BIGINT;
ALTER TABLE relays ADD COLUMN top_bid_url TEXT;
