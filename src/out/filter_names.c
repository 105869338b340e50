/* filter_names.c - see filter_names.h. */
#include "out/filter_names.h"
#include "base/text.h"
#include <string.h>

#define BOTH(guard, a, b)                                                                          \
	"(" guard " and (" a " $ or " b " $))", "(" guard " and not (" a " $ or " b " $))", NULL
#define SIDES "client.ip, server.ip, or related.ip for either"
#define PORTS "client.port and server.port"

static const struct filter_name names[] = {
	/* addresses, ports, frames */
	{"ip", "network.type == ipv4", NULL, NULL},
	{"ipv6", "network.type == ipv6", NULL, NULL},
	{"tcp", "network.transport == tcp", NULL, NULL},
	{"udp", "network.transport == udp", NULL, NULL},
	{"icmp", "network.transport == icmp", NULL, NULL},
	{"icmpv6", "network.transport == ipv6-icmp", NULL, NULL},
	{"sctp", "network.transport == sctp", NULL, NULL},
	{"ip.addr", "related.ip $", NULL, NULL},
	{"ipv6.addr", "related.ip $", NULL, NULL},
	{"ip.host", "related.ip $", NULL, NULL},
	{"ip.src", NULL, NULL, SIDES},
	{"ip.dst", NULL, NULL, SIDES},
	{"ipv6.src", NULL, NULL, SIDES},
	{"ipv6.dst", NULL, NULL, SIDES},
	{"ip.proto", "network.iana_number $", NULL, NULL},
	{"ip.version", NULL, NULL, "network.type, which is ipv4 or ipv6"},
	{"tcp.port", BOTH("network.transport == tcp", "client.port", "server.port")},
	{"udp.port", BOTH("network.transport == udp", "client.port", "server.port")},
	{"port", BOTH("client.port", "client.port", "server.port")},
	{"tcp.srcport", NULL, NULL, PORTS},
	{"tcp.dstport", NULL, NULL, PORTS},
	{"udp.srcport", NULL, NULL, PORTS},
	{"udp.dstport", NULL, NULL, PORTS},
	{"eth.addr", BOTH("client.mac", "client.mac", "server.mac")},
	{"eth.src", NULL, NULL, "client.mac and server.mac"},
	{"eth.dst", NULL, NULL, "client.mac and server.mac"},
	{"vlan", "network.vlan.id", NULL, NULL},
	{"vlan.id", "network.vlan.id $", NULL, NULL},
	{"frame.number", NULL, NULL,
		"tsumari.frame.request_first and its kin; --print shows one frame"},
	{"frame.len", NULL, NULL,
		"network.bytes; a filter expression (greater 1000) chooses frames"},
	{"frame.time", "@timestamp $", NULL, NULL},
	{"frame.time_delta", NULL, NULL, "event.duration"},
	{"frame.interface_name", "observer.ingress.interface.name $", NULL, NULL},
	/* TCP */
	{"tcp.stream", NULL, NULL, "flow.id, the number of the connection's first frame"},
	{"udp.stream", NULL, NULL, "flow.id, the number of the flow's first frame"},
	{"tcp.flags.reset", "tsumari.tcp.reset.phase", NULL, NULL},
	{"tcp.flags.syn", NULL, NULL, "tsumari.tcp.syn_retries, or a filter expression for frames"},
	{"tcp.flags.fin", NULL, NULL, "tsumari.tcp.close_reason"},
	{"tcp.analysis.retransmission",
		"(tsumari.tcp.client.retransmits > 0 or tsumari.tcp.server.retransmits > 0)", NULL,
		NULL},
	{"tcp.analysis.fast_retransmission",
		"(tsumari.tcp.client.fast_retransmits or tsumari.tcp.server.fast_retransmits)",
		NULL, NULL},
	{"tcp.analysis.spurious_retransmission",
		"(tsumari.tcp.client.spurious_retransmits or "
		"tsumari.tcp.server.spurious_retransmits)",
		NULL, NULL},
	{"tcp.analysis.out_of_order",
		"(tsumari.tcp.client.out_of_order > 0 or tsumari.tcp.server.out_of_order > 0)",
		NULL, NULL},
	{"tcp.analysis.duplicate_ack",
		"(tsumari.tcp.client.duplicate_acks > 0 or tsumari.tcp.server.duplicate_acks > 0)",
		NULL, NULL},
	{"tcp.analysis.lost_segment",
		"(tsumari.tcp.client.lost_in_capture or tsumari.tcp.server.lost_in_capture)", NULL,
		NULL},
	{"tcp.analysis.zero_window",
		"(tsumari.tcp.client.zero_windows or tsumari.tcp.server.zero_windows)", NULL, NULL},
	{"tcp.analysis.window_full",
		"(tsumari.tcp.client.window_full or tsumari.tcp.server.window_full)", NULL, NULL},
	{"tcp.analysis.initial_rtt", "tsumari.tcp.rtt_min $", NULL, NULL},
	{"tcp.analysis.ack_rtt", NULL, NULL,
		"tsumari.tcp.rtt_min, tsumari.tcp.rtt_client and tsumari.tcp.rtt_server"},
	{"tcp.len", NULL, NULL, "tsumari.flow.client.payload and tsumari.flow.server.payload"},
	/* HTTP */
	{"http.request", "http.request.method", NULL, NULL},
	{"http.response", "http.response.status_code", NULL, NULL},
	{"http.response.code", "http.response.status_code $", NULL, NULL},
	{"http.response.phrase", "http.response.status_phrase $", NULL, NULL},
	{"http.phrase", "http.response.status_phrase $", NULL, NULL},
	{"http.request.uri", NULL, NULL, "url.path, url.query, or url.full for all of it"},
	{"http.request.full_uri", "url.full $", NULL, NULL},
	{"http.request.uri.path", "url.path $", NULL, NULL},
	{"http.request.uri.query", "url.query $", NULL, NULL},
	{"http.request.version", "http.version $", NULL, NULL},
	{"http.response.version", "http.version $", NULL, NULL},
	{"http.host", "url.domain $", NULL, NULL},
	{"http.user_agent", "user_agent.original $", NULL, NULL},
	{"http.referer", "http.request.referrer $", NULL, NULL},
	{"http.content_type", "http.response.mime_type $", NULL, NULL},
	{"http.content_length", "http.response.body.bytes $", NULL, NULL},
	{"http.content_encoding", "tsumari.http.content_encoding $", NULL, NULL},
	{"http.time", "(type in {http, http2} and event.duration $)", NULL, NULL},
	{"http.request.headers", NULL, NULL,
		"user_agent.original, http.request.mime_type or url.domain"},
	{"http2.streamid", "tsumari.http2.stream_id $", NULL, NULL},
	{"http2.headers.status", "http.response.status_code $", NULL, NULL},
	{"http2.headers.method", "http.request.method $", NULL, NULL},
	{"http2.headers.path", "url.path $", NULL, NULL},
	{"http2.headers.authority", "url.domain $", NULL, NULL},
	{"grpc", "tsumari.grpc.service", NULL, NULL},
	{"grpc.status_code", "tsumari.grpc.status $", NULL, NULL},
	/* DNS */
	{"dns.qry.name", "dns.question.name $", NULL, NULL},
	{"dns.qry.type", NULL, NULL, "dns.question.type, by its name: dns.question.type == AAAA"},
	{"dns.qry.class", NULL, NULL, "dns.question.class, by its name: dns.question.class == IN"},
	{"dns.flags.rcode", NULL, NULL,
		"dns.response_code, by its name: dns.response_code == NXDOMAIN"},
	{"dns.flags.response", NULL, NULL,
		"dns.response_code: a record has a query and its answer"},
	{"dns.flags.truncated", "dns.flags.truncated_response $", NULL, NULL},
	{"dns.count.answers", "dns.answers_count $", NULL, NULL},
	{"dns.a", "dns.resolved_ip $", NULL, NULL},
	{"dns.aaaa", "dns.resolved_ip $", NULL, NULL},
	{"dns.answers.data", "dns.resolved_ip $", NULL, NULL},
	{"dns.resp.name", NULL, NULL, "dns.question.name, or dns.resolved_ip"},
	{"dns.resp.ttl", NULL, NULL, "tsumari.dns.ttl_min, in seconds"},
	{"dns.time", "(type == dns and event.duration $)", NULL, NULL},
	/* MySQL */
	{"mysql.query", "(type == mysql and query $)", NULL, NULL},
	{"mysql.error.code", "mysql.error_code $", NULL, NULL},
	{"mysql.error.message", "mysql.error_message $", NULL, NULL},
	{"mysql.iserror", "(type == mysql and not status == OK)", NULL, NULL},
	{"mysql.sqlstate", "tsumari.mysql.sqlstate $", NULL, NULL},
	{"mysql.database", "mysql.schema $", NULL, NULL},
	{"mysql.response_time", "(type == mysql and event.duration $)", NULL, NULL},
	/* SMTP, TLS, RPC, NFS, VRRP, ARP */
	{"smtp.req.command", "smtp.command $", NULL, NULL},
	{"smtp.response.code", "smtp.reply_code $", NULL, NULL},
	{"smtp.rsp.parameter", "smtp.reply $", NULL, NULL},
	{"imf.from", "email.from.address $", NULL, NULL},
	{"imf.to", "email.to.address $", NULL, NULL},
	{"imf.subject", "email.subject $", NULL, NULL},
	{"imf.message_id", "email.message_id $", NULL, NULL},
	{"ssl", "type == tls", NULL, NULL},
	{"tls.handshake.extensions_server_name", "tls.client.server_name $", NULL, NULL},
	{"ssl.handshake.extensions_server_name", "tls.client.server_name $", NULL, NULL},
	{"tls.handshake.extensions_alpn_str", "tls.next_protocol $", NULL, NULL},
	{"tls.handshake.ciphersuite", NULL, NULL, "tls.cipher, by its name"},
	{"tls.record.version", NULL, NULL, "tls.version, by its number: tls.version == 1.3"},
	{"tls.handshake.version", NULL, NULL, "tls.version, by its number: tls.version == 1.3"},
	{"tls.alert_message.desc", "tsumari.tls.alert $", NULL, NULL},
	{"rpc.time", "(rpc.xid and event.duration $)", NULL, NULL},
	{"nfs.name", "tsumari.nfs.name $", NULL, NULL},
	{"nfs.full_name", "tsumari.nfs.path $", NULL, NULL},
	{"nfs.nfsstat3", NULL, NULL, "nfs.status, by its name"},
	{"nfs.nfsstat4", NULL, NULL, "nfs.status, by its name"},
	{"vrrp.virt_rtr_id", "vrrp.virtual_router_id $", NULL, NULL},
	{"vrrp.prio", "vrrp.priority $", NULL, NULL},
	{"arp.src.proto_ipv4", "arp.sender.ip $", NULL, NULL},
	{"arp.src.hw_mac", "arp.sender.mac $", NULL, NULL},
	{"icmp.type", "tsumari.flow.icmp.type $", NULL, NULL},
	{"icmp.code", "tsumari.flow.icmp.code $", NULL, NULL},
	/* Packetbeat */
	{"responsetime", "event.duration $", NULL, NULL},
	{"client_ip", "client.ip $", NULL, NULL},
	{"client_port", "client.port $", NULL, NULL},
	{"server_ip", "server.ip $", NULL, NULL},
	{"bytes_in", "client.bytes $", NULL, NULL},
	{"bytes_out", "server.bytes $", NULL, NULL},
	{"real_ip", "network.forwarded_ip $", NULL, NULL},
	{"server.domain", "url.domain $", NULL, NULL},
	{"destination.domain", "url.domain $", NULL, NULL},
	{"flow_id", "flow.id $", NULL, NULL},
};

