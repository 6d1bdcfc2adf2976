-- What several scripts share; it is put in front of each of them.
--
-- A script that finds no meta record returns false and has done nothing: the
-- client makes a record and calls again. Every other reply begins with the
-- clock: 8 bytes of epoch, the counter in decimal, a space.
--
-- Epochs and tokens are compared as bytes, stamps as numbers. Lua's < on
-- strings would compare by the server's locale.
local call, pcall_, byte, sub, char = redis.call, redis.pcall, string.byte, string.sub, string.char

-- number is the 8 bytes of s at position i (from 1), exact below 2^53.
local function number(s, i)
  local a, b, c, d, e, f, g, h = byte(s, i, i + 7)
  return ((((((a * 256 + b) * 256 + c) * 256 + d) * 256 + e) * 256 + f) * 256 + g) * 256 + h
end

-- bytes is number's inverse.
local function bytes(n)
  local h = n % 256 n = (n - h) / 256
  local g = n % 256 n = (n - g) / 256
  local f = n % 256 n = (n - f) / 256
  local e = n % 256 n = (n - e) / 256
  local d = n % 256 n = (n - d) / 256
  local c = n % 256 n = (n - c) / 256
  return char(0, n, c, d, e, f, g, h)
end

-- seal is Adler-32 over s (token, epoch, stamp) and, of an integer, digits.
local function seal(s, digits)
  local a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, t, u, v, w, x, y = byte(s, 1, 24)
  local low = 1 + a + b + c + d + e + f + g + h + i + j + k + l + m + n + o + p + q + r + t + u + v + w + x + y
  local high = 24 + 24 * a + 23 * b + 22 * c + 21 * d + 20 * e + 19 * f + 18 * g + 17 * h + 16 * i + 15 * j + 14 * k
    + 13 * l + 12 * m + 11 * n + 10 * o + 9 * p + 8 * q + 7 * r + 6 * t + 5 * u + 4 * v + 3 * w + 2 * x + y
  if digits then
    for z = 1, #digits do
      low = low + byte(digits, z)
      high = high + low
    end
  end
  low, high = low % 65521, high % 65521
  return char((high - high % 256) / 256, high % 256, (low - low % 256) / 256, low % 256)
end

-- reply puts the clock before body. The counter is a number here, and Lua's own
-- conversion keeps only 14 digits.
local function reply(epoch, n, body)
  return epoch .. string.format('%.0f', n) .. ' ' .. body
end

-- store keeps blob for ms milliseconds; for good if that is '0', not at all if
-- it is '-1'.
local function store(key, blob, ms)
  if ms == '0' then
    call('SET', key, blob)
  elseif ms == '-1' then
    call('UNLINK', key)
  else
    call('SET', key, blob, 'PX', ms)
  end
end

-- stamp stores blob with the clock that its writer could not know. It does not
-- join strings: the server hashes every byte of each string that Lua makes.
local function stamp(key, blob, ms, clock, digits)
  store(key, blob, ms)
  if ms ~= '-1' then
    call('SETRANGE', key, 12, clock .. seal(sub(blob, 5, 12) .. clock, digits))
  end
end
