-- What wrk asks for: mostly small pages, some JSON, some mistakes; slowly, for a small capture.
-- Arguments: "keep" or "close", and the seed of the random numbers.

local hosts = {"www.tsumari.test", "shop.tsumari.test", "api.tsumari.test"}
local close

function init(args)
	close = args[1] == "close"
	math.randomseed(tonumber(args[2] or 1))
end

function delay()
	return math.random(20, 90)
end

function request()
	local r = math.random(100)
	local path
	if r <= 65 then
		path = "/s/p" .. math.random(40) .. ".html?u=" .. math.random(100000)
	elseif r <= 75 then path = "/index.html"
	elseif r <= 82 then path = "/s/missing-" .. math.random(500)
	elseif r <= 89 then path = "/s/list.json"
	elseif r <= 94 then path = "/err500"
	else path = "/redir" end

	local headers = {
		["Host"] = hosts[math.random(3)],
		["User-Agent"] = "wrk",
		["Cookie"] = "sid=" .. math.random(1000000),
	}
	if r % 7 == 0 then headers["Accept-Encoding"] = "gzip" end
	if close then headers["Connection"] = "close" end
	if r % 20 == 1 then
		return wrk.format("POST", path, headers, "a=" .. string.rep("x", math.random(400)))
	end
	return wrk.format("GET", path, headers)
end
