/*
 * print.c - packets as lines of text (print.h).
 *
 * The line is made of what the layers found; what the packet carries, and all fields with -v, are
 * those that the packet screen shows. Sequence numbers count from the first one of their
 * connection, as far as a table of fixed size remembers it: one that was forgotten begins anew.
 */
#include "base/clock.h"
#include "out/print_impl.h"
#include "out/packet_text.h"
#include "api/layer.h"
#include "base/hash.h"
#include "base/mem.h"
#include "out/stream.h"
#include "core/layers.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CONNECTIONS 65536u /* whose first sequence numbers are remembered; a power of two */
#define VALUE_MAX   65536u /* bytes of one value */

struct ends { /* of a connection, the one with the lower port and address first */
	struct addr a, b;
	uint16_t aport, bport;
};

struct begun {
	struct ends of;
	uint32_t a, b; /* what is taken off the numbers of either */
	bool used;
};

struct printer {
	struct print_style style;
	struct stream *stream;
	FILE *to;            /* of it */
	struct begun *begun; /* CONNECTIONS of them; NULL: -S */
	struct counters counters;
	uint64_t first, before; /* times */
	bool any, closed;
	char *path;
	char error[256];
	struct text line;
	char raw[VALUE_MAX]; /* from the wire: to be escaped */
	struct show tree;
};

struct printer *printer_new(
	const struct print_style *style, const char *path, char *err, size_t errsize)
{
	struct printer *p = xcalloc(1, sizeof(*p));
	bool named = path && strcmp(path, "-") != 0;

	p->style = *style;
	p->path = xstrdup(named ? path : "standard output");
	p->stream = stream_open(path, style->append, STREAM_LINES);
	if (!p->stream) {
		snprintf(err, errsize, "cannot write %s: %s", path, strerror(errno));
		free(p->path);
		free(p);
		return NULL;
	}
	p->to = stream_file(p->stream);
	text_init_growing(&p->line);
	if (!style->absolute)
		p->begun = xcalloc(CONNECTIONS, sizeof(*p->begun));
	return p;
}

static uint64_t apart(uint64_t from, uint64_t to)
{
	return to > from ? to - from : 0;
}

static void put_part(struct text *t, const struct printer *p, uint64_t ns)
{
	if (p->style.nano)
		text_printf(t, ".%09" PRIu64, ns % SECOND);
	else
		text_printf(t, ".%06" PRIu64, ns % SECOND / 1000);
}

static void put_clock(struct text *t, const struct printer *p, uint64_t ns, bool date)
{
	time_t second = (time_t)(ns / SECOND);
	struct tm tm;

	if (!localtime_r(&second, &tm))
		memset(&tm, 0, sizeof(tm));
	if (date)
		text_printf(t, "%04d-%02d-%02d ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
	text_printf(t, "%02d:%02d:%02d", tm.tm_hour, tm.tm_min, tm.tm_sec);
	put_part(t, p, ns);
}

static void put_span(struct text *t, const struct printer *p, uint64_t ns)
{
	uint64_t second = ns / SECOND;

	text_printf(t, " %02" PRIu64 ":%02" PRIu64 ":%02" PRIu64, second / 3600, second / 60 % 60,
		second % 60);
	put_part(t, p, ns);
}

static void put_stamp(struct text *t, struct printer *p, uint64_t time)
{
	switch (p->style.stamp) {
	case 0:
		put_clock(t, p, time, false);
		break;
	case 1:
		return;
	case 2:
		text_printf(t, "%" PRIu64, time / SECOND);
		put_part(t, p, time);
		break;
	case 3:
		put_span(t, p, apart(p->before, time));
		break;
	case 4:
		put_clock(t, p, time, true);
		break;
	default:
		put_span(t, p, apart(p->first, time));
		break;
	}
	text_char(t, ' ');
}

static void put_mac_address(struct text *t, const uint8_t *mac)
{
	for (int i = 0; i < 6; i++)
		text_printf(t, "%s%02x", i ? ":" : "", mac[i]);
}

/* As tcpdump writes them. */
static const char *ethertype_word(unsigned type)
{
	static const struct {
		unsigned type;
		const char *name;
	} names[] = {{0x0800, "IPv4"}, {0x0806, "ARP"}, {0x8100, "802.1Q"}, {0x86dd, "IPv6"},
		{0x8847, "MPLS unicast"}, {0x8863, "PPPoE D"}, {0x8864, "PPPoE S"},
		{0x88a8, "802.1Q-QinQ"}};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].type == type)
			return names[i].name;
	return "Unknown";
}

