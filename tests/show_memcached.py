"""What show.py has to know of memcached: tshark's names."""
CAPTURES = ("memcached",)
NAMES = {"memcache.request.command": "memcache.command", "memcache.request.keys": "memcache.key",
         "memcache.response.status": "memcache.response", "memcache.response.value": "memcache.value"}
LEFT = {"memcache.response.value"}
BY_VALUE = {"memcache.value.length"}
ONCE = {"memcache.request.command", "memcache.request.keys", "memcache.response.status"}
