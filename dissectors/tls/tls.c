/*
 * tls.c - the TLS handshake (RFC 8446, RFC 5246), on any port: who was asked for (RFC 6066), what
 * was agreed on (ALPN: RFC 7301), and how long it took.
 *
 * One transaction a connection: the ClientHello and everything of the server that answers it. Its
 * time is the connection's own cost. The hellos are read, all other records passed over; once the
 * handshake is over nothing more is wanted. The end can be seen though it is encrypted: up to
 * TLS 1.2 it is the second Finished, which follows a ChangeCipherSpec; in TLS 1.3 the first
 * encrypted record of the client is its Finished.
 */
#include "tls.h"
#include "show.h"

const struct field tls_fields[] = {
	[F_NAME] = FIELD("tls.client.server_name", "SNI", "Server name that the client asked for",
		FIELD_STR, 24),
	[F_ALPN] = FIELD("tls.next_protocol", "ALPN",
		"Protocol inside, where it can be seen (up to TLS 1.2): the server's choice",
		FIELD_STR, 8),
	[F_VERSION] = FIELD("tls.version", "Version", "Version agreed on", FIELD_NAME, 4),
	[F_PROTOCOL] = FIELD("tls.version_protocol", "Protocol", "tls or ssl", FIELD_NAME, 4),
	[F_CIPHER] = FIELD("tls.cipher", "Cipher", "Cipher suite agreed on", FIELD_STR, 30),
	[F_ESTABLISHED] = FIELD(
		"tls.established", "Established", "The handshake came to its end", FIELD_BOOL, 5),
	[F_RESUMED] =
		FIELD("tls.resumed", "Resumed", "An earlier session was resumed", FIELD_BOOL, 5),
	[F_HANDSHAKE] = FIELD("tsumari.tls.handshake", "Handshake",
		"ClientHello to the end of the handshake", FIELD_DURATION, 9),
	[F_RETRY] = FIELD("tsumari.tls.retry", "Retry",
		"The server wanted another ClientHello (HelloRetryRequest)", FIELD_BOOL, 5),
	[F_ALERT] = FIELD("tsumari.tls.alert", "Alert",
		"Number of the alert that ended the handshake (RFC 8446, 6)", FIELD_U64, 5),
	[D_TYPE] =
		FIELD_SHOWN("tls.record.content_type", "Type", "What the record holds.", FIELD_U64),
	[D_VERSION] = FIELD_SHOWN("tls.record.version", "Version", "Of the record.", FIELD_ID),
	[D_LENGTH] = FIELD_SHOWN("tls.record.length", "Length", "Bytes that follow.", FIELD_BYTES),
	[D_MESSAGE] = FIELD_SHOWN("tls.handshake.type", "Message", "Of the handshake.", FIELD_U64),
	[D_MESSAGE_LENGTH] =
		FIELD_SHOWN("tls.handshake.length", "Length", "Bytes that follow.", FIELD_BYTES),
	[D_HELLO_VERSION] =
		FIELD_SHOWN("tls.handshake.version", "Version", "Offered, or agreed on.", FIELD_ID),
	[D_SUITES] = FIELD_SHOWN("tls.handshake.cipher_suites_length", "Ciphers",
		"Bytes of the list of suites offered.", FIELD_BYTES),
	[D_EXT] =
		FIELD_SHOWN("tls.handshake.extension.type", "Extension", "Its number.", FIELD_U64),
	[D_LEVEL] = FIELD_SHOWN("tls.alert_message.level", "Level", "2: fatal.", FIELD_U64),
	[D_REST] =
		FIELD_SHOWN("tls.rest", "Bytes", "Bytes in the middle of a record.", FIELD_BYTES),
	FIELDS_END,
};

