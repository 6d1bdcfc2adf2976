-- KEYS meta. ARGV by how much.
local epoch = call('HGET', KEYS[1], 'e')
if not epoch then return false end
call('HDEL', KEYS[1], '') -- removes nothing: after a removal the rest needs no memory
return reply(epoch, call('HINCRBY', KEYS[1], 'n', ARGV[1]), '')
