-- KEYS meta. ARGV by how much, the items of the change.
local epoch = redis.call('HGET', KEYS[1], 'e')
if not epoch then return false end
redis.call('HDEL', KEYS[1], '') -- removes nothing: after a removal the rest needs no memory
local n = redis.call('HINCRBY', KEYS[1], 'n', ARGV[1])
log(KEYS[1], epoch, n, ARGV[1], ARGV[2])
return epoch .. string.format('%.0f', n) .. ' '