/* -e */
static void put_link(struct text *t, const struct packet *k)
{
	if (k->flags & PACKET_MAC) {
		put_mac_address(t, k->mac_src);
		if (k->mac_dst) {
			text_str(t, " > ");
			put_mac_address(t, k->mac_dst);
		}
		text_str(t, ", ");
	}
	if (k->linktype == 1 && k->caplen >= 14) {
		unsigned type = (unsigned)k->data[12] << 8 | k->data[13];

		text_printf(t, "ethertype %s (0x%04x), ", ethertype_word(type), type);
	}
	text_printf(t, "length %" PRIu32 ": ", k->len);
	for (unsigned i = 0; i < k->nvlan && i < 2; i++)
		text_printf(t, "vlan %u, ", k->vlan[i]);
}

static void put_end(struct text *t, const struct addr *a, bool port, uint16_t number)
{
	text_addr(t, a);
	if (port)
		text_printf(t, ".%u", number);
}

static uint64_t payload(const struct packet *k)
{
	return (uint64_t)k->paylen + k->paycut;
}

/* The key is no secret: who makes two connections collide sees their numbers begin anew, and one
 * file gives one output. */
static const struct hash_key fixed_key = {
	{UINT64_C(0x9e3779b97f4a7c15), UINT64_C(0xbf58476d1ce4e5b9), UINT64_C(0x94d049bb133111eb)}};

/* Takes off the first numbers of a connection, as tcpdump does. */
static void relative(struct printer *p, const struct packet *k, uint32_t *seq, uint32_t *ack)
{
	struct begun *b;
	struct ends of;
	bool swapped;

	memset(&of, 0, sizeof(of));
	swapped = k->sport > k->dport ||
		  (k->sport == k->dport && memcmp(&k->src, &k->dst, sizeof(k->src)) > 0);
	of.a = swapped ? k->dst : k->src;
	of.b = swapped ? k->src : k->dst;
	of.aport = swapped ? k->dport : k->sport;
	of.bport = swapped ? k->sport : k->dport;
	b = &p->begun[hash_bytes(&fixed_key, 0, &of, sizeof(of)) & (CONNECTIONS - 1)];
	if (!b->used || memcmp(&b->of, &of, sizeof(of)) != 0 || k->tcp_flags & TCP_SYN) {
		b->used = true;
		b->of = of;
		b->a = swapped ? *ack - 1 : *seq;
		b->b = swapped ? *seq : *ack - 1;
		return;
	}
	*seq -= swapped ? b->b : b->a;
	*ack -= swapped ? b->a : b->b;
}

static void put_tcp(struct text *t, struct printer *p, const struct packet *k)
{
	static const char letters[] = "FSRP.UEW";
	uint32_t seq = k->tcp_seq, ack = k->tcp_ack, n = (uint32_t)payload(k);

	text_str(t, "Flags [");
	for (unsigned i = 0; i < 8; i++)
		if (k->tcp_flags >> i & 1)
			text_char(t, letters[i]);
	text_str(t, k->tcp_flags ? "]" : "none]");
	if (p->begun && k->tcp_flags & TCP_ACK)
		relative(p, k, &seq, &ack);
	if (n)
		text_printf(t, ", seq %" PRIu32 ":%" PRIu32, seq, seq + n);
	else if (k->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST))
		text_printf(t, ", seq %" PRIu32, seq);
	if (k->tcp_flags & TCP_ACK)
		text_printf(t, ", ack %" PRIu32, ack);
	text_printf(t, ", win %u, length %" PRIu32, k->tcp_window, n);
}

/* What it carries, by its fields. */
static void put_info(struct text *t, struct printer *p, const char *before)
{
	struct text raw;

	text_init(&raw, p->raw, sizeof(p->raw));
	packet_info(&raw, &p->tree);
	if (raw.len)
		text_str(t, before);
	text_escape(t, raw.p, raw.len, SIZE_MAX);
}

static void put_value(struct text *t, struct printer *p, const struct show_node *n)
{
	struct text raw;

	text_init(&raw, p->raw, sizeof(p->raw));
	packet_value(&raw, &p->tree, n);
	text_escape(t, raw.p, raw.len, SIZE_MAX);
}

/* Neither TCP nor UDP: by its header's fields, where it is known. */
static void put_other(struct text *t, struct printer *p, const struct packet *k)
{
	unsigned header = 0;

	for (unsigned i = 0; i < p->tree.n; i++)
		if (p->tree.nodes[i].depth == 0 && p->tree.nodes[i].layer)
			header = i;
	for (unsigned i = header + 1; i < p->tree.n; i++)
		if (p->tree.nodes[i].depth == 0)
			p->tree.n = i; /* what is behind it is data */
	if (k->flags & (PACKET_ICMP | PACKET_EVENT | PACKET_SCTP)) {
		put_info(t, p, "");
		text_printf(t, ", length %" PRIu64, payload(k) + p->tree.nodes[header].len);
	} else {
		text_printf(t, "ip-proto-%u, length %" PRIu64, k->ip_proto, payload(k));
	}
}

