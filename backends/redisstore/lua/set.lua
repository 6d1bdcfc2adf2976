-- KEYS entry, meta. ARGV blob, ms, digits of an integer.
local epoch = call('HGET', KEYS[2], 'e')
if not epoch then return false end

local n = call('HINCRBY', KEYS[2], 'n', 1)
stamp(KEYS[1], ARGV[1], ARGV[2], epoch .. bytes(n), ARGV[3])
log(KEYS[2], epoch, n, 1, item('k', KEYS[1]))
return reply(epoch, n, '1')
