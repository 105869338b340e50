/* server.c - see server.h. */
#include "web/server.h"
#include "base/clock.h"
#include "base/mem.h"
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define FRESH    SECOND          /* what is younger is handed out as it is */
#define PATIENCE (5 * SECOND)    /* of who waits for what is being made */
#define FIRST    (10 * SECOND)   /* until a new connection has asked */
#define ANSWER   (30 * SECOND)   /* from the request to the answer's last byte */
#define IDLE     (70 * SECOND)   /* until it asks again; Prometheus does so once a minute */
#define DEAD     (10 * SECOND)   /* since the main thread was seen */
#define ROUND    250             /* ms between two looks at the time */
#define PEERS    600u            /* connections, at most */
#define SPARE    32u             /* more, for the moment until an old one has ended */
#define MEMORY   ((size_t)16384) /* bytes of a connection: its request's head has to fit */
#define BACKLOG  1024
#define NO_PAGE  "default-src 'none'; frame-ancestors 'none'"

enum peer_state { PEER_NEW, PEER_ASKS, PEER_WAITS, PEER_IDLE };

/* A connection, in a list by the time since which it has been as it is. */
struct peer {
	struct peer *next, *before;
	struct MHD_Connection *connection;
	int fd;
	enum peer_state state;
	enum web_thing thing; /* that it waits for */
	bool resumed;
	bool ended; /* shut down: nothing more is done about it */
	uint64_t since;
};

struct thing {
	struct MHD_Response *now; /* NULL: there is none yet */
	uint64_t made;
};

struct web {
	struct web_options o;
	char *token, *certificate, *key, *policy;
	char url[128];
	bool loopback;
	int fd;
	struct MHD_Daemon *daemon;
	pthread_t thread;
	bool started;
	void (*confined)(void);
	/* The thread's. */
	struct peer *first, *last;
	unsigned npeers, most, waiting;
	uint64_t looked; /* at the time */
	struct MHD_Response *alive, *dead, *missing, *unknown, *refused, *foreign, *method;
	/* Under the lock. */
	pthread_mutex_t lock;
	pthread_cond_t go;
	bool held;
	struct thing things[WEB_THINGS];
	unsigned asked;
	atomic_bool ending;
	atomic_ullong seen; /* when the main thread asked what is asked for */
	char log[200];      /* why the daemon could not be started */
};

static const struct {
	const char *path, *type;
} things[WEB_THINGS] = {
	[WEB_PAGE] = {"/", "text/html; charset=utf-8"},
	[WEB_REPORT] = {"/report.json", "application/json"},
	[WEB_METRICS] = {"/metrics", "text/plain; version=0.0.4; charset=utf-8"},
	[WEB_OPENMETRICS] = {"/metrics",
		"application/openmetrics-text; version=1.0.0; charset=utf-8"},
	[WEB_HISTORY] = {"/history/1h.json", "application/json"},
	{"/history/6h.json", "application/json"},
	{"/history/1d.json", "application/json"},
	{"/history/7d.json", "application/json"},
	{"/history/30d.json", "application/json"},
};

const unsigned web_history_minutes[WEB_THINGS - WEB_HISTORY] = {60, 360, 1440, 10080, 43200};

/* ---- Connections, on the thread ---- */

static void take_out(struct web *w, struct peer *p)
{
	if (p->before)
		p->before->next = p->next;
	else
		w->first = p->next;
	if (p->next)
		p->next->before = p->before;
	else
		w->last = p->before;
}

static void put_last(struct web *w, struct peer *p)
{
	p->next = NULL;
	p->before = w->last;
	if (w->last)
		w->last->next = p;
	else
		w->first = p;
	w->last = p;
}

static void becomes(struct web *w, struct peer *p, enum peer_state state)
{
	p->state = state;
	p->since = clock_monotonic();
	take_out(w, p);
	put_last(w, p);
}

/* The daemon sees it and closes the connection. */
static void end_peer(struct peer *p)
{
	shutdown(p->fd, SHUT_RDWR);
	p->ended = true;
}

/* Where there are too many, the one that has asked for nothing longest gives way; where all of them
   ask, the oldest. */
static void make_place(struct web *w)
{
	struct peer *oldest = NULL;
	unsigned alive = 0;

	if (w->npeers <= w->most)
		return;
	for (struct peer *p = w->first; p; p = p->next) {
		if (p->ended)
			continue;
		alive++;
		if (p->state == PEER_WAITS)
			continue;
		if (!oldest || (oldest->state == PEER_ASKS && p->state != PEER_ASKS))
			oldest = p;
	}
	if (alive > w->most && oldest)
		end_peer(oldest);
}

