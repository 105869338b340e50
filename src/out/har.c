/*
 * har.c - HTTP Archive 1.2 (har.h).
 *
 * The times of an entry are contiguous: connect (with the first transaction of a connection, as the
 * ledger has it), then send, wait, receive between the four stamps. startedDateTime is therefore
 * the request's first byte less the time to connect, and `time` is the ledger's total. blocked and
 * dns are not to be had from packets: -1. The format has no way to say that send, wait or receive
 * are not known: they are 0 then, and the entry's comment says so.
 */
#include "out/har.h"
#include "base/mem.h"
#include "base/text.h"
#include "core/registry.h"
#include "out/jsontree.h"
#include "out/schema.h"
#include "out/stream.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	C_VERSION,
	C_METHOD,
	C_REQ_BYTES,
	C_REQ_BODY,
	C_REQ_MIME,
	C_REFERRER,
	C_REQ_ID,
	C_STATUS,
	C_PHRASE,
	C_RES_BYTES,
	C_RES_BODY,
	C_RES_MIME,
	C_FULL,
	C_PATH,
	C_QUERY,
	C_AGENT,
	C_ENCODING,
	C_COUNT
};

static const char *const names[C_COUNT] = {
	[C_VERSION] = "http.version",
	[C_METHOD] = "http.request.method",
	[C_REQ_BYTES] = "http.request.bytes",
	[C_REQ_BODY] = "http.request.body.bytes",
	[C_REQ_MIME] = "http.request.mime_type",
	[C_REFERRER] = "http.request.referrer",
	[C_REQ_ID] = "http.request.id",
	[C_STATUS] = "http.response.status_code",
	[C_PHRASE] = "http.response.status_phrase",
	[C_RES_BYTES] = "http.response.bytes",
	[C_RES_BODY] = "http.response.body.bytes",
	[C_RES_MIME] = "http.response.mime_type",
	[C_FULL] = "url.full",
	[C_PATH] = "url.path",
	[C_QUERY] = "url.query",
	[C_AGENT] = "user_agent.original",
	[C_ENCODING] = "tsumari.http.content_encoding",
};

#define CLOSING   "\n]}}\n"
#define PROTOCOLS 4u /* of the web; further ones are left out */

struct protocol {
	const struct dissector *dissector;
	struct schema *schema;
	const struct schema_column *column[C_COUNT]; /* NULL: it has no such field */
};

struct har {
	struct stream *to;
	FILE *out;   /* of it */
	bool closed; /* the reader has gone */
	uint64_t entries, left_out;
	struct protocol protocol[PROTOCOLS];
	struct schema_env env;
	char *path;
	char error[256];
};

/* The values of one transaction. */
struct values {
	const struct txn_record *t;
	bool there[C_COUNT];
	struct schema_value v[C_COUNT];
};

static void check(struct har *h, int error)
{
	if (!error || h->closed || h->error[0])
		return;
	if (error == EPIPE)
		h->closed = true;
	else
		snprintf(h->error, sizeof(h->error), "cannot write %s: %s", h->path,
			strerror(error));
}

static bool open_protocol(struct protocol *p, const struct dissector *d, char *err, size_t errsize)
{
	p->dissector = d;
	p->schema = schema_new(d, err, errsize);
	if (!p->schema)
		return false;
	for (unsigned i = 0; i < C_COUNT; i++)
		p->column[i] = schema_find(p->schema, names[i]);
	return true;
}

struct har *har_new(const char *path, const char *version, char *err, size_t errsize)
{
	struct har *h = xcalloc(1, sizeof(*h));
	struct json_object *creator;
	bool input = strcmp(path, "-") == 0;

	h->path = xstrdup(input ? "standard output" : path);
	for (unsigned i = 0, n = 0; i < registry_count() && n < PROTOCOLS; i++)
		if (registry_model(registry_get(i))->kind == KIND_WEB &&
			!open_protocol(&h->protocol[n++], registry_get(i), err, errsize)) {
			har_free(h);
			return NULL;
		}
	h->to = stream_open(path, false, STREAM_MARKS);
	if (!h->to) {
		snprintf(err, errsize, "--har: cannot write %s: %s", path, strerror(errno));
		har_free(h);
		return NULL;
	}
	h->out = stream_file(h->to);
	creator = jsontree_object(NULL, NULL);
	jsontree_put(creator, "name", jsontree_text("tsumari"));
	jsontree_put(creator, "version", jsontree_text(version));
	fputs("{\"log\":{\"version\":\"1.2\",\"creator\":", h->out);
	jsontree_write(creator, h->out);
	fputs(",\"entries\":[", h->out);
	stream_mark(h->to, CLOSING);
	json_object_put(creator);
	return h;
}

