/*
 * mysql_login.c - how a connection begins: the server's greeting, or the error in its place, the
 * client's login, and what both say until the client is let in or refused (MySQL source
 * documentation, "Connection Phase").
 *
 * The server speaks first. A greeting is a record of its own only where it says that there is no
 * place for the client, or where it was waited for. A client whose login can be checked waits for
 * it, as the password is mixed with what it holds; health checks do not.
 *
 * Passwords and other authentication data are never read.
 */
#include "mysql.h"

#define GREETING_LATE UINT64_C(100000000) /* ns: from here on somebody waited for it */
#define LOGIN_320     5u                  /* bytes before the user, before protocol 4.1 */

static struct view nothing(void)
{
	return view_of("", 0, 0);
}

static void agree(struct mysql *h)
{
	h->caps_known = h->server_caps && h->client_caps;
	h->caps = h->client_caps & h->server_caps;
}

/* There is no place for the client: too many connections, its host is blocked. */
static void refused(struct session *s, struct mysql *h, const uint8_t *p, struct view v)
{
	struct tsm_txn t;

	if (h->waiting) { /* it has logged in already */
		mysql_respond(s, h, p);
		mysql_failed(s, h, v);
		return;
	}
	t = tsm_greeting(s, p);
	tsm_name(t, F_COMMAND, "GREETING");
	mysql_bare(t, "GREETING");
	mysql_error(s, t, v);
	h->side[SIDE_SERVER].after = AFTER_EVENT;
}

static void greeted_late(struct session *s, struct mysql *h, const uint8_t *p)
{
	uint64_t since = tsm_established(s);
	struct tsm_txn t;

	if (!since || tsm_time(s, p) < since + GREETING_LATE || h->waiting)
		return;
	t = tsm_greeting(s, p);
	tsm_name(t, F_COMMAND, "GREETING");
	mysql_bare(t, "GREETING");
	tsm_status(t, STATUS_OK);
	tsm_str(t, F_VERSION, mysql_kept(h->version, h->version_len));
	h->side[SIDE_SERVER].after = AFTER_EVENT;
}

/* Protocol::HandshakeV10. */
bool mysql_greeting(struct session *s, struct mysql *h, const uint8_t *p, struct view v)
{
	struct view version;

	if (view_len(&v) && *v.p == 0xff) {
		refused(s, h, p, v);
		return true;
	}
	if (view_le(&v, 1) != 10)
		return false;
	version = view_text(&v);
	/* MariaDB says 5.5.5- first for the sake of old replicas. */
	if (view_len(&version) > 6 && memcmp(version.p, "5.5.5-", 6) == 0 &&
		memmem(version.p, view_len(&version), "MariaDB", 7))
		version.p += 6;
	mysql_keep(h->version, &h->version_len, version);
	(void)view_take(&v, 13);
	h->server_caps = (uint32_t)view_le(&v, 2);
	(void)view_take(&v, 3);
	h->server_caps |= (uint32_t)view_le(&v, 2) << 16;
	if (v.bad)
		h->server_caps = 0;
	agree(h);
	h->side[SIDE_SERVER].phase = P_AUTH;
	greeted_late(s, h, p);
	return true;
}

/* What follows the fixed part of a login; `old`: as it was before protocol 4.1. */
static void who(struct mysql *h, struct tsm_txn t, uint32_t caps, bool old, struct view *v)
{
	struct view user = view_text(v), schema = nothing(), plugin = nothing();

	if (!old && caps & CLIENT_LENENC_AUTH)
		(void)mysql_lenenc_text(v);
	else if (!old && caps & CLIENT_SECURE)
		(void)view_take(v, (size_t)view_le(v, 1));
	else
		(void)view_text(v);
	if (caps & CLIENT_CONNECT_WITH_DB)
		schema = view_text(v);
	if (!old && caps & CLIENT_PLUGIN_AUTH)
		plugin = view_text(v);
	mysql_keep(h->user, &h->user_len, user);
	mysql_keep(h->next_schema, &h->next_schema_len, schema);
	mysql_keep(h->plugin, &h->plugin_len, plugin);
	if (view_len(&user))
		tsm_str(t, F_USER, user);
	if (view_len(&schema))
		tsm_str(t, F_SCHEMA, schema);
}

