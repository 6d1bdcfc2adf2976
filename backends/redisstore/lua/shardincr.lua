-- KEYS entry. ARGV as judged.lua, delta, token.
-- Returns '' when something else stands, 'C' for an integer that changed by
-- itself, and otherwise what count does.
local v = pcall_('GET', KEYS[1])
if not stands(v) then return '' end
if byte(v, 4) ~= 1 then return 'T' end
local body = 81 + #ARGV[2]
if not intact(v, body) then return 'C' end
return count(KEYS[1], v, body, ARGV[3], ARGV[4])
