-- KEYS entry. ARGV token.
-- Removes the entry that has the token, and returns how long it would have
-- lived: -1 for good, -2 if it has not that token.
if pcall_('GETRANGE', KEYS[1], 4, 11) ~= ARGV[1] then return -2 end
local ms = call('PTTL', KEYS[1])
call('UNLINK', KEYS[1])
return math.max(ms, -1)
