-- Arguments: first path pattern with %d for the number, how many numbers, then further pattern and count pairs.
-- Every thread goes round all paths in order, so that a plain LRU smaller than the set never hits.
local folder = debug.getinfo(1, "S").source:match("^@(.*)/") or "."
dofile(folder .. "/report.lua")

local prepared, position = {}, 0

function init(arguments)
  local patterns = {}
  for index = 1, #arguments - 1, 2 do
    patterns[#patterns + 1] = { path = arguments[index], count = tonumber(arguments[index + 1]) }
  end
  local longest = 0
  for _, pattern in ipairs(patterns) do longest = math.max(longest, pattern.count) end
  for number = 1, longest do
    for _, pattern in ipairs(patterns) do
      if number <= pattern.count then
        prepared[#prepared + 1] = wrk.format("GET", string.format(pattern.path, number))
      end
    end
  end
end

function request()
  position = position % #prepared + 1
  return prepared[position]
end