static struct json_object *text_of(const struct values *x, unsigned c, const char *otherwise)
{
	return x->there[c] ? jsontree_bytes(x->v[c].p, x->v[c].n) : jsontree_text(otherwise);
}

static struct json_object *named(struct json_object *array, const char *name)
{
	struct json_object *o = jsontree_object(NULL, NULL);

	jsontree_append(array, o);
	jsontree_put(o, "name", jsontree_text(name));
	return o;
}

static void header(const struct values *x, struct json_object *array, unsigned c, const char *name)
{
	if (x->there[c])
		jsontree_put(named(array, name), "value", text_of(x, c, ""));
}

/* What may not stand in a URL (RFC 3986, 2) as it is: by its number. */
static void url_bytes(struct text *t, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char b = (unsigned char)p[i];

		if (b <= ' ' || b >= 0x7f || strchr("\"<>\\^`{|}", b))
			text_printf(t, "%%%02X", b);
		else
			text_char(t, p[i]);
	}
}

static bool url(const struct values *x, struct text *t)
{
	const struct record *r = &x->t->r;

	if (x->there[C_FULL] && memmem(x->v[C_FULL].p, x->v[C_FULL].n, "://", 3)) {
		url_bytes(t, x->v[C_FULL].p, x->v[C_FULL].n);
		return true;
	}
	if (!x->there[C_PATH] || x->v[C_PATH].p[0] != '/')
		return false;
	text_str(t, "http://");
	text_endpoint(t, &r->server.ip, r->server.port);
	url_bytes(t, x->v[C_PATH].p, x->v[C_PATH].n);
	if (x->there[C_QUERY]) {
		text_char(t, '?');
		url_bytes(t, x->v[C_QUERY].p, x->v[C_QUERY].n);
	}
	return true;
}

static int hex(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c | 0x20) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* application/x-www-form-urlencoded: '+' is a blank, %41 is A. */
static struct json_object *decoded(const char *p, size_t n)
{
	char *to = xmalloc(n + 1);
	size_t len = 0;
	struct json_object *o;

	for (size_t i = 0; i < n; i++) {
		if (p[i] == '%' && i + 2 < n && hex(p[i + 1]) >= 0 && hex(p[i + 2]) >= 0) {
			to[len++] = (char)(hex(p[i + 1]) << 4 | hex(p[i + 2]));
			i += 2;
		} else {
			to[len++] = p[i] == '+' ? ' ' : p[i];
		}
	}
	o = jsontree_bytes(to, len);
	free(to);
	return o;
}

static void query_string(const struct values *x, struct json_object *array)
{
	const char *p = x->there[C_QUERY] ? x->v[C_QUERY].p : NULL;
	const char *end = p ? p + x->v[C_QUERY].n : NULL;

	while (p && p < end) {
		const char *stop = memchr(p, '&', (size_t)(end - p)), *equal;

		if (!stop)
			stop = end;
		equal = memchr(p, '=', (size_t)(stop - p));
		if (!equal)
			equal = stop;
		if (stop > p) {
			struct json_object *o = jsontree_object(NULL, NULL);

			jsontree_append(array, o);
			jsontree_put(o, "name", decoded(p, (size_t)(equal - p)));
			jsontree_put(o, "value",
				equal < stop ? decoded(equal + 1, (size_t)(stop - equal - 1))
					     : jsontree_text(""));
		}
		p = stop + 1;
	}
}

/* Bytes of a body; 0 where the message is known and had none, -1 where it is not known. */
static struct json_object *body_size(const struct values *x, unsigned body, unsigned whole)
{
	if (x->there[body])
		return jsontree_u64(x->v[body].u64);
	return x->there[whole] ? jsontree_u64(0) : jsontree_int(-1);
}

static struct json_object *http_version(const struct values *x)
{
	char buffer[32];
	struct text t;

	text_init(&t, buffer, sizeof(buffer));
	if (x->there[C_VERSION]) {
		text_str(&t, "HTTP/");
		text_put(&t, x->v[C_VERSION].p, x->v[C_VERSION].n);
	}
	return jsontree_bytes(t.p, t.len);
}

