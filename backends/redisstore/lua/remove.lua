-- KEYS entry.
-- Removes it, and returns the header and the tags of an entry, for the client
-- to tell whether it counted.
local v = pcall_('GETRANGE', KEYS[1], 0, 85)
if type(v) ~= 'string' or #v < 86 then
  v = ''
else
  local length = number('\0\0\0\0' .. sub(v, 79, 82), 1)
  if length > 0 then v = v .. call('GETRANGE', KEYS[1], 86, 85 + length) end
end
call('UNLINK', KEYS[1])
return v