static void connection_changed(void *arg, struct MHD_Connection *c, void **context,
	enum MHD_ConnectionNotificationCode code)
{
	struct web *w = arg;
	struct peer *p = *context;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		const union MHD_ConnectionInfo *info =
			MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);

		p = xcalloc(1, sizeof(*p));
		p->connection = c;
		p->fd = info->connect_fd;
		p->since = clock_monotonic();
		*context = p;
		put_last(w, p);
		w->npeers++;
		make_place(w);
	} else if (p) {
		take_out(w, p);
		w->npeers--;
		free(p);
		*context = NULL;
	}
}

static struct peer *peer_of(struct MHD_Connection *c)
{
	return MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static void request_over(
	void *arg, struct MHD_Connection *c, void **context, enum MHD_RequestTerminationCode code)
{
	struct peer *p = peer_of(c);

	(void)code;
	*context = NULL;
	if (p)
		becomes(arg, p, PEER_IDLE);
}

/* The request is answered anew, with what there is. */
static void resume(struct web *w, struct peer *p)
{
	p->resumed = true;
	w->waiting--;
	MHD_resume_connection(p->connection);
}

static void look_at_time(struct web *w)
{
	static const uint64_t limits[] = {[PEER_NEW] = FIRST,
		[PEER_ASKS] = ANSWER,
		[PEER_WAITS] = PATIENCE,
		[PEER_IDLE] = IDLE};
	uint64_t now = clock_monotonic();

	if (now - w->looked < ROUND * MS)
		return;
	w->looked = now;
	for (struct peer *p = w->first; p; p = p->next) {
		if (p->ended || now - p->since < limits[p->state])
			continue;
		if (p->state != PEER_WAITS) {
			end_peer(p);
			continue;
		}
		if (!p->resumed)
			resume(w, p);
	}
}

/* ---- Requests, on the thread ---- */

static struct MHD_Response *response(char *data, size_t n, const char *type, const char *policy)
{
	static const char *const headers[][2] = {
		{"Cache-Control", "no-store"},
		{"Vary", "Accept"},
		{"X-Content-Type-Options", "nosniff"},
		{"X-Frame-Options", "DENY"},
		{"Referrer-Policy", "no-referrer"},
		{"Cross-Origin-Resource-Policy", "same-origin"},
		{"Cross-Origin-Opener-Policy", "same-origin"},
	};
	struct MHD_Response *r = MHD_create_response_from_buffer(n, data, MHD_RESPMEM_MUST_FREE);

	if (!r)
		out_of_memory();
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(r, "Content-Security-Policy", policy);
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		MHD_add_response_header(r, headers[i][0], headers[i][1]);
	return r;
}

static struct MHD_Response *words(const char *text)
{
	char *copy = xstrdup(text);

	return response(copy, strlen(copy), "text/plain; charset=utf-8", NO_PAGE);
}

static void make_answers(struct web *w)
{
	w->alive = words("alive\n");
	w->dead = words("what is captured is not looked at any more\n");
	w->missing = words("not ready yet\n");
	MHD_add_response_header(w->missing, MHD_HTTP_HEADER_RETRY_AFTER, "1");
	w->unknown = words("there are /, /report.json, /metrics and /healthz\n");
	w->foreign = words("on the loopback only its own names are answered: ask for localhost\n");
	w->method = words("GET and HEAD only\n");
	MHD_add_response_header(w->method, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	w->refused =
		words("a token is needed: Authorization: Bearer TOKEN, or it as the password of "
		      "any user\n");
	MHD_add_response_header(w->refused, MHD_HTTP_HEADER_WWW_AUTHENTICATE,
		"Basic realm=\"tsumari\", charset=\"UTF-8\"");
}

static void free_answers(struct web *w)
{
	struct MHD_Response *all[] = {
		w->alive, w->dead, w->missing, w->unknown, w->foreign, w->method, w->refused};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i])
			MHD_destroy_response(all[i]);
}

static const char *header(struct MHD_Connection *c, const char *name)
{
	return MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
}

static enum MHD_Result health(struct web *w, struct MHD_Connection *c)
{
	bool alive = clock_monotonic() - atomic_load(&w->seen) < DEAD;

	return MHD_queue_response(
		c, alive ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, alive ? w->alive : w->dead);
}

