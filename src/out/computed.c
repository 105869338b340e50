/*
 * computed.c - fields that are no member of a record: constants, sums, names of codes.
 */
#include "out/schema.h"

#include <string.h>
#include "core/community.h"
#include "model/geo.h"

#define FLOW  (1u << RECORD_FLOW)
#define TXN   (1u << RECORD_TXN)
#define EVENT (1u << RECORD_EVENT)
#define ALERT (1u << RECORD_FINDING)
#define BOTH  (FLOW | TXN)
#define ALL   (FLOW | TXN | EVENT)

static bool name(struct schema_value *v, const char *text)
{
	if (!text)
		return false;
	v->p = text;
	v->n = strlen(text);
	return true;
}

static const char *const status_names[] = {[STATUS_OK - 1] = "OK",
	[STATUS_ERROR - 1] = "Error",
	[STATUS_CLIENT_ERROR - 1] = "Client Error",
	[STATUS_SERVER_ERROR - 1] = "Server Error",
	[STATUS_PENDING - 1] = "Pending",
	NULL};

static bool get_status(const struct record *r, struct schema_env *env, struct schema_value *v)
{
	(void)env;
	return r->status && r->status < sizeof(status_names) / sizeof(status_names[0]) &&
	       name(v, status_names[r->status - 1]);
}

static bool get_outcome(const struct record *r, struct schema_env *env, struct schema_value *v)
{
	(void)env;
	return name(v, r->status == 0 || r->status == STATUS_PENDING ? "unknown"
		       : r->status == STATUS_OK                      ? "success"
								     : "failure");
}

static const char *const outcome_names[] = {"success", "failure", "unknown", NULL};
static const char *const network_names[] = {"ipv4", "ipv6", NULL};
static const char *const ecs_types[] = {"connection", "end", "info", "protocol", NULL};

static bool get_event_type(const struct record *r, struct schema_env *env, struct schema_value *v)
{
	(void)env;
	if (r->kind == RECORD_FINDING)
		v->u64 = 4u;
	else if (r->kind == RECORD_EVENT)
		v->u64 = 4u | 8u;
	else if (r->kind == RECORD_TXN)
		v->u64 = 1u | 8u;
	else
		v->u64 = ((const struct flow_record *)r)->final ? 1u | 2u : 1u | 4u;
	return true;
}

static bool get_network_type(const struct record *r, struct schema_env *env, struct schema_value *v)
{
	(void)env;
	return name(v, r->ip_version == 4 ? "ipv4" : r->ip_version == 6 ? "ipv6" : NULL);
}

static bool get_transport(const struct record *r, struct schema_env *env, struct schema_value *v)
{
	/* IANA's keywords, in lower case */
	static const char *const names[256] = {[1] = "icmp",
		[2] = "igmp",
		[4] = "ipv4",
		[6] = "tcp",
		[17] = "udp",
		[33] = "dccp",
		[41] = "ipv6",
		[46] = "rsvp",
		[47] = "gre",
		[50] = "esp",
		[51] = "ah",
		[58] = "ipv6-icmp",
		[88] = "eigrp",
		[89] = "ospf",
		[103] = "pim",
		[112] = "vrrp",
		[115] = "l2tp",
		[132] = "sctp",
		[136] = "udplite"};

	(void)env;
	return name(v, names[r->transport]);
}

static bool get_community(const struct record *r, struct schema_env *env, struct schema_value *v)
{
	v->p = env->scratch;
	v->n = COMMUNITY_LEN;
	return community_record(env->scratch, r, env->community);
}

/* What both sides have, or nothing where one is not known. */
static bool sum(uint64_t a, uint64_t b, struct schema_value *v)
{
	v->u64 = a + b;
	return a != FIELD_ABSENT && b != FIELD_ABSENT;
}

static bool get_bytes(const struct record *r, struct schema_env *env, struct schema_value *v)
{
	(void)env;
	return sum(r->client.bytes, r->server.bytes, v);
}

static bool get_packets(const struct record *r, struct schema_env *env, struct schema_value *v)
{
	(void)env;
	return sum(r->client.packets, r->server.packets, v);
}

static const char *version(const struct schema_env *env)
{
	return env->version;
}

static const char *host(const struct schema_env *env)
{
	return env->identity ? env->identity->host : NULL;
}

static const char *sensor(const struct schema_env *env)
{
	return env->identity ? env->identity->sensor : NULL;
}