static void put_ip(struct text *t, struct printer *p, const struct packet *k)
{
	bool port = k->flags & PACKET_PORTS && !(k->flags & PACKET_FRAGMENT);

	if (k->tunnel_kind)
		text_printf(t, "(%s) ", k->tunnel_kind);
	if (!p->style.link)
		text_str(t, k->ip_version == 6 ? "IP6 " : "IP ");
	put_end(t, &k->src, port, k->sport);
	text_str(t, " > ");
	put_end(t, &k->dst, port, k->dport);
	text_str(t, ": ");
	if (k->flags & PACKET_FRAGMENT) {
		text_printf(t, "fragment of protocol %u at %" PRIu32 "%s, length %" PRIu64,
			k->frag.proto, k->frag.offset, k->frag.more ? "+" : "", payload(k));
	} else if (k->flags & PACKET_TCP && p->style.quiet) {
		text_printf(t, "tcp %" PRIu64, payload(k));
	} else if (k->flags & PACKET_TCP) {
		put_tcp(t, p, k);
		if (payload(k))
			put_info(t, p, ": ");
	} else if (k->flags & PACKET_UDP) {
		text_printf(t, "UDP, length %" PRIu64, payload(k));
		if (!p->style.quiet && payload(k))
			put_info(t, p, ": ");
	} else {
		put_other(t, p, k);
	}
}

/* No IP. */
static void put_frame(struct text *t, struct printer *p, const struct packet *k)
{
	if (!(k->flags & PACKET_ARP)) {
		put_info(t, p, "");
	} else if (load16(k->event.head + 6) == 1) {
		text_str(t, "ARP, Request who-has ");
		text_addr(t, &k->dst);
		text_str(t, " tell ");
		text_addr(t, &k->src);
	} else {
		text_str(t, "ARP, Reply ");
		text_addr(t, &k->src);
		text_str(t, " is-at ");
		put_mac_address(t, k->event.head + 8);
	}
	text_printf(t, ", length %" PRIu32, k->len - print_link_header(k));
}

/* -v: the fields of each header on a line, or (-vv) on a line each. */
static void put_fields(struct text *t, struct printer *p)
{
	bool each = p->style.verbose > 1, first = true;

	for (unsigned i = 0; i < p->tree.n; i++) {
		const struct show_node *n = &p->tree.nodes[i];

		if (!n->field && (each || n->depth == 0)) {
			text_char(t, '\n');
			text_fill(t, ' ', 4 + 2u * n->depth);
			text_printf(t, "%s%s", n->title, each ? "" : ": ");
			first = true;
		} else if (n->field) {
			if (each) {
				text_char(t, '\n');
				text_fill(t, ' ', 4 + 2u * n->depth);
			}
			text_printf(t, "%s%s%s", each || first ? "" : ", ", n->field->title,
				each ? ": " : " ");
			put_value(t, p, n);
			first = false;
		}
	}
}

static bool stop(struct printer *p, int number)
{
	p->closed = true;
	if (number != EPIPE && !p->error[0])
		snprintf(p->error, sizeof(p->error), "cannot write %s: %s", p->path,
			strerror(number ? number : EIO));
	return false;
}

bool printer_frame(struct printer *p, const struct packet *frame)
{
	struct packet k = *frame;
	struct text *t = &p->line;
	uint64_t time = frame->time;

	if (p->closed)
		return false;
	layers_dissect(&k, &p->counters);
	p->tree.n = 0;
	if (!p->style.quiet || p->style.verbose || !(k.flags & (PACKET_TCP | PACKET_UDP)))
		show_frame(&p->tree, frame, NULL, SIDE_CLIENT);
	if (!p->style.nano)
		time = time / 1000 * 1000;
	if (!p->any)
		p->first = p->before = time;
	p->any = true;
	text_clear(t);
	if (p->style.numbered)
		text_printf(t, "%5" PRIu64 "  ", frame->number);
	put_stamp(t, p, time);
	p->before = time;
	if (p->style.link)
		put_link(t, &k);
	if (k.flags & PACKET_IP)
		put_ip(t, p, &k);
	else
		put_frame(t, p, &k);
	if (p->style.verbose)
		put_fields(t, p);
	errno = 0;
	fwrite(t->p, 1, t->len, p->to);
	print_bytes(p->to, &p->style, frame);
	fputc('\n', p->to);
	if (p->style.flush)
		fflush(p->to);
	return ferror(p->to) ? stop(p, errno) : true;
}

bool printer_finish(struct printer *p)
{
	int error;

	error = stream_close(p->stream);
	p->stream = NULL;
	if (error && !p->closed)
		stop(p, error);
	return !p->error[0];
}

const char *printer_error(const struct printer *p)
{
	return p->error;
}

void printer_free(struct printer *p)
{
	if (!p)
		return;
	stream_close(p->stream);
	text_release(&p->line);
	free(p->begun);
	free(p->path);
	free(p);
}