/* One that is fresh enough, or (late) any. */
static enum MHD_Result hand_out(struct web *w, struct peer *p, enum web_thing which)
{
	bool late = p->resumed;
	struct thing *t = &w->things[which];
	enum MHD_Result result = MHD_YES;

	p->resumed = false;
	pthread_mutex_lock(&w->lock);
	if (t->now && (late || clock_monotonic() - t->made < FRESH)) {
		becomes(w, p, PEER_ASKS);
		result = MHD_queue_response(p->connection, MHD_HTTP_OK, t->now);
	} else if (late) {
		becomes(w, p, PEER_ASKS);
		result =
			MHD_queue_response(p->connection, MHD_HTTP_SERVICE_UNAVAILABLE, w->missing);
	} else {
		p->thing = which;
		becomes(w, p, PEER_WAITS);
		w->asked |= 1u << which;
		w->waiting++;
		MHD_suspend_connection(p->connection);
	}
	pthread_mutex_unlock(&w->lock);
	return result;
}

/* Who does not ask for OpenMetrics may not understand it. */
static enum web_thing metrics_for(struct MHD_Connection *c)
{
	const char *accept = header(c, MHD_HTTP_HEADER_ACCEPT);

	return accept && strstr(accept, "application/openmetrics-text") ? WEB_OPENMETRICS
									: WEB_METRICS;
}

/* What may be asked, and by whom. */
static enum MHD_Result answer(struct web *w, struct peer *p, const char *url, const char *method)
{
	struct MHD_Connection *c = p->connection;
	const char *host = header(c, MHD_HTTP_HEADER_HOST);

	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return MHD_queue_response(c, MHD_HTTP_METHOD_NOT_ALLOWED, w->method);
	if (w->loopback && host && !web_host_is_local(host))
		return MHD_queue_response(c, MHD_HTTP_FORBIDDEN, w->foreign);
	if (strcmp(url, "/healthz") == 0)
		return health(w, c);
	if (w->token && !web_authorized(header(c, MHD_HTTP_HEADER_AUTHORIZATION), w->token))
		return MHD_queue_response(c, MHD_HTTP_UNAUTHORIZED, w->refused);
	for (int i = 0; i < WEB_THINGS; i++)
		if (strcmp(url, things[i].path) == 0 && (i < WEB_HISTORY || w->o.history))
			return hand_out(
				w, p, i == WEB_METRICS ? metrics_for(c) : (enum web_thing)i);
	return MHD_queue_response(c, MHD_HTTP_NOT_FOUND, w->unknown);
}

static enum MHD_Result request(void *arg, struct MHD_Connection *c, const char *url,
	const char *method, const char *version, const char *body, size_t *nbody, void **context)
{
	struct web *w = arg;
	struct peer *p = peer_of(c);

	(void)version;
	(void)body;
	if (!p)
		return MHD_NO;
	if (!*context) {
		*context = p; /* the head is here: once more when all of it is */
		becomes(w, p, PEER_ASKS);
		return MHD_YES;
	}
	if (*nbody) {
		*nbody = 0; /* nobody reads it */
		return MHD_YES;
	}
	return answer(w, p, url, method);
}

/* ---- The thread ---- */

/* Those that wait for one of these things. */
static void resume_all(struct web *w, unsigned which)
{
	for (struct peer *p = w->first; p; p = p->next)
		if (p->state == PEER_WAITS && !p->resumed && which >> p->thing & 1)
			resume(w, p);
}

/* What was given meanwhile is for those that wait for it. */
static void serve_waiting(struct web *w)
{
	unsigned asked;

	if (!w->waiting)
		return;
	pthread_mutex_lock(&w->lock);
	asked = w->asked;
	pthread_mutex_unlock(&w->lock);
	resume_all(w, ~asked);
}

static void *serve(void *arg)
{
	struct web *w = arg;

	pthread_mutex_lock(&w->lock);
	while (w->held)
		pthread_cond_wait(&w->go, &w->lock);
	pthread_mutex_unlock(&w->lock);
	if (w->confined)
		w->confined();
	while (!atomic_load(&w->ending)) {
		MHD_run_wait(w->daemon, w->waiting ? 20 : ROUND);
		serve_waiting(w);
		look_at_time(w);
	}
	/* The daemon may not end while one waits; who did is answered. */
	resume_all(w, UINT32_MAX);
	MHD_run_wait(w->daemon, 0);
	MHD_run_wait(w->daemon, 0);
	MHD_stop_daemon(w->daemon); /* others may not do what that needs */
	w->daemon = NULL;
	return NULL;
}