static const char *run(const struct schema_env *env)
{
	return env->identity ? env->identity->run : NULL;
}

static bool get_event_id(const struct record *r, struct schema_env *env, struct schema_value *v)
{
	if (!env->identity)
		return false;
	identity_event(env->identity, r, env->event);
	v->p = env->event;
	v->n = sizeof(env->event);
	return true;
}

static bool get_iface(const struct record *r, struct schema_env *env, struct schema_value *v)
{
	return env->iface && name(v, env->iface(env->iface_arg, r->iface));
}

static bool get_related_ip(const struct record *r, struct schema_env *env, struct schema_value *v)
{
	(void)env;
	v->ip[0] = &r->client.ip;
	v->ip[1] = &r->server.ip;
	v->n = memcmp(&r->client.ip, &r->server.ip, sizeof(r->client.ip)) == 0 ||
			       (r->kind == RECORD_EVENT && addr_is_zero(&r->server.ip))
		       ? 1
		       : 2;
	return true;
}

/* As Packetbeat has it: the path up to its last slash, without a query string. */
static bool get_resource(const struct record *r, struct schema_env *env, struct schema_value *v)
{
	const struct txn_record *t = (const struct txn_record *)r;
	const char *p = (const char *)r + t->object.offset, *mark;
	size_t n = t->object.len;

	(void)env;
	if (n == 0)
		return false;
	v->p = p;
	v->n = n;
	if (*p != '/')
		return true;
	mark = memchr(p, '?', n);
	if (mark)
		n = (size_t)(mark - p);
	mark = memrchr(p, '/', n);
	v->n = mark == p ? 1 : (size_t)(mark - p);
	return true;
}

static bool geo_text(const char *text, struct schema_value *v)
{
	v->p = text;
	v->n = strlen(text);
	return v->n > 0;
}

static bool geo_value(
	const struct addr *a, struct schema_env *env, int what, struct schema_value *v)
{
	const struct geo_place *p = env->geo ? geo_find(env->geo, a) : NULL;

	if (!p)
		return false;
	switch (what) {
	case 0:
		return geo_text(p->country, v);
	case 1:
		return geo_text(p->city, v);
	case 2:
		return geo_text(p->location, v);
	case 3:
		v->u64 = p->as_number;
		return v->u64 != 0;
	default:
		return geo_text(p->organization, v);
	}
}

#define GEO_GET(side, what)                                                                        \
	static bool get_##side##_##what(                                                           \
		const struct record *r, struct schema_env *env, struct schema_value *v)            \
	{                                                                                          \
		return geo_value(&r->side.ip, env, what, v);                                       \
	}
GEO_GET(client, 0)
GEO_GET(client, 1)
GEO_GET(client, 2)
GEO_GET(client, 3)
GEO_GET(client, 4)
GEO_GET(server, 0)
GEO_GET(server, 1)
GEO_GET(server, 2)
GEO_GET(server, 3)
GEO_GET(server, 4)

#define GET(kinds, name, title, help, type, flags, width, get)                                     \
	{                                                                                          \
		FIELD_AT(name, title, help, type, width, flags, 0, NULL), kinds, false, NULL,      \
			NULL, get                                                                  \
	}
/* One of a few names. */
#define GET_NAME(kinds, name, title, help, width, names, get)                                      \
	{                                                                                          \
		FIELD_AT(name, title, help, FIELD_NAME, width, 0, 0, names), kinds, false, NULL,   \
			NULL, get                                                                  \
	}
#define CONSTANT(kinds, name, title, help, flags, text)                                            \
	{                                                                                          \
		FIELD_AT(name, title, help, FIELD_NAME, 8, flags, 0, NULL), kinds, false, text,    \
			NULL, NULL                                                                 \
	}
/* The same for a whole run. */
#define OF_RUN(name, title, help, width, constant)                                                 \
	{                                                                                          \
		FIELD_AT(name, title, help, FIELD_NAME, width, 0, 0, NULL), ALL | ALERT, false,    \
			NULL, constant, NULL                                                       \
	}
#define GEO(name, title, help, type, width, fn)                                                    \
	{                                                                                          \
		.field = FIELD_AT(name, title, help, type, width, 0, 0, NULL), .kinds = BOTH,      \
		.geo = true, .get = fn                                                             \
	}
