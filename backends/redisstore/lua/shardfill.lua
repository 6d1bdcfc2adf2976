-- KEYS entry. ARGV token, blob, ms.
local standing = pcall_('GETRANGE', KEYS[1], 4, 11)
if standing ~= ARGV[1] then
  -- The client repeats a call whose reply was lost: then the token is ours.
  return standing == sub(ARGV[2], 5, 12) and 1 or 0
end
store(KEYS[1], ARGV[2], ARGV[3])
return 1
