-- KEYS entry. ARGV token, and to leave a placeholder: its token, ms.
-- Removes what the client found to be corrupt, if it still stands.
if pcall_('GETRANGE', KEYS[1], 4, 11) ~= ARGV[1] then return 0 end
if ARGV[2] then
  call('SET', KEYS[1], 'ST\1P' .. ARGV[2], 'PX', ARGV[3])
else
  call('UNLINK', KEYS[1])
end
return 1