#define GEO_FIELDS(prefix, side, who)                                                              \
	GEO(prefix ".geo.country_iso_code", "Country", "Country of the " who " (ISO 3166-1).",     \
		FIELD_STR, 3, get_##side##_0),                                                     \
		GEO(prefix ".geo.city_name", "City", "City of the " who ", in English.",           \
			FIELD_STR, 12, get_##side##_1),                                            \
		GEO(prefix ".geo.location", "Location", "Latitude and longitude of the " who ".",  \
			FIELD_STR, 18, get_##side##_2),                                            \
		GEO(prefix ".as.number", "AS", "Autonomous system of the " who ".", FIELD_U64, 7,  \
			get_##side##_3),                                                           \
		GEO(prefix ".as.organization.name", "AS name",                                     \
			"Whose the " who "'s autonomous system is.", FIELD_STR, 20,                \
			get_##side##_4)

const struct schema_computed computed_fields[] = {
	GEO_FIELDS("client", client, "client"),
	GEO_FIELDS("server", server, "server"),
	GEO_FIELDS("source", client, "client"),
	GEO_FIELDS("destination", server, "server"),
	CONSTANT(ALL | ALERT, "ecs.version", "ECS", "Version of the Elastic Common Schema.", 0,
		"8.11.0"),
	CONSTANT(ALL, "event.kind", "Kind", "Always event.", 0, "event"),
	CONSTANT(ALERT, "event.kind", "Kind", "Always alert.", 0, "alert"),
	CONSTANT(ALL | ALERT, "event.category", "Category", "Always network.", FIELD_F_LIST,
		"network"),
	{FIELD_AT("event.type", "Event type",
		 "connection, and end, info (interim) or protocol; of an event info and protocol.",
		 FIELD_NAMES, 12, FIELD_F_LIST, 0, ecs_types),
		ALL | ALERT, false, NULL, NULL, get_event_type},
	GET(ALL | ALERT, "event.id", "Event ID",
		"Names the record: a hash of the run, the sensor, the start, the flow and the "
		"number of the transaction. A record that comes twice has it twice, and so do two "
		"readings of a file.",
		FIELD_STR, 0, IDENTITY_EVENT, get_event_id),
	GET_NAME(BOTH, "event.outcome", "Outcome", "success, failure or unknown; follows status.",
		7, outcome_names, get_outcome),
	GET_NAME(BOTH, "status", "Status",
		"How it ended: OK, Error, Client Error or Server Error; Pending: it has not, and "
		"another record of it will come; absent where the capture lost the answer, or "
		"ended before it.",
		12, status_names, get_status),
	GET_NAME(ALL, "network.type", "IP", "ipv4 or ipv6.", 4, network_names, get_network_type),
	GET(ALL, "network.transport", "Transport", "tcp, udp, icmp, ipv6-icmp ...", FIELD_NAME, 0,
		9, get_transport),
	GET(ALL, "network.community_id", "Community ID",
		"Community ID version 1, seed 0: names the connection in every tool.", FIELD_STR, 0,
		30, get_community),
	GET(BOTH, "network.bytes", "Bytes", "Bytes of both sides.", FIELD_BYTES, 0, 8, get_bytes),
	GET(BOTH, "network.packets", "Packets", "Packets of both sides.", FIELD_U64, 0, 7,
		get_packets),
	CONSTANT(ALL | ALERT, "observer.product", "Product", "Always tsumari.", 0, "tsumari"),
	OF_RUN("observer.version", "Version", "Version of the program.", 8, version),
	OF_RUN("observer.hostname", "Host",
		"The host that listens; of a file, which does not name it, absent.", 16, host),
	OF_RUN("host.name", "Host", "The same as observer.hostname.", 16, host),
	OF_RUN("observer.name", "Sensor",
		"What --sensor calls it; else the same as observer.hostname.", 16, sensor),
	OF_RUN("tsumari.run.id", "Run",
		"Names the run: at random where it listens; of a file the same each time that the "
		"file is read.",
		IDENTITY_RUN, run),
	GET(ALL, "observer.ingress.interface.name", "Interface", "Capture interface.", FIELD_STR, 0,
		10, get_iface),
	GET(ALL, "related.ip", "Addresses", "Both addresses.", FIELD_IP, FIELD_F_LIST, 31,
		get_related_ip),
	GET(TXN, "resource", "Resource", "The path up to its last slash.", FIELD_STR, 0, 24,
		get_resource),
	{.field = FIELDS_END},
};