bool web_start(struct web *w, void (*confined)(void))
{
	sigset_t all, was;

	w->confined = confined;
	w->held = true;
	atomic_store(&w->seen, clock_monotonic());
	sigfillset(&all);
	sigdelset(&all, SIGSYS);
	pthread_sigmask(SIG_BLOCK, &all, &was);
	w->started = pthread_create(&w->thread, NULL, serve, w) == 0;
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	return w->started;
}

void web_go(struct web *w)
{
	pthread_mutex_lock(&w->lock);
	w->held = false;
	pthread_cond_broadcast(&w->go);
	pthread_mutex_unlock(&w->lock);
}

unsigned web_asked(struct web *w)
{
	unsigned asked;

	atomic_store(&w->seen, clock_monotonic());
	pthread_mutex_lock(&w->lock);
	asked = w->asked;
	pthread_mutex_unlock(&w->lock);
	return asked;
}

void web_give(struct web *w, enum web_thing which, char *data, size_t n)
{
	struct MHD_Response *r = response(data, n, things[which].type,
				    which == WEB_PAGE ? w->policy : NO_PAGE),
			    *old;

	pthread_mutex_lock(&w->lock);
	old = w->things[which].now;
	w->things[which].now = r;
	w->things[which].made = clock_monotonic();
	w->asked &= ~(1u << which);
	pthread_mutex_unlock(&w->lock);
	if (old)
		MHD_destroy_response(old); /* those who read it still have it */
}

const char *web_url(const struct web *w)
{
	return w->url;
}

/* ---- Where it listens ---- */

/* HOST and PORT of [HOST:]PORT; NULL: not such. */
static char *split(const char *at, char **port)
{
	char *host = xstrdup(at), *colon = strrchr(host, ':');
	char *number = colon ? colon + 1 : host;
	size_t n = strlen(number);

	if (!n || n > 5 || strspn(number, "0123456789") != n || strtoul(number, NULL, 10) > 65535 ||
		colon == host) {
		free(host);
		return NULL;
	}
	*port = xstrdup(number);
	if (!colon) {
		free(host);
		return xstrdup(WEB_ADDRESS);
	}
	*colon = '\0';
	if (*host == '[' && colon[-1] == ']') {
		colon[-1] = '\0';
		memmove(host, host + 1, strlen(host));
	} else if (strchr(host, ':')) { /* ::1:80 may mean two things */
		free(*port);
		free(host);
		return NULL;
	}
	return host;
}

bool web_is_address(const char *word)
{
	char *port, *host = split(word, &port);

	if (!host)
		return false;
	free(port);
	free(host);
	return true;
}

static bool is_loopback(const struct sockaddr *a)
{
	const struct sockaddr_in *four = (const void *)a;
	const struct sockaddr_in6 *six = (const void *)a;

	if (a->sa_family == AF_INET)
		return ntohl(four->sin_addr.s_addr) >> 24 == 127;
	return a->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
}

static int open_socket(const struct addrinfo *a)
{
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1, saved;

	if (fd < 0)
		return -1;
	/* So that it can be started again while its last connections are still remembered. */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static void say_url(struct web *w)
{
	union {
		struct sockaddr a;
		struct sockaddr_storage s;
	} name;
	socklen_t n = sizeof(name);
	char host[64] = "?", port[8] = "?";
	bool six;

	if (getsockname(w->fd, &name.a, &n) == 0)
		getnameinfo(&name.a, n, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV);
	six = strchr(host, ':') != NULL;
	snprintf(w->url, sizeof(w->url), "http%s://%s%s%s:%s/", w->certificate ? "s" : "",
		six ? "[" : "", host, six ? "]" : "", port);
}

static bool listen_at(struct web *w, const char *at, char *err, size_t errsize)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV}, *list;
	char *port = NULL, *host = split(at, &port);
	int failed;

	if (!host) {
		snprintf(err, errsize,
			"--web %.100s: [ADDRESS:]PORT is needed, such as 9177 or 127.0.0.1:9177 or "
			"[::1]:9177",
			at);
		return false;
	}
	failed = getaddrinfo(host, port, &hints, &list);
	free(host);
	free(port);
	if (failed) {
		snprintf(err, errsize, "--web %.100s: %s", at, gai_strerror(failed));
		return false;
	}
	w->loopback = is_loopback(list->ai_addr);
	if (!w->loopback && !w->token && !w->certificate && !w->o.open) {
		snprintf(err, errsize,
			"--web %.100s: others can reach it: give --web-token FILE, or --web-cert "
			"and --web-key, or --web-open where all of them may see it",
			at);
		freeaddrinfo(list);
		return false;
	}
	w->fd = open_socket(list);
	freeaddrinfo(list);
	if (w->fd < 0)
		snprintf(err, errsize, "--web %.100s: %s", at, strerror(errno));
	return w->fd >= 0;
}

