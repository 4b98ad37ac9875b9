-- Keeps a relay's newest bid, and tells of it only when it is that.
-- KEYS[1] the auction's bids · ARGV relay, sealed bid, milliseconds to live, channel
local held = redis.call('HGET', KEYS[1], ARGV[1])
if held and string.sub(held, 2, 17) > string.sub(ARGV[2], 2, 17) then
  return 0
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('PUBLISH', ARGV[4], ARGV[2])
return 1
