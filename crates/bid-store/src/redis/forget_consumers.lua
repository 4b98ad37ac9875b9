-- Forgets consumers that hold nothing and have been silent for so long; how many.
-- KEYS[1] the stream · ARGV group, milliseconds
local forgotten = 0
for _, told in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local consumer = {}
  for at = 1, #told, 2 do
    consumer[told[at]] = told[at + 1]
  end
  if consumer.pending == 0 and consumer.idle >= tonumber(ARGV[2]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], consumer.name)
    forgotten = forgotten + 1
  end
end
return forgotten
