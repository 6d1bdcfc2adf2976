-- KEYS meta. ARGV fresh epoch, id of the server's history, whether it must be
-- the one in the record.
-- Makes a record if there is none, or none of this history.
local m = call('HMGET', KEYS[1], 'e', 'h')
if m[1] and (ARGV[3] == '0' or m[2] == ARGV[2]) then return 0 end
call('UNLINK', KEYS[1], KEYS[1] .. ':log') -- first, because it needs no memory
call('HSET', KEYS[1], 'e', ARGV[1], 'n', '0', 'h', ARGV[2])
return 1