static void request_part(
	const struct values *x, const struct text *where, struct json_object *entry)
{
	struct json_object *o = jsontree_object(entry, "request"), *headers;

	jsontree_put(o, "method", text_of(x, C_METHOD, ""));
	jsontree_put(o, "url", jsontree_bytes(where->p, where->len));
	jsontree_put(o, "httpVersion", http_version(x));
	jsontree_array(o, "cookies");
	headers = jsontree_array(o, "headers");
	header(x, headers, C_AGENT, "User-Agent");
	header(x, headers, C_REFERRER, "Referer");
	header(x, headers, C_REQ_MIME, "Content-Type");
	header(x, headers, C_REQ_ID, "X-Request-ID");
	query_string(x, jsontree_array(o, "queryString"));
	jsontree_put(o, "headersSize", jsontree_int(-1));
	jsontree_put(o, "bodySize", body_size(x, C_REQ_BODY, C_REQ_BYTES));
}

static void response_part(const struct values *x, struct json_object *entry)
{
	struct json_object *o = jsontree_object(entry, "response"), *headers, *content;

	jsontree_put(o, "status", jsontree_u64(x->there[C_STATUS] ? x->v[C_STATUS].u64 : 0));
	jsontree_put(o, "statusText", text_of(x, C_PHRASE, ""));
	jsontree_put(o, "httpVersion", x->there[C_STATUS] ? http_version(x) : jsontree_text(""));
	jsontree_array(o, "cookies");
	headers = jsontree_array(o, "headers");
	header(x, headers, C_RES_MIME, "Content-Type");
	header(x, headers, C_ENCODING, "Content-Encoding");
	content = jsontree_object(o, "content");
	/* How long it is when it is unpacked was not looked at. */
	jsontree_put(content, "size",
		x->there[C_ENCODING] ? jsontree_int(-1) : body_size(x, C_RES_BODY, C_RES_BYTES));
	jsontree_put(content, "mimeType", text_of(x, C_RES_MIME, "x-unknown"));
	jsontree_put(o, "redirectURL", jsontree_text(""));
	jsontree_put(o, "headersSize", jsontree_int(-1));
	jsontree_put(o, "bodySize", body_size(x, C_RES_BODY, C_RES_BYTES));
}

struct timings {
	uint64_t connect, tls, send, wait, receive; /* ns */
	bool connected;                             /* connect is this transaction's */
	const char *unknown;
};

static uint64_t known(uint64_t v)
{
	return v == FIELD_ABSENT ? 0 : v;
}

static struct timings timings_of(const struct txn_record *t)
{
	struct timings x = {
		.tls = t->ledger[LEDGER_CONNECT_TLS],
		.send = known(t->request),
		.wait = known(t->wait),
		.receive = known(t->response),
		.connected = t->r.quality & 1u << QUALITY_CONNECT,
	};
	uint64_t rest;

	x.connect = t->ledger[LEDGER_CONNECT_RETRY] + t->ledger[LEDGER_CONNECT_NETWORK] + x.tls;
	if (t->response != FIELD_ABSENT) {
		/* Behind its last byte some were sent again, and received then. */
		rest = x.connect + x.send + x.wait;
		if (t->r.quality & 1u << QUALITY_RESENT_END && t->total != FIELD_ABSENT &&
			t->total > rest)
			x.receive = t->total - rest;
		return x;
	}
	/* Given up by an end of the connection, the ledger runs up to there. */
	rest = t->total == FIELD_ABSENT ? 0 : t->total - x.connect;
	if (t->total == FIELD_ABSENT)
		x.unknown = t->stamp[2] == FIELD_ABSENT
				    ? "no response was seen: how long it took is not known"
				    : "the end of the response was not seen: how long it took is "
				      "not known";
	else
		x.unknown =
			t->stamp[2] == FIELD_ABSENT
				? "no response was seen: wait is up to the end of the connection"
				: "the end of the response was not seen: receive is up to the "
				  "end of the connection";
	rest = rest > x.send ? rest - x.send : 0;
	if (t->wait == FIELD_ABSENT)
		x.wait = rest;
	else
		x.receive = rest > x.wait ? rest - x.wait : 0;
	return x;
}

static struct json_object *none(void)
{
	return jsontree_int(-1);
}

