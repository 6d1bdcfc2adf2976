-- How an integer is counted. body is where its digits begin.

-- intact tells whether the server's part of an integer is what was written.
local function intact(v, body)
  return #v - body < 20 and seal(sub(v, 5, 28), sub(v, body)) == sub(v, 29, 32)
end

-- count adds delta to the integer v, which keeps its stamp and life and gets
-- token. It returns the digits of the sum, 'T' if v is no integer, or 'O' on
-- overflow.
local function count(key, v, body, delta, token)
  -- The server itself adds, in 64 bits: Lua counts in doubles. Nobody sees what
  -- stands under the key meanwhile.
  call('SET', key, sub(v, body), 'KEEPTTL')
  local sum = pcall_('INCRBY', key, delta)
  if type(sum) ~= 'number' then
    call('SET', key, v, 'KEEPTTL')
    return string.find(sum.err, 'overflow', 1, true) and 'O' or 'T'
  end
  local digits = call('GET', key)
  local guarded = token .. sub(v, 13, 28)
  call('SET', key, sub(v, 1, 4) .. guarded .. seal(guarded, digits) .. sub(v, 33, 82)
    .. char(0, 0, 0, #digits) .. sub(v, 87, body - 1) .. digits, 'KEEPTTL')
  return digits
end

