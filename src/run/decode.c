/* decode.c - see decode.h. */
#include "run/decode.h"
#include "api/layer.h"
#include "base/mem.h"
#include "core/registry.h"
#include "run/values.h"
#include <string.h>

#define FOU "fou:"

/* Foo over UDP: what follows, by its number or, where it is usual, by name. */
static bool fou_proto(const char *text, uint8_t *proto)
{
	static const struct {
		const char *name;
		uint8_t proto;
	} names[] = {{"ipip", IP_PROTO_IPV4}, {"sit", IP_PROTO_IPV6}, {"gre", IP_PROTO_GRE}};
	uint64_t n;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i].name) == 0) {
			*proto = names[i].proto;
			return true;
		}
	}
	if (!value_number(text, 1, UINT8_MAX, &n))
		return false;
	*proto = (uint8_t)n;
	return true;
}

static bool decode_fou(const struct decode_option *d, char *err, size_t errsize)
{
	uint8_t proto;

	if (d->transport != IP_PROTO_UDP || !fou_proto(d->name + sizeof(FOU) - 1, &proto)) {
		snprintf(err, errsize,
			"-d %s: an IP protocol behind UDP is needed, such as udp/5555=fou:gre, "
			"fou:ipip, fou:sit or fou:NUMBER",
			d->name);
		return false;
	}
	if (registry_decode_fou(d->port, proto))
		return true;
	snprintf(err, errsize, "-d %s: more than %u ports", d->name, REGISTRY_FOU);
	return false;
}

/* Does a layer read what UDP carries? */
static bool is_udp_layer(const struct dissector *x)
{
	for (const struct claim *c = x->layer ? x->claims : NULL; c && c->table != TABLE_END; c++)
		if (c->table == TABLE_UDP_PORT)
			return true;
	return false;
}

bool decode_resolve(struct options *o, struct decode_as **list, char *err, size_t errsize)
{
	unsigned n = 0;

	*list = xcalloc(o->ndecode + 1, sizeof(**list));
	for (unsigned i = 0; i < o->ndecode; i++) {
		const struct decode_option *d = &o->decode[i];
		const struct dissector *x = registry_find(d->name);
		bool udp = d->transport == IP_PROTO_UDP;

		if (strncmp(d->name, FOU, sizeof(FOU) - 1) == 0) {
			if (!decode_fou(d, err, errsize))
				return false;
			continue;
		}
		if (udp && x && is_udp_layer(x)) {
			registry_decode_udp(d->port, x);
			continue;
		}
		if (strcmp(d->name, "none") != 0 && (!x || !x->data)) {
			snprintf(err, errsize,
				"-d %s: there is no such application protocol, or tunnel in UDP; "
				"tsumari --list-protocols lists them",
				d->name);
			return false;
		}
		if (udp)
			registry_decode_udp(d->port, NULL);
		(*list)[n].transport = d->transport;
		(*list)[n].port = d->port;
		(*list)[n++].dissector = x;
	}
	o->engine.decode_as = *list;
	o->engine.ndecode_as = n;
	return true;
}