/* Descriptors for others are left. */
static unsigned most_peers(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) != 0)
		return 100;
	if (l.rlim_cur < 4 * PEERS && l.rlim_cur < l.rlim_max) {
		l.rlim_cur = l.rlim_max < 4 * PEERS ? l.rlim_max : 4 * PEERS;
		setrlimit(RLIMIT_NOFILE, &l);
		getrlimit(RLIMIT_NOFILE, &l);
	}
	if (l.rlim_cur / 2 > PEERS + SPARE)
		return PEERS;
	return l.rlim_cur / 2 > 2 * SPARE ? (unsigned)l.rlim_cur / 2 - SPARE : SPARE;
}

static void daemon_says(void *arg, const char *format, va_list ap)
{
	struct web *w = arg;

	if (!w->started)
		vsnprintf(w->log, sizeof(w->log), format, ap);
}

static bool start_daemon(struct web *w, char *err, size_t errsize)
{
	static char priorities[] = "NORMAL:-VERS-TLS1.0:-VERS-TLS1.1";
	struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0, w->certificate},
		{MHD_OPTION_HTTPS_MEM_KEY, 0, w->key}, {MHD_OPTION_HTTPS_PRIORITIES, 0, priorities},
		{MHD_OPTION_END, 0, NULL}};
	struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
	unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG |
			 (w->certificate ? MHD_USE_TLS : 0);

	w->most = most_peers();
	w->daemon = MHD_start_daemon(flags, 0, NULL, NULL, request, w, MHD_OPTION_EXTERNAL_LOGGER,
		daemon_says, w, MHD_OPTION_LISTEN_SOCKET, w->fd, MHD_OPTION_CONNECTION_LIMIT,
		w->most + SPARE, MHD_OPTION_CONNECTION_MEMORY_LIMIT, MEMORY,
		MHD_OPTION_NOTIFY_CONNECTION, connection_changed, w, MHD_OPTION_NOTIFY_COMPLETED,
		request_over, w, MHD_OPTION_ARRAY, w->certificate ? tls : none, MHD_OPTION_END);
	if (w->daemon) {
		w->fd = -1; /* it is the daemon's */
		return true;
	}
	w->log[strcspn(w->log, "\n")] = '\0';
	snprintf(err, errsize, "--web: %s%s", w->certificate ? "--web-cert, --web-key: " : "",
		w->log[0] ? w->log : "it cannot be started");
	return false;
}

struct web *web_new(const struct web_options *o, char *err, size_t errsize)
{
	struct web *w = xcalloc(1, sizeof(*w));
	const char *at = o->at ? o->at : WEB_ADDRESS ":" WEB_PORT;

	w->o = *o;
	w->token = o->token ? xstrdup(o->token) : NULL;
	w->certificate = o->certificate ? xstrdup(o->certificate) : NULL;
	w->key = o->key ? xstrdup(o->key) : NULL;
	w->policy = xstrdup(o->policy);
	w->fd = -1;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->go, NULL);
	if (listen_at(w, at, err, errsize)) {
		say_url(w);
		make_answers(w);
		if (start_daemon(w, err, errsize))
			return w;
	}
	web_free(w);
	return NULL;
}

void web_free(struct web *w)
{
	if (!w)
		return;
	if (w->started) {
		atomic_store(&w->ending, true);
		web_go(w);
		pthread_join(w->thread, NULL);
	}
	if (w->daemon)
		MHD_stop_daemon(w->daemon);
	if (w->fd >= 0)
		close(w->fd);
	free_answers(w);
	for (int i = 0; i < WEB_THINGS; i++)
		if (w->things[i].now)
			MHD_destroy_response(w->things[i].now);
	if (w->token)
		explicit_bzero(w->token, strlen(w->token));
	if (w->key)
		explicit_bzero(w->key, strlen(w->key));
	free(w->token);
	free(w->certificate);
	free(w->key);
	free(w->policy);
	pthread_cond_destroy(&w->go);
	pthread_mutex_destroy(&w->lock);
	free(w);
}