/* Protocol::HandshakeResponse41, HandshakeResponse320, SSLRequest. */
bool mysql_login(struct session *s, struct mysql *h, const uint8_t *p, uint32_t len, struct view v)
{
	struct mysql_stream *x = &h->side[SIDE_CLIENT], *server = &h->side[SIDE_SERVER];
	uint32_t caps = (uint32_t)view_le(&v, 2);
	bool old = !(caps & CLIENT_PROTOCOL_41);
	uint64_t collation = 0;
	struct tsm_txn t;

	if (!old)
		caps |= (uint32_t)view_le(&v, 2) << 16;
	(void)view_take(&v, old ? 3 : 4);
	if (!old) {
		collation = view_le(&v, 1);
		(void)view_take(&v, 23);
	}
	if (v.bad)
		return false;
	t = tsm_request(s, 0, p);
	tsm_set_tag(t, MYSQL_LOGIN | TAG_SCHEMA);
	tsm_name(t, F_COMMAND, "LOGIN");
	mysql_bare(t, "LOGIN");
	if (!old)
		tsm_u64(t, F_COLLATION, collation);
	if (h->version_len)
		tsm_str(t, F_VERSION, mysql_kept(h->version, h->version_len));
	if (server->phase == P_GREETING && !server->lost)
		tsm_u64(t, F_BEFORE_GREETING, 1);
	if (len == 32 && !old && caps & CLIENT_SSL) {
		tsm_u64(t, F_TLS, 1);
		x->after = AFTER_TLS;
		return true;
	}
	who(h, t, caps, old, &v);
	if (v.bad)
		tsm_flag(t, v.cut || len > MYSQL_LOGIN_MAX ? QUALITY_TRUNCATED : QUALITY_MALFORMED);
	h->client_caps = caps;
	agree(h);
	if (h->caps & CLIENT_COMPRESS)
		tsm_name(t, F_COMPRESSION, "zlib");
	else if (h->caps & CLIENT_ZSTD)
		tsm_name(t, F_COMPRESSION, "zstd");
	h->waiting = 1;
	x->phase = P_AUTH;
	if (server->lost)
		server->phase = P_AUTH;
	x->after = AFTER_REQUEST;
	return true;
}

/* What the server says while it lets the client in. */
bool mysql_authentication(
	struct session *s, struct mysql *h, const uint8_t *p, uint32_t len, struct view v)
{
	struct tsm_txn t;

	if (!view_len(&v))
		return false;
	if (*v.p == 0xfe && len > 1) { /* another method */
		(void)view_le(&v, 1);
		mysql_keep(h->plugin, &h->plugin_len, view_text(&v));
		return true;
	}
	if (*v.p != 0 && *v.p != 0xff)
		return *v.p <= 2 || *v.p == 0xfe; /* more of its data */
	t = mysql_respond(s, h, p);
	if (h->plugin_len)
		tsm_str(t, F_AUTH_PLUGIN, mysql_kept(h->plugin, h->plugin_len));
	if (*v.p == 0xff) {
		mysql_failed(s, h, v);
		return true;
	}
	mysql_ok(h, v, false);
	h->side[SIDE_SERVER].after = AFTER_RESPONSE;
	h->side[SIDE_CLIENT].phase = P_START;
	return true;
}

/* A server that has greeted waits for the login, for connect_timeout at most. */
void mysql_end(struct session *s, struct mysql *h, enum side side, enum tsm_end why)
{
	const struct mysql_stream *client = &h->side[SIDE_CLIENT], *server = &h->side[SIDE_SERVER];
	struct tsm_txn t;

	if (side == SIDE_CLIENT) {
		h->client_gone = why == END_FIN;
		return;
	}
	if (!h->begun || (why != END_FIN && why != END_RST) || h->client_gone || client->lost ||
		server->lost || client->phase != P_LOGIN || server->phase != P_AUTH)
		return;
	t = tsm_unsent(s);
	tsm_name(t, F_COMMAND, "LOGIN");
	mysql_bare(t, "LOGIN");
	tsm_str(t, F_VERSION, mysql_kept(h->version, h->version_len));
	tsm_abandon(s, t);
}
