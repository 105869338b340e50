/*
 * proxy_show.c - the PROXY protocol's headers explained (haproxy, doc/proxy-protocol.txt), as far
 * as one packet holds them.
 */
#include "proxy.h"
#include "show.h"

enum {
	P_PROTO,
	P_SOURCE,
	P_TARGET,
	P_SOURCE_PORT,
	P_TARGET_PORT,
	P_REST,
	P_VERSION,
	P_COMMAND,
	P_FAMILY,
	P_TRANSPORT,
	P_LENGTH,
	P_SOURCE_V6,
	P_TARGET_V6,
	P_SOURCE_PATH,
	P_TARGET_PATH,
	P_TYPE,
	P_VALUE_LENGTH,
	P_VALUE,
	P_BYTES,
};

static const struct field parts[] = {
	[P_PROTO] = FIELD_SHOWN("proxy.v1.proto", "Family",
		"TCP4 or TCP6, or UNKNOWN: then nothing else counts.", FIELD_STR),
	[P_SOURCE] = FIELD_SHOWN(
		"proxy.src.ipv4", "Source", "On whose behalf the proxy connects.", FIELD_STR),
	[P_TARGET] = FIELD_SHOWN(
		"proxy.dst.ipv4", "Target", "Where that client had connected to.", FIELD_STR),
	[P_SOURCE_V6] = FIELD_SHOWN(
		"proxy.src.ipv6", "Source", "On whose behalf the proxy connects.", FIELD_STR),
	[P_TARGET_V6] = FIELD_SHOWN(
		"proxy.dst.ipv6", "Target", "Where that client had connected to.", FIELD_STR),
	[P_SOURCE_PORT] = FIELD_SHOWN("proxy.srcport", "Source port", "The client's.", FIELD_U64),
	[P_TARGET_PORT] = FIELD_SHOWN("proxy.dstport", "Target port", "The proxy's.", FIELD_U64),
	[P_REST] = FIELD_SHOWN("proxy.v1.unknown", "Rest", "What is to be ignored.", FIELD_STR),
	[P_VERSION] = FIELD_SHOWN("proxy.v2.version", "Version", "2.", FIELD_U64),
	[P_COMMAND] = FIELD_SHOWN("proxy.v2.cmd", "Command",
		"PROXY, or LOCAL: the proxy itself connects, as for a health check.", FIELD_U64),
	[P_FAMILY] = FIELD_SHOWN(
		"proxy.v2.addr_family", "Family", "Of the addresses that follow.", FIELD_U64),
	[P_TRANSPORT] = FIELD_SHOWN(
		"proxy.v2.protocol", "Transport", "What the client spoke over.", FIELD_U64),
	[P_LENGTH] = FIELD_SHOWN("proxy.v2.length", "Length",
		"Bytes of the header behind this, more of it than addresses included.", FIELD_U64),
	[P_SOURCE_PATH] = FIELD_SHOWN("proxy.v2.src.unix", "Source",
		"The client's socket in the file system.", FIELD_STR),
	[P_TARGET_PATH] = FIELD_SHOWN(
		"proxy.v2.dst.unix", "Target", "The proxy's socket in the file system.", FIELD_STR),
	[P_TYPE] = FIELD_SHOWN(
		"proxy.v2.tlv.type", "Type", "What more the proxy knows of the client.", FIELD_U64),
	[P_VALUE_LENGTH] = FIELD_SHOWN("proxy.v2.tlv.length", "Length", "Of it.", FIELD_U64),
	[P_VALUE] = FIELD_SHOWN("tsumari.proxy.value", "Value", "As it was sent.", FIELD_STR),
	[P_BYTES] = FIELD_SHOWN("tsumari.proxy.bytes", "Value", "Bytes of it here.", FIELD_BYTES),
};

/* Registered types of values (2.2), those of TLS with the others. */
static const char *type_name(uint64_t type)
{
	switch (type) {
	case 0x01:
		return "ALPN";
	case 0x02:
		return "AUTHORITY";
	case 0x03:
		return "CRC32C";
	case 0x04:
		return "NOOP";
	case 0x05:
		return "UNIQUE_ID";
	case 0x20:
		return "SSL";
	case 0x21:
		return "SSL_VERSION";
	case 0x22:
		return "SSL_CN";
	case 0x23:
		return "SSL_CIPHER";
	case 0x24:
		return "SSL_SIG_ALG";
	case 0x25:
		return "SSL_KEY_ALG";
	case 0x30:
		return "NETNS";
	default:
		return NULL;
	}
}

static bool is_text(uint64_t type)
{
	return type == 0x01 || type == 0x02 || (type >= 0x21 && type <= 0x25) || type == 0x30;
}

/* ---- Version 1 ---- */

static struct view word(struct view *line)
{
	struct view w = *line;
	const uint8_t *space = view_len(line) ? memchr(line->p, ' ', view_len(line)) : NULL;

	w.end = space ? space : line->end;
	line->p = space ? space + 1 : line->end;
	return w;
}

static void port(struct show *s, unsigned which, struct view w)
{
	uint64_t n = 0;

	for (const uint8_t *p = w.p; p < w.end && p < w.p + 5 && *p >= '0' && *p <= '9'; p++)
		n = n * 10 + (*p - 48u);
	if (view_len(&w))
		tsm_show_u64(s, &parts[which], w.p, view_len(&w), n);
}

