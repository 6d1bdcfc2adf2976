-- KEYS entry. ARGV the token of what the client found not to be live, blob, ms.
local v = pcall_('GETRANGE', KEYS[1], 0, 11)
if type(v) == 'string' and #v == 12 and sub(v, 1, 3) == 'ST\1' and sub(v, 5, 12) ~= ARGV[1] then
  local kind = byte(v, 4)
  if kind <= 3 and kind ~= 2 then return 0 end -- another entry, that is to be judged
end
store(KEYS[1], ARGV[2], ARGV[3])
return 1