const struct filter_name *filter_name_find(const char *name)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i].name, name) == 0)
			return &names[i];
	return NULL;
}

void filter_names_print(FILE *f)
{
	fputs("\n## Names of other tools\n\n"
	      "Display filters understand these names of Wireshark and Packetbeat, and the types "
	      "of "
	      "records\n(`http`: `type == http`); `$` stands for the operator and its value.\n\n"
	      "| Name | Meaning |\n|---|---|\n",
		f);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].means)
			fprintf(f, "| %s | `%s` |\n", names[i].name, names[i].means);
}

#define NEAR_MAX   3u /* names that are offered */
#define NEAR_EDITS 2u

static const char *last_part(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot ? dot + 1 : name;
}

static bool is_near(const char *name, const char *field, bool loosely)
{
	if (!loosely)
		return strcasecmp(name, field) == 0 || text_edits(name, field) <= NEAR_EDITS;
	return strlen(last_part(name)) > 2 && strcmp(last_part(name), last_part(field)) == 0;
}

static void offer(const char *field, const char **list, unsigned *n)
{
	for (unsigned i = 0; i < *n; i++)
		if (strcmp(list[i], field) == 0)
			return;
	if (*n < NEAR_MAX)
		list[(*n)++] = field;
}

void filter_names_near(
	struct schema *const *schemas, unsigned n, const char *name, char *to, size_t size)
{
	const char *list[NEAR_MAX];
	unsigned found = 0;
	struct text t;

	for (int loosely = 0; loosely < 2 && !found; loosely++)
		for (unsigned i = 0; i < n; i++)
			for (unsigned k = 0; k < schemas[i]->n; k++)
				if (is_near(name, schemas[i]->columns[k].field->name, loosely))
					offer(schemas[i]->columns[k].field->name, list, &found);
	text_init(&t, to, size);
	for (unsigned i = 0; i < found; i++)
		text_printf(&t, "%s%s", !i ? "" : i + 1 < found ? ", " : " or ", list[i]);
}