static void version_1(struct show *s, struct view line)
{
	struct view family, w;
	bool v6;

	line.p += 6; /* "PROXY " */
	family = word(&line);
	v6 = view_len(&family) == 4 && family.p[3] == '6';
	tsm_show_text(s, &parts[P_PROTO], family);
	if (view_len(&family) != 4) {
		if (view_len(&line))
			tsm_show_text(s, &parts[P_REST], line);
		return;
	}
	w = word(&line);
	tsm_show_text(s, &parts[v6 ? P_SOURCE_V6 : P_SOURCE], w);
	w = word(&line);
	tsm_show_text(s, &parts[v6 ? P_TARGET_V6 : P_TARGET], w);
	w = word(&line);
	port(s, P_SOURCE_PORT, w);
	port(s, P_TARGET_PORT, line);
}

/* ---- Version 2 ---- */

static const struct field source_v4 =
	FIELD_SHOWN("proxy.src.ipv4", "Source", "On whose behalf the proxy connects.", FIELD_IP);
static const struct field target_v4 =
	FIELD_SHOWN("proxy.dst.ipv4", "Target", "Where that client had connected to.", FIELD_IP);
static const struct field source_v6 =
	FIELD_SHOWN("proxy.src.ipv6", "Source", "On whose behalf the proxy connects.", FIELD_IP);
static const struct field target_v6 =
	FIELD_SHOWN("proxy.dst.ipv6", "Target", "Where that client had connected to.", FIELD_IP);

/* The next n bytes of the view; empty and bad where they are not there. */
static struct view taken(struct view *v, size_t n)
{
	struct view part = *v;

	if (view_len(v) < n) {
		v->bad = true;
		part.end = part.p;
		return part;
	}
	v->p += n;
	part.end = v->p;
	return part;
}

static void path(struct show *s, unsigned which, struct view v)
{
	const uint8_t *end = view_len(&v) ? memchr(v.p, 0, view_len(&v)) : NULL;
	struct view name = v;

	if (end)
		name.end = end;
	tsm_show_str(s, &parts[which], v.p, view_len(&v), name);
}

static void addresses(struct show *s, unsigned family, struct view *v)
{
	size_t n = family == 1 ? 4 : family == 2 ? 16 : family == 3 ? 108 : 0;
	struct view source, target;

	if (!n || view_len(v) < 2 * n + (family < 3 ? 4 : 0))
		return;
	source = taken(v, n);
	target = taken(v, n);
	if (family == 3) {
		path(s, P_SOURCE_PATH, source);
		path(s, P_TARGET_PATH, target);
		return;
	}
	tsm_show_ip(s, family == 2 ? &source_v6 : &source_v4, source.p, n);
	tsm_show_ip(s, family == 2 ? &target_v6 : &target_v4, target.p, n);
	show_be(s, &parts[P_SOURCE_PORT], v, 2);
	show_be(s, &parts[P_TARGET_PORT], v, 2);
}

/* Type, length and value, one behind the other; those of TLS lie in one of them. */
static void values(struct show *s, struct view v, unsigned depth)
{
	while (view_len(&v) >= 3) {
		uint64_t type = v.p[0];
		size_t n = (size_t)v.p[1] << 8 | v.p[2],
		       all = 3 + n < view_len(&v) ? 3 + n : view_len(&v);
		struct view value = view_of(v.p + 3, all - 3, 0);

		tsm_show_group(s, "Value", v.p, all);
		tsm_show_code(s, &parts[P_TYPE], v.p, 1, type, type_name(type));
		tsm_show_u64(s, &parts[P_VALUE_LENGTH], v.p + 1, 2, n);
		if (type == 0x20 && !depth && view_len(&value) >= 5) {
			value.p += 5; /* what of TLS was used, and whether a certificate was
					 verified */
			values(s, value, 1);
		} else if (is_text(type)) {
			tsm_show_text(s, &parts[P_VALUE], value);
		} else if (view_len(&value)) {
			tsm_show_u64(
				s, &parts[P_BYTES], value.p, view_len(&value), view_len(&value));
		}
		tsm_show_end(s);
		v.p += all;
	}
}

static void version_2(struct show *s, struct view v)
{
	static const char *const families[] = {"unspecified", "IPv4", "IPv6", "Unix"};
	static const char *const transports[] = {"unspecified", "stream", "datagram"};
	unsigned family, transport;

	v.p += 12;
	if (view_len(&v) < 4)
		return;
	family = v.p[1] >> 4;
	transport = v.p[1] & 15;
	tsm_show_u64(s, &parts[P_VERSION], v.p, 1, v.p[0] >> 4);
	tsm_show_code(s, &parts[P_COMMAND], v.p, 1, v.p[0] & 15, v.p[0] & 15 ? "PROXY" : "LOCAL");
	tsm_show_code(
		s, &parts[P_FAMILY], v.p + 1, 1, family, family < 4 ? families[family] : NULL);
	tsm_show_code(s, &parts[P_TRANSPORT], v.p + 1, 1, transport,
		transport < 3 ? transports[transport] : NULL);
	v.p += 2;
	show_be(s, &parts[P_LENGTH], &v, 2);
	addresses(s, family, &v);
	if (!v.bad)
		values(s, v, 0);
}

size_t proxy_show(struct show *s, const struct view *v)
{
	struct view header = *v;
	struct addr who = {0};
	size_t len = 0;
	enum tsm_probe r = proxy_header(v, &len, &who);
	bool line = *v->p == 'P';

	if (r == PROBE_MAYBE && !line && view_len(v) > 12)
		len = view_len(v); /* it goes on in the next packet */
	else if (r != PROBE_YES)
		return 0;
	header.end = v->p + len;
	tsm_show_group(
		s, line ? "PROXY protocol, version 1" : "PROXY protocol, version 2", v->p, len);
	if (line)
		version_1(s, view_of(header.p, len - 2, 0));
	else
		version_2(s, header);
	tsm_show_end(s);
	return len;
}
