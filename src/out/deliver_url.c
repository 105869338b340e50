/* deliver_url.c - destinations as they are written (deliver.h). */
#include "out/deliver.h"
#include "base/mem.h"
#include "base/text.h"
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#define LOG "/dev/log"

static int hex(char c)
{
	return c >= '0' && c <= '9'                 ? c - '0'
	       : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
						    : -1;
}

/* %2F and its kin (RFC 3986, 2.1), to be freed; NULL: one that is none, or of the byte 0. */
static char *decoded(const char *p, size_t n)
{
	char *text = xmalloc(n + 1), *to = text;

	for (size_t i = 0; i < n; i++) {
		int a, b;

		if (p[i] != '%') {
			*to++ = p[i];
			continue;
		}
		a = n - i > 2 ? hex(p[i + 1]) : -1;
		b = n - i > 2 ? hex(p[i + 2]) : -1;
		if (a < 0 || b < 0 || !(a | b)) {
			free(text);
			return NULL;
		}
		*to++ = (char)(a << 4 | b);
		i += 2;
	}
	*to = '\0';
	return text;
}

static bool fault(char *err, size_t errsize, const char *text, const char *why)
{
	char shown[96];
	struct text t;

	text_init(&t, shown, sizeof(shown));
	text_escape(&t, text, strlen(text), 80);
	snprintf(err, errsize, "--to %s: %s", shown, why);
	return false;
}

static bool queue_size(const char *text, uint64_t *size)
{
	static const char units[] = "KMG";
	char *end;
	unsigned long long n = strtoull(text, &end, 10);
	const char *unit = *end ? strchr(units, *end) : NULL;
	unsigned shift = unit ? 10u * (unsigned)(unit - units + 1) : 0;

	if (*text < '0' || *text > '9' || (*end && (!unit || end[1])) || n > UINT64_MAX >> 34)
		return false;
	*size = (uint64_t)n << shift;
	return *size >= DELIVER_MIN;
}

/* One of NAME=VALUE&NAME=VALUE. NULL: it is good. */
static const char *take_parameter(struct deliver_url *u, const char *p, size_t n)
{
	const char *equal = memchr(p, '=', n);
	size_t name = equal ? (size_t)(equal - p) : n;
	char *value = equal ? decoded(equal + 1, n - name - 1) : NULL, **to = NULL;
	const char *wrong = NULL;

	if (!value)
		return "behind '?' stand types=, filter= and queue=, '&' between them";
	if (name == 5 && memcmp(p, "types", 5) == 0)
		to = &u->types;
	else if (name == 6 && memcmp(p, "filter", 6) == 0)
		to = &u->filter;
	else if (name == 5 && memcmp(p, "queue", 5) == 0)
		wrong = queue_size(value, &u->queue)
				? NULL
				: "queue: a size such as 16M is needed, at least 64K";
	else
		wrong = "behind '?' stand types=, filter= and queue=, '&' between them";
	if (to && (*to || !*value))
		wrong = "types and filter may be given once, and not empty";
	if (!to || wrong)
		free(value);
	else
		*to = value;
	return wrong;
}

static const char *check_place(struct deliver_url *u)
{
	const char *colon = strrchr(u->at, ':');
	struct sockaddr_un un;

	if (u->kind == DELIVER_SYSLOG && !*u->at) {
		free(u->at);
		u->at = xstrdup(LOG);
	}
	if (!*u->at)
		return "a path, or HOST:PORT, is needed";
	if (u->kind == DELIVER_TCP && (!colon || colon == u->at || !colon[1]))
		return "HOST:PORT is needed";
	if ((u->kind == DELIVER_UNIX || u->kind == DELIVER_SYSLOG) &&
		strlen(u->at) >= sizeof(un.sun_path))
		return "the path is too long for a socket";
	return NULL;
}

bool deliver_url_parse(struct deliver_url *u, const char *text, char *err, size_t errsize)
{
	static const char *const kinds[] = {[DELIVER_FILE] = "file:",
		[DELIVER_UNIX] = "unix:",
		[DELIVER_TCP] = "tcp:",
		[DELIVER_SYSLOG] = "syslog:"};
	const char *p = NULL, *wrong = NULL;
	size_t n;

	memset(u, 0, sizeof(*u));
	u->said = text;
	u->queue = DELIVER_QUEUE;
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && !p; i++)
		if (strncmp(text, kinds[i], strlen(kinds[i])) == 0) {
			p = text + strlen(kinds[i]);
			u->kind = (enum deliver_kind)i;
		}
	if (!p)
		return fault(err, errsize, text,
			"file:PATH, unix:PATH, tcp:HOST:PORT or syslog: is needed");
	/* tcp://host:port is the same; of a path both slashes are its own. */
	if (u->kind == DELIVER_TCP && strncmp(p, "//", 2) == 0)
		p += 2;
	n = strcspn(p, "?");
	u->at = decoded(p, n);
	if (!u->at)
		wrong = "'%' needs two hexadecimal digits behind it";
	for (p += n; !wrong && *p; p += n) {
		n = strcspn(++p, "&");
		wrong = take_parameter(u, p, n);
	}
	if (!wrong)
		wrong = check_place(u);
	if (!wrong)
		return true;
	deliver_url_release(u);
	return fault(err, errsize, text, wrong);
}

void deliver_url_release(struct deliver_url *u)
{
	free(u->at);
	free(u->types);
	free(u->filter);
	memset(u, 0, sizeof(*u));
}