struct tls {
	bool hello[2], cipher[2], lost[2]; /* by side; cipher: ChangeCipherSpec was sent */
	bool retried, resumed;
	bool sealed;     /* behind what was lost of it, the client has sent application data */
	bool finished;   /* TLS 1.3: a record as long as a Finished came of the server, */
	bool early;      /* and more behind it: its tickets came with the handshake */
	bool at_once;    /* the record that may be a ticket came so */
	bool asked;      /* the client has said something behind its Finished */
	uint8_t tickets; /* TLS 1.3: what of the server's first records is known */
	uint16_t version;
	uint32_t ticket; /* bytes of a record that is one */
	uint64_t begin;  /* time of the ClientHello's first byte */
	uint64_t answer; /* from the ClientHello to the ServerHello, ns */
	uint64_t done;   /* time of the end of the client's Finished, of a ticket */
};

/* Behind the handshake of TLS 1.3: nothing yet, a record that may be a ticket, tickets. */
enum { T_NONE, T_FIRST, T_MAYBE, T_SEEN };
#define TICKET_MIN   64u /* bytes of a record that may be one */
#define TICKET_MAX   2048u
#define GRACE        2000000u /* ns that a ticket may take longer than a ServerHello */
#define CLOSE_NOTIFY (HEADER + 19u)

