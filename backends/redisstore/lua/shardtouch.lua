-- KEYS entry. ARGV as judged.lua, bytes 32 to 52, ms.
if not stands(pcall_('GETRANGE', KEYS[1], 0, 85)) then return 0 end
call('SETRANGE', KEYS[1], 32, ARGV[3])
if ARGV[4] == '0' then
  call('PERSIST', KEYS[1])
else
  call('PEXPIRE', KEYS[1], ARGV[4]) -- -1 removes it
end
return 1
