-- The beginning of the script that judges an entry by its header alone, for the
-- client to read the entry by a plain GET beside it: what passes through Lua is
-- copied and hashed, which for a page costs more than the rest.
--
-- KEYS entry, meta. ARGV, only to plant: token, ms.
local m = call('HMGET', KEYS[2], 'e', 'n', 't:\0')
if not m[1] then return false end
local long = 1024
local v = pcall_('GETRANGE', KEYS[1], 0, 85)
if v == '' and call('EXISTS', KEYS[1]) == 0 then v = false end