static const struct {
	uint16_t id;
	const char *name;
} ciphers[] = {
	{0x000a, "TLS_RSA_WITH_3DES_EDE_CBC_SHA"},
	{0x002f, "TLS_RSA_WITH_AES_128_CBC_SHA"},
	{0x0033, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA"},
	{0x0035, "TLS_RSA_WITH_AES_256_CBC_SHA"},
	{0x0039, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA"},
	{0x003c, "TLS_RSA_WITH_AES_128_CBC_SHA256"},
	{0x003d, "TLS_RSA_WITH_AES_256_CBC_SHA256"},
	{0x009c, "TLS_RSA_WITH_AES_128_GCM_SHA256"},
	{0x009d, "TLS_RSA_WITH_AES_256_GCM_SHA384"},
	{0x009e, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"},
	{0x009f, "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384"},
	{0x1301, "TLS_AES_128_GCM_SHA256"},
	{0x1302, "TLS_AES_256_GCM_SHA384"},
	{0x1303, "TLS_CHACHA20_POLY1305_SHA256"},
	{0xc009, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"},
	{0xc00a, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA"},
	{0xc013, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"},
	{0xc014, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA"},
	{0xc023, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256"},
	{0xc027, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256"},
	{0xc028, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384"},
	{0xc02b, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"},
	{0xc02c, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"},
	{0xc02f, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"},
	{0xc030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"},
	{0xcca8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"},
	{0xcca9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"},
};

const char *tls_suite_name(unsigned id)
{
	for (size_t i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++)
		if (ciphers[i].id == id)
			return ciphers[i].name;
	return NULL;
}

static struct view text(const char *s)
{
	return view_of(s, strlen(s), 0);
}

static void set_cipher(struct tsm_txn t, uint16_t id)
{
	static const char hex[] = "0123456789abcdef";
	char other[6] = {
		'0', 'x', hex[id >> 12], hex[id >> 8 & 15], hex[id >> 4 & 15], hex[id & 15]};

	for (size_t i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++)
		if (ciphers[i].id == id) {
			tsm_str(t, F_CIPHER, text(ciphers[i].name));
			return;
		}
	tsm_str(t, F_CIPHER, view_of(other, sizeof(other), 0));
}

static void set_version(struct tsm_txn t, uint16_t version)
{
	static const char *const names[] = {"3.0", "1.0", "1.1", "1.2", "1.3"};

	if (version >> 8 != 3 || (version & 0xff) > 4)
		return;
	tsm_name(t, F_VERSION, names[version & 0xff]);
	tsm_name(t, F_PROTOCOL, version & 0xff ? "tls" : "ssl");
}

/* server_name: a list of (type, name); the type 0 is a host's (RFC 6066, 3). */
static void host_name(struct tsm_txn t, struct view v)
{
	struct view list = view_sub(&v, (size_t)view_be(&v, 2)), name;

	if (view_be(&list, 1) != 0)
		return;
	name = view_sub(&list, (size_t)view_be(&list, 2));
	if (list.bad || name.bad || !view_len(&name))
		return;
	tsm_str(t, F_NAME, name);
	tsm_op(t, text("HELLO"), name);
}

static void first_protocol(struct tsm_txn t, struct view v)
{
	struct view list = view_sub(&v, (size_t)view_be(&v, 2)), name;

	name = view_sub(&list, (size_t)view_be(&list, 1));
	if (!list.bad && !name.bad && view_len(&name))
		tsm_str(t, F_ALPN, name);
}

static void extensions(struct tls *x, struct tsm_txn t, struct view v, enum side side)
{
	struct view all = view_sub(&v, (size_t)view_be(&v, 2));

	for (unsigned i = 0; i < 256 && view_len(&all) && !all.bad; i++) {
		uint64_t type = view_be(&all, 2);
		struct view body = view_sub(&all, (size_t)view_be(&all, 2));

		if (all.bad || body.bad)
			return;
		if (type == EXT_NAME && side == SIDE_CLIENT)
			host_name(t, body);
		else if (type == EXT_ALPN && side == SIDE_SERVER)
			first_protocol(t, body);
		else if (type == EXT_VERSIONS && side == SIDE_SERVER)
			x->version = (uint16_t)view_be(&body, 2);
		else if (type == EXT_PSK && side == SIDE_SERVER) {
			x->resumed = true;
			tsm_u64(t, F_RESUMED, 1);
		}
	}
}

/* A ServerHello with this random is a HelloRetryRequest (RFC 8446, 4.1.3). */
static bool is_retry(const uint8_t *random)
{
	static const uint8_t mark[8] = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11};

	return random && memcmp(random, mark, sizeof(mark)) == 0;
}

/* What is between the message's header and its extensions (RFC 8446, 4.1.2 and 4.1.3). */
static void hello(struct tls *x, struct tsm_txn t, struct view v, enum side side)
{
	uint16_t version = (uint16_t)view_be(&v, 2);
	const uint8_t *random = view_take(&v, 32);

	(void)view_sub(&v, (size_t)view_be(&v, 1)); /* session identifier */
	if (side == SIDE_CLIENT) {
		(void)view_sub(&v, (size_t)view_be(&v, 2)); /* cipher suites */
		(void)view_sub(&v, (size_t)view_be(&v, 1)); /* compression methods */
		if (!v.bad)
			extensions(x, t, v, side);
	} else {
		uint16_t cipher = (uint16_t)view_be(&v, 2);

		(void)view_be(&v, 1); /* compression method */
		x->version = version;
		x->retried = is_retry(random);
		if (x->retried)
			tsm_u64(t, F_RETRY, 1);
		if (!v.bad) {
			set_cipher(t, cipher);
			if (view_len(&v))
				extensions(x, t, v, side);
			set_version(t, x->version);
		}
	}
	if (v.bad)
		tsm_flag(t, QUALITY_MALFORMED);
}

/* The hello at the front of a record's content, as far as it is there; its records lie from at to
   end on the wire. */
static void on_hello(struct session *s, struct tls *x, enum side side, struct view content,
	const uint8_t *at, const uint8_t *end)
{
	uint64_t type = view_be(&content, 1);
	size_t n = (size_t)view_be(&content, 3);
	struct tsm_txn t;

	if (type != (side == SIDE_CLIENT ? CLIENT_HELLO : SERVER_HELLO))
		return;
	if (n < view_len(&content))
		content.end = content.p + n;
	/* Of a hello before the capture: it is asked again, and answered then. */
	if (side == SIDE_SERVER && !x->hello[0] && view_len(&content) >= 34 &&
		is_retry(content.p + 2)) {
		x->version = 0x0304;
		return;
	}
	if (side == SIDE_SERVER) {
		uint64_t now = tsm_time(s, at);

		t = x->hello[1] ? tsm_current(s, side) : tsm_response(s, 0, at);
		tsm_status(t, STATUS_OK);
		x->answer = x->begin && now > x->begin ? now - x->begin : 0;
	} else if (!x->hello[0]) {
		t = tsm_request(s, 0, at);
		tsm_handshake(t, 0);
		tsm_op(t, text("HELLO"), text(""));
		x->begin = tsm_time(s, at);
	} else {
		return; /* the second one, after a HelloRetryRequest, says the same */
	}
	x->hello[side] = true;
	hello(x, t, content, side);
	if (side == SIDE_SERVER)
		tsm_lasting(t);
	if (side == SIDE_CLIENT)
		tsm_request_end(s, t, end);
}

/* A record of a type and length that there are, at the front. */
static bool is_record(const uint8_t *p)
{
	uint32_t n = (uint32_t)p[3] << 8 | p[4];

	return p[0] >= CHANGE_CIPHER_SPEC && p[0] <= APPLICATION && p[1] == 3 && n &&
	       n <= RECORD_MAX;
}

/* A hello in several records (RFC 8446, 5.1), put together. */
struct pieces {
	uint8_t b[HELLO_MAX];
	size_t n;      /* in b */
	uint32_t wire; /* bytes of the records that were taken */
	uint32_t need; /* bytes of records that must be there first; 0: it is done */
};

static void gather(struct pieces *g, const struct view *v, enum side side)
{
	size_t left = view_len(v), want = 4;

	g->n = 0;
	g->wire = g->need = 0;
	while (g->n < want) {
		const uint8_t *p = v->p + g->wire;
		uint32_t n;

		if (left < g->wire + HEADER) {
			g->need = g->wire + HEADER;
			return;
		}
		n = (uint32_t)p[3] << 8 | p[4];
		/* What is not the rest of it is looked at where it stands. */
		if (g->wire && (!is_record(p) || p[0] != HANDSHAKE))
			return;
		if (left < g->wire + HEADER + n) {
			g->need = g->wire + HEADER + n;
			return;
		}
		if (n > sizeof(g->b) - g->n)
			return;
		memcpy(g->b + g->n, p + HEADER, n);
		g->n += n;
		g->wire += HEADER + n;
		if (g->b[0] != (side == SIDE_CLIENT ? CLIENT_HELLO : SERVER_HELLO))
			return;
		if (g->n >= 4)
			want = 4 + ((size_t)g->b[1] << 16 | (size_t)g->b[2] << 8 | g->b[3]);
		if (want > sizeof(g->b))
			return;
	}
}

/* The handshake has ended, with the byte before `end` on the side being read. */
static void established(struct session *s, struct tls *x, enum side side, const uint8_t *end)
{
	struct tsm_txn t = tsm_current(s, SIDE_SERVER);
	uint64_t now = tsm_time(s, end - 1);

	tsm_u64(t, F_ESTABLISHED, 1);
	if (x->begin && now > x->begin) {
		tsm_u64(t, F_HANDSHAKE, now - x->begin);
		tsm_handshake(t, now - x->begin);
	}
	tsm_response_end(s, t, side == SIDE_SERVER ? end : NULL);
}

/* An alert in the clear: a level and a number. */
static void on_alert(struct session *s, struct tls *x, enum side side, struct view record)
{
	struct tsm_txn t = tsm_current(s, SIDE_SERVER);
	const uint8_t *at = record.p - HEADER, *end = record.end;

	if (!tsm_is(t) && side == SIDE_SERVER && x->hello[0])
		t = tsm_response(s, 0, at);
	if (view_len(&record) == 2 && record.p[1])
		tsm_u64(t, F_ALERT, record.p[1]);
	tsm_status(t, side == SIDE_SERVER ? STATUS_SERVER_ERROR : STATUS_CLIENT_ERROR);
	tsm_response_end(s, t, side == SIDE_SERVER ? end : NULL);
}

/*
 * The client's first application data, of a connection of which bytes were lost: the handshake had
 * ended, with what the server said last.
 */
static void must_have_ended(struct session *s)
{
	struct tsm_txn t = tsm_current(s, SIDE_SERVER);

	if (t.place)
		tsm_response_end(s, t, NULL);
}

/* A record that is not a hello, its header at `at`. True: nothing more is wanted. */
static bool on_record(
	struct session *s, struct tls *x, enum side side, unsigned type, const uint8_t *end)
{
	bool new = x->version >= 0x0304;

	switch (type) {
	case CHANGE_CIPHER_SPEC:
		if (!new &&side == SIDE_SERVER && x->hello[1] && !x->cipher[SIDE_CLIENT])
			tsm_u64(tsm_current(s, SIDE_SERVER), F_RESUMED, 1);
		x->cipher[side] |= !new; /* in TLS 1.3 it means nothing (RFC 8446, 5) */
		return false;
	case HANDSHAKE: /* the Finished of this side, or before that */
		if (new || !x->cipher[side] || !x->cipher[!side] || !x->hello[1])
			return false;
		established(s, x, side, end);
		return true;
	case APPLICATION:
		if (!x->hello[1] || x->retried) { /* early data (RFC 8446, 4.2.10) */
			if (side == SIDE_CLIENT)
				tsm_opaque(s, side, end);
			return side == SIDE_CLIENT && x->lost[SIDE_SERVER];
		}
		/* Before the server's Finished (RFC 7918), or behind one that was lost. */
		if (side == SIDE_CLIENT && !new) {
			if (x->lost[SIDE_SERVER])
				must_have_ended(s);
			tsm_opaque(s, side, end);
			return x->lost[SIDE_SERVER];
		}
		if (side == SIDE_CLIENT) {
			established(s, x, side, end);
			x->tickets = T_FIRST;
			x->done = tsm_time(s, end - 1);
		}
		return !new;
	default:
		return false;
	}
}

/* By the hash of the cipher suite. */
static bool is_finished(uint32_t n)
{
	return n == HEADER + 53 || n == HEADER + 69;
}

static uint32_t record_size(const uint8_t *p)
{
	return HEADER + ((uint32_t)p[3] << 8 | p[4]);
}

/*
 * Is application data among the records here, as far as they can be told? What may be the Finished
 * of TLS 1.3, which is sealed as all the rest, is none.
 */
static bool has_application(struct tls *x, const struct view *v)
{
	const uint8_t *p = v->p;

	while (v->end - p >= HEADER && is_record(p)) {
		bool first = p[0] == APPLICATION && !x->sealed;

		x->sealed |= first;
		if (p[0] == APPLICATION && !(first && is_finished(record_size(p))))
			return true;
		if (v->end - p < (ptrdiff_t)record_size(p))
			return false;
		p += record_size(p);
	}
	return false;
}

/* Behind what was lost of a side, whose records cannot be found again for sure; its segments mostly
   begin with one. True: nothing more is wanted. */
static bool behind_lost(struct session *s, struct tls *x, enum side side, struct view *v)
{
	bool asked = side == SIDE_CLIENT && has_application(x, v);

	if (asked) {
		must_have_ended(s);
		tsm_opaque(s, side, v->end);
	}
	v->p = v->end;
	return asked;
}

/* A record of the handshake in the clear, and those that go on with a hello which begins in it.
   Gives how many bytes must be there first, or 0. */
static uint32_t in_the_clear(
	struct session *s, struct tls *x, enum side side, const struct view *v, uint32_t *taken)
{
	struct pieces g;

	gather(&g, v, side);
	if (g.need)
		return g.need;
	if (g.wire)
		*taken = g.wire;
	on_hello(s, x, side, view_of(g.b, g.n, 0), v->p, v->p + *taken);
	return 0;
}

static void not_a_record(struct session *s, struct tls *x, enum side side, struct take *t)
{
	tsm_note(s, "tls: not a record where one should begin");
	if (side == SIDE_SERVER && !x->hello[side])
		tsm_switch(s, NULL); /* the server does not speak it */
	else
		t->stop = true;
}

/*
 * May the record of n bytes, alone and the first one behind the handshake, be a ticket? Servers
 * send one as soon as they have the client's Finished, which takes no longer than a ServerHello.
 */
static bool like_ticket(const struct tls *x, uint32_t n)
{
	return x->at_once && !x->early && n >= TICKET_MIN;
}

/* A record of the server between its hello and the client's Finished. */
static void in_first_flight(struct tls *x, uint32_t n)
{
	bool finished = is_finished(n);

	x->early = x->finished && !finished;
	x->finished |= finished;
}

/* The record that waits is no ticket, but an answer: when it came. */
static void was_answer(struct session *s, struct tls *x)
{
	if (x->tickets == T_MAYBE)
		tsm_opaque(s, SIDE_SERVER, NULL);
	x->tickets = T_SEEN;
}

/* The client goes on while a record of the server waits. True: nothing more is wanted. */
static bool client_goes_on(struct session *s, struct tls *x)
{
	bool waits = x->tickets == T_MAYBE;

	/* Where nothing was asked it answers nothing; whom a ticket let in gets a new one. */
	if (waits && (x->resumed || !x->asked) && like_ticket(x, x->ticket)) {
		x->tickets = T_SEEN;
		return false;
	}
	if (waits)
		was_answer(s, x);
	return waits;
}

/*
 * A record that may be a ticket is at the front; what is behind it, or that nothing is, tells.
 * True: it is one. *need: not known, this many bytes must be there first.
 */
static bool is_ticket(
	const struct session *s, struct tls *x, const struct view *v, uint32_t n, uint32_t *need)
{
	uint64_t now;
	uint32_t next;

	*need = n;
	if (view_len(v) < n)
		return false;
	now = tsm_time(s, v->p + n - 1);
	x->at_once = now <= x->done + x->answer + x->answer / 2 + GRACE;
	*need = 0;
	if (x->tickets == T_SEEN)
		return x->at_once;
	x->tickets = T_MAYBE;
	x->ticket = n;
	*need = n + HEADER;
	if (view_len(v) < *need)
		return false;
	*need = 0;
	next = record_size(v->p + n);
	/* Two are of one size. One alone has an answer behind it, and not the connection's end. */
	if (next == n || (like_ticket(x, n) && next > CLOSE_NOTIFY)) {
		x->tickets = T_SEEN;
		x->done = now;
		return true;
	}
	return false;
}

/*
 * TLS 1.3 behind the handshake: whose turn it is. Many servers send two tickets of one size at once
 * (RFC 8446, 4.6.1), or one, encrypted like all the rest, and these answer nothing; the first
 * record that is none ends the reading.
 */
static struct take after_handshake(struct session *s, struct tls *x, enum side side, struct view *v)
{
	struct take t = {0, 0, false};
	bool lost = x->lost[0] || x->lost[1];
	const uint8_t *p;
	uint32_t n;

	if (side == SIDE_CLIENT || lost) {
		if (lost)
			was_answer(s, x);
		t.stop = lost || client_goes_on(s, x);
		x->asked = true;
		tsm_opaque(s, side, v->end);
		v->p = v->end;
		return t;
	}
	while (view_len(v)) {
		p = view_peek(v, HEADER);
		if (!p) {
			t.need = HEADER;
			return t;
		}
		n = record_size(p);
		if (x->tickets == T_SEEN ? n == x->ticket
					 : p[0] == APPLICATION && n <= TICKET_MAX) {
			if (is_ticket(s, x, v, n, &t.need)) {
				v->p += n;
				continue;
			}
			if (t.need)
				return t;
		}
		tsm_opaque(s, side, view_len(v) < n ? p + HEADER : p + n);
		t.stop = true;
		return t;
	}
	return t;
}

static struct take data(struct session *s, void *state, enum side side, struct view *v)
{
	struct tls *x = state;
	struct take t = {0, 0, false};

	if (x->tickets)
		return after_handshake(s, x, side, v);
	if (x->lost[side]) {
		t.stop = behind_lost(s, x, side, v);
		return t;
	}
	while (view_len(v)) {
		const uint8_t *p = view_peek(v, HEADER);
		uint32_t n;

		if (!p) {
			t.need = HEADER;
			return t;
		}
		if (!is_record(p)) {
			not_a_record(s, x, side, &t);
			return t;
		}
		n = record_size(p);
		if (side == SIDE_SERVER && p[0] == APPLICATION)
			in_first_flight(x, n);
		/* All but application data is waited for: its end is a stamp, or it is read. */
		if (view_len(v) < n && !(p[0] == APPLICATION && side == SIDE_SERVER))
			t.need = n;
		else if (p[0] == HANDSHAKE && !x->cipher[side])
			t.need = in_the_clear(s, x, side, v, &n);
		if (t.need)
			return t;
		if (p[0] == ALERT && !x->cipher[side]) {
			on_alert(s, x, side, view_of(p + HEADER, n - HEADER, 0));
			t.stop = true;
		} else if (view_len(v) >= n) {
			t.stop = on_record(s, x, side, p[0], p + n);
		}
		if (t.stop)
			return t;
		if (view_len(v) < n) {
			t.skip = n;
			return t;
		}
		v->p += n;
		if (x->tickets)
			return view_len(v) ? after_handshake(s, x, side, v) : t;
	}
	return t;
}

/* Records cannot be found again for sure; the other side may still show the end. */
static void gap(struct session *s, void *state, enum side side, uint64_t n)
{
	struct tls *x = state;

	(void)s;
	(void)n;
	x->lost[side] = true;
}

static void end(struct session *s, void *state, enum side side, enum tsm_end why)
{
	struct tls *x = state;

	(void)why;
	if (side == SIDE_SERVER && !(x->resumed && like_ticket(x, x->ticket)))
		was_answer(s, x);
}

static enum tsm_probe probe(struct view head, enum side side)
{
	static const uint8_t first[2] = {HANDSHAKE, 3};
	size_t n = view_len(&head), record;
	bool client;

	if (memcmp(head.p, first, n < 2 ? n : 2) != 0)
		return PROBE_NO;
	if (n < 9)
		return PROBE_MAYBE;
	record = (size_t)head.p[3] << 8 | head.p[4];
	/* The length of a hello, or the record that goes on with it. */
	if (head.p[2] > 4 || !record || record > 16384 || (record > 1 && head.p[6]) ||
		(record < 4 && head.p[5 + record] != HANDSHAKE))
		return PROBE_NO;
	if (head.p[5] != CLIENT_HELLO && head.p[5] != SERVER_HELLO)
		return PROBE_NO;
	client = head.p[5] == CLIENT_HELLO;
	return client == (side == SIDE_CLIENT) ? PROBE_YES : PROBE_SWAPPED;
}

static const struct claim claims[] = {
	{TABLE_TCP_PORT, 443},
	{TABLE_TCP_PORT, 465},
	{TABLE_TCP_PORT, 636},
	{TABLE_TCP_PORT, 853},
	{TABLE_TCP_PORT, 993},
	{TABLE_TCP_PORT, 995},
	{TABLE_TCP_PORT, 8443},
	{TABLE_END, 0},
};

static const struct tsm_model model = {.naming = NAMING_OBJECT};

TSM_DISSECTOR(tls) = {
	TSM_HEAD,
	.name = "tls",
	.title = "Transport Layer Security: the handshake",
	.claims = claims,
	.fields = tls_fields,
	.state_size = sizeof(struct tls),
	.traits = TRAIT_ENCRYPTED,
	.probe = probe,
	.data = data,
	.gap = gap,
	.end = end,
	.describe = tls_describe,
	.model = &model,
};
