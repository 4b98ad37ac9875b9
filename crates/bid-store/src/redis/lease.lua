-- Takes or renews a lease: {1, fence}, or {0, milliseconds that another holder has left}.
-- KEYS[1] the lease · ARGV holder (16 bytes), milliseconds
local held = redis.call('GET', KEYS[1])
if held and string.sub(held, 1, 16) ~= ARGV[1] then
  return {0, redis.call('PTTL', KEYS[1])}
end
if held then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return {1, tonumber(string.sub(held, 17))}
end
-- The server's time fences: it grows from lease to lease, also when the server has lost all that it held.
local time = redis.call('TIME')
local fence = time[1] * 1000000 + time[2]
redis.call('SET', KEYS[1], ARGV[1] .. string.format('%.0f', fence), 'PX', ARGV[2])
return {1, fence}
