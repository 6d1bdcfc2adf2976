-- KEYS entry. ARGV token, blob, ms.
local blob = ARGV[2]
local standing = pcall_('GETRANGE', KEYS[1], 4, 11)
if standing ~= ARGV[1] and standing == sub(blob, 5, 12) then return 1 end -- a repeated call: see fill
if standing == ARGV[1] and ARGV[3] ~= '-1' then
  local done
  if ARGV[3] == '0' then
    done = pcall_('SET', KEYS[1], blob)
  else
    done = pcall_('SET', KEYS[1], blob, 'PX', ARGV[3])
  end
  if not done.err then return 1 end
  -- Without memory the new value cannot be stored, but the old one can go.
  if not string.find(done.err, 'OOM', 1, true) then return done end
end
call('UNLINK', KEYS[1])
return standing == ARGV[1] and ARGV[3] == '-1' and 1 or 0
