-- KEYS meta. ARGV seconds for which the log is kept without a reader.
-- Returns the clock, and sees to it that there is a log from here on.
local m = call('HMGET', KEYS[1], 'e', 'n')
if not m[1] then return false end
local stream = KEYS[1] .. ':log'
local last = pcall_('XREVRANGE', stream, '+', '-', 'COUNT', '1')
if last.err or last[1] and tonumber(string.match(last[1][1], '%d+')) > tonumber(m[2]) then
  call('UNLINK', stream) -- it is not ours, or of another history
  last = {}
end
if not last[1] then
  -- Its first message has the present number, and says nothing.
  pcall_('XADD', stream, m[2] .. '-1', 'c', '')
end
pcall_('EXPIRE', stream, ARGV[1])
return m[1] .. m[2] .. ' '
