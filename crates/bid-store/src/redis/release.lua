-- Gives a lease back, if it is still the holder's.
-- KEYS[1] the lease · ARGV holder (16 bytes)
local held = redis.call('GET', KEYS[1])
if held and string.sub(held, 1, 16) == ARGV[1] then
  return redis.call('DEL', KEYS[1])
end
return 0