static void timing_part(const struct timings *x, struct json_object *entry)
{
	struct json_object *o = jsontree_object(entry, "timings");

	jsontree_put(o, "blocked", none());
	jsontree_put(o, "dns", none());
	jsontree_put(o, "connect", x->connected ? jsontree_ms(x->connect) : none());
	jsontree_put(o, "ssl", x->tls ? jsontree_ms(x->tls) : none());
	jsontree_put(o, "send", jsontree_ms(x->send));
	jsontree_put(o, "wait", jsontree_ms(x->wait));
	jsontree_put(o, "receive", jsontree_ms(x->receive));
}

/* What HAR has no place for, under names that begin with '_' as it asks. */
static void own_part(const struct txn_record *t, struct json_object *entry)
{
	struct json_object *ledger, *quality;

	if (t->total != FIELD_ABSENT) {
		ledger = jsontree_object(entry, "_ledger");
		for (int i = 0; i < LEDGER_COUNT; i++)
			if (t->ledger[i])
				jsontree_put(ledger, ledger_names[i], jsontree_ms(t->ledger[i]));
	}
	quality = jsontree_array(entry, "_quality");
	for (int i = 0; i < QUALITY_COUNT; i++)
		if (t->r.quality & 1u << i)
			jsontree_append(quality, jsontree_text(quality_names[i]));
}

static struct json_object *entry_of(const struct values *x, const struct text *where)
{
	const struct record *r = &x->t->r;
	struct timings times = timings_of(x->t);
	struct json_object *entry = jsontree_object(NULL, NULL);
	char id[24];

	jsontree_put(entry, "startedDateTime", jsontree_time(r->start - times.connect));
	jsontree_put(entry, "time",
		jsontree_ms(times.connect + times.send + times.wait + times.receive));
	request_part(x, where, entry);
	response_part(x, entry);
	jsontree_object(entry, "cache");
	timing_part(&times, entry);
	jsontree_put(entry, "serverIPAddress", jsontree_addr(&r->server.ip));
	snprintf(id, sizeof(id), "%llu", (unsigned long long)r->flow_id);
	jsontree_put(entry, "connection", jsontree_text(id));
	own_part(x->t, entry);
	if (times.unknown)
		jsontree_put(entry, "comment", jsontree_text(times.unknown));
	return entry;
}

static void on_record(void *arg, const struct record *r)
{
	struct har *h = arg;
	const struct protocol *p = NULL;
	struct values x = {.t = (const struct txn_record *)r};
	char buffer[8192];
	struct text where;

	for (unsigned i = 0; i < PROTOCOLS && r->kind == RECORD_TXN; i++)
		if (h->protocol[i].dissector == r->dissector)
			p = &h->protocol[i];
	if (!p || h->closed || h->error[0])
		return;
	for (unsigned i = 0; i < C_COUNT; i++)
		x.there[i] = p->column[i] && schema_get(p->column[i], r, &h->env, &x.v[i]);
	text_init(&where, buffer, sizeof(buffer));
	if (x.t->stamp[0] == FIELD_ABSENT || !x.there[C_METHOD] || !url(&x, &where)) {
		h->left_out++;
		return;
	}
	struct json_object *entry = entry_of(&x, &where);

	fputs(h->entries++ ? ",\n" : "\n", h->out);
	jsontree_write(entry, h->out);
	json_object_put(entry);
	stream_mark(h->to, CLOSING);
	check(h, stream_flush(h->to));
}

static bool on_poll(void *arg)
{
	struct har *h = arg;

	check(h, stream_flush(h->to));
	return !h->closed && !h->error[0];
}

struct sink har_sink(struct har *h)
{
	return (struct sink){.arg = h, .record = on_record, .poll = on_poll};
}

bool har_finish(struct har *h)
{
	fputs("\n]", h->out);
	if (h->left_out)
		fprintf(h->out,
			",\"comment\":\"%llu left out: the request was not seen, or has no URL\"",
			(unsigned long long)h->left_out);
	fputs("}}\n", h->out);
	stream_mark(h->to, NULL);
	check(h, stream_close(h->to));
	h->to = NULL;
	return !h->error[0];
}

const char *har_error(const struct har *h)
{
	return h->error[0] ? h->error : NULL;
}

void har_free(struct har *h)
{
	if (!h)
		return;
	for (unsigned i = 0; i < PROTOCOLS; i++)
		schema_free(h->protocol[i].schema);
	stream_close(h->to);
	free(h->path);
	free(h);
}
