/*
 * schema_tables.c - the schema of the records' own members.
 *
 * Each member is declared here once; what is printed, filtered, shown in columns and documented
 * comes from these tables. Names are those of the Elastic Common Schema and of Packetbeat's flows
 * and transactions, else below "tsumari.". What is made from several members (network.bytes,
 * event.outcome ...) is declared in out/computed.c. Where source and destination say the same as
 * client and server they have the same offset.
 */
#include "core/record.h"

#include <stddef.h>
#include <string.h>

const char *const quality_names[] = {
	[QUALITY_ONE_WAY] = "one_way",
	[QUALITY_MIDSTREAM] = "midstream",
	[QUALITY_GAP] = "gap",
	[QUALITY_SNAPLEN] = "snaplen",
	[QUALITY_DUPLICATE] = "duplicate",
	[QUALITY_EARLY_RESPONSE] = "early_response",
	[QUALITY_NO_REQUEST] = "no_request",
	[QUALITY_NO_RESPONSE] = "no_response",
	[QUALITY_UNFINISHED] = "unfinished",
	[QUALITY_TRUNCATED] = "truncated",
	[QUALITY_AMBIGUOUS] = "ambiguous",
	[QUALITY_MALFORMED] = "malformed",
	[QUALITY_NO_RTT] = "no_rtt",
	[QUALITY_TIME_BACK] = "time_back",
	[QUALITY_CONNECT] = "connect",
	[QUALITY_PENDING] = "pending",
	[QUALITY_STALE] = "stale",
	[QUALITY_MPTCP] = "mptcp",
	[QUALITY_RESENT_END] = "resent_end",
	[QUALITY_GAVE_UP] = "gave_up",
	[QUALITY_COUNT] = NULL,
};

/* The ledger: entry, name, column head, help. */
#define LEDGER_LIST(X)                                                                             \
	X(CONNECT_RETRY, "connect.retry", "Conn retry",                                            \
		"Waiting until a SYN or SYN/ACK was sent again, or the connection taken.")         \
	X(CONNECT_NETWORK, "connect.network", "Conn net", "The rest of the TCP handshake.")        \
	X(CONNECT_TLS, "connect.tls", "Conn TLS", "ClientHello to the end of the TLS handshake.")  \
	X(REQUEST, "request", "Request", "Sending the request, stalls taken out.")                 \
	X(QUEUED, "queued", "Queued",                                                              \
		"Behind another request of the same connection, which was answered first.")        \
	X(RETRY, "retry", "Retry", "Until the client sent a datagram again that was lost.")        \
	X(NETWORK, "network", "Network",                                                           \
		"The path between capture point and server while waiting for the response.")       \
	X(SERVER, "server", "Server", "The server at work: waiting less network and stalls.")      \
	X(RESPONSE, "response", "Response",                                                        \
		"Sending the response, idle spells and stalls taken out.")                         \
	X(STALL_RTO_CLIENT, "stall.rto.client", "RTO cl",                                          \
		"Waiting for the client's retransmission timer.")                                  \
	X(STALL_RTO_SERVER, "stall.rto.server", "RTO srv",                                         \
		"Waiting for the server's retransmission timer.")                                  \
	X(STALL_FAST_CLIENT, "stall.fast_retransmit.client", "Fast cl",                            \
		"Waiting for bytes the client sent again by fast retransmit.")                     \
	X(STALL_FAST_SERVER, "stall.fast_retransmit.server", "Fast srv",                           \
		"Waiting for bytes the server sent again by fast retransmit.")                     \
	X(STALL_DELAYED_ACK, "stall.delayed_ack", "Del ACK",                                       \
		"A short segment held back for a delayed ACK (Nagle's algorithm).")                \
	X(STALL_ZERO_CLIENT, "stall.zero_window.client", "ZWin cl",                                \
		"The client had closed its receive window.")                                       \
	X(STALL_ZERO_SERVER, "stall.zero_window.server", "ZWin srv",                               \
		"The server had closed its receive window.")                                       \
	X(STALL_H2_CLIENT, "stall.h2_window.client", "H2win cl",                                   \
		"The client had closed its HTTP/2 flow-control window.")                           \
	X(STALL_H2_SERVER, "stall.h2_window.server", "H2win srv",                                  \
		"The server had closed its HTTP/2 flow-control window.")                           \
	X(UNKNOWN, "unknown", "Unknown", "Bytes the capture lost: time that cannot be attributed.")

#define LEDGER_NAME(entry, name, title, help) [LEDGER_##entry] = name,
const char *const ledger_names[] = {LEDGER_LIST(LEDGER_NAME)[LEDGER_COUNT] = NULL};

/* One member of a record's struct. */
#define MEMBER(type, member, name, title, help, kind, flags, width)                                \
	FIELD_AT(name, title, help, kind, width, flags, offsetof(struct type, member), NULL)

/* An end under one of its two names: client or source, server or destination. */
#define ENDPOINT(end, name, whose)                                                                 \
	MEMBER(record, end.ip, name ".ip", name, "Address of the " whose ".", FIELD_IP, 0, 15),    \
		MEMBER(record, end.port, name ".port", "Port", "Port of the " whose ".",           \
			FIELD_U64, FIELD_F_U16 | FIELD_F_PORTS, 5),                                \
		MEMBER(record, end.mac, name ".mac", "MAC",                                        \
			"MAC address of the " whose " as captured (a router's, where one is "      \
			"between).",                                                               \
			FIELD_MAC, 0, 17),                                                         \
		MEMBER(record, end.bytes, name ".bytes", "Bytes",                                  \
			"Sent by the " whose                                                       \
			": bytes of IP packets (flow) or of its message (transaction).",           \
			FIELD_BYTES, 0, 8),                                                        \
		MEMBER(record, end.packets, name ".packets", "Packets",                            \
			"Packets sent by the " whose ".", FIELD_U64, 0, 7)

/* Members that several kinds of records have. */
#define DATASET                                                                                    \
	MEMBER(record, type, "event.dataset", "Dataset", "The same as type.", FIELD_NAME, 0, 8)
#define VLANS                                                                                      \
	MEMBER(record, vlan, "network.vlan.id", "VLAN", "VLAN identifier, the outer one.",         \
		FIELD_U64, FIELD_F_U16 | FIELD_F_NONZERO, 4),                                      \
		MEMBER(record, inner_vlan, "network.inner.vlan.id", "Inner VLAN",                  \
			"VLAN identifier, the inner one of two.", FIELD_U64,                       \
			FIELD_F_U16 | FIELD_F_NONZERO, 4)
#define TUNNEL_AND_QUALITY                                                                         \
	MEMBER(record, tunnel, "tsumari.tunnel", "Tunnel",                                         \
		"The innermost tunnel it was found in (vxlan, gre ...).", FIELD_NAME, 0, 8),       \
		FIELD_AT("tsumari.quality", "Quality",                                             \
			"What the capture or the sender did that limits what the record can say.", \
			FIELD_NAMES, 12, FIELD_F_LIST, offsetof(struct record, quality),           \
			quality_names)
#define FORWARDED(type)                                                                            \
	MEMBER(type, forwarded, "network.forwarded_ip", "Forwarded",                               \
		"On whose behalf a proxy connected, as the PROXY protocol says; the client is "    \
		"the proxy.",                                                                      \
		FIELD_IP, FIELD_F_NONZERO, 15)

const struct field record_fields[] = {
	MEMBER(record, start, "@timestamp", "Time", "When it began: the first packet.", FIELD_TIME,
		0, 30),
	MEMBER(record, start, "event.start", "Start", "When it began: the first packet.",
		FIELD_TIME, 0, 30),
	MEMBER(record, end, "event.end", "End", "When it ended: the last packet.", FIELD_TIME, 0,
		30),
	MEMBER(record, duration, "event.duration", "Duration", "End less start.", FIELD_DURATION, 0,
		8),
	DATASET,
	MEMBER(record, type, "type", "Type", "flow, or the protocol of the transaction.",
		FIELD_NAME, 0, 8),
	ENDPOINT(client, "client", "client"),
	ENDPOINT(server, "server", "server"),
	ENDPOINT(client, "source", "client"),
	ENDPOINT(server, "destination", "server"),
	MEMBER(record, transport, "network.iana_number", "Proto", "IANA protocol number.",
		FIELD_U64, FIELD_F_U8, 5),
	VLANS,
	MEMBER(record, flow_id, "flow.id", "Flow",
		"Names the connection, the same on its flow and its transactions: tsumari.run.id, "
		"and the number of its first frame.",
		FIELD_RUN_ID, 0, 16),
	TUNNEL_AND_QUALITY,
	FIELDS_END,
};

#define SIDE(array, member, what, title, help, kind, flags, width)                                 \
	MEMBER(flow_record, array[SIDE_CLIENT].member, "tsumari.tcp.client." what, title,          \
		"Client: " help, kind, (flags) | FIELD_F_TCP, width),                              \
		MEMBER(flow_record, array[SIDE_SERVER].member, "tsumari.tcp.server." what, title,  \
			"Server: " help, kind, (flags) | FIELD_F_TCP, width)

const struct field flow_fields[] = {
	MEMBER(flow_record, final, "flow.final", "Final",
		"The last record of its flow; false: more will come.", FIELD_BOOL,
		FIELD_F_U8 | FIELD_F_FALSE, 5),
	MEMBER(flow_record, r.vlan, "flow.vlan", "VLAN", "VLAN identifier, the outer one.",
		FIELD_U64, FIELD_F_U16 | FIELD_F_NONZERO, 4),
	MEMBER(flow_record, protocol, "network.protocol", "Protocol",
		"The application's protocol, where it was recognised.", FIELD_NAME, 0, 8),
	MEMBER(flow_record, tcp_state, "tsumari.tcp.state", "State",
		"State of the connection at the end.", FIELD_NAME, FIELD_F_TCP, 11),
	MEMBER(flow_record, close_reason, "tsumari.tcp.close_reason", "Closed by",
		"Why the record was written: fin, rst_client, rst_server, timeout, evicted, "
		"capture_end, port_reuse.",
		FIELD_NAME, FIELD_F_TCP, 11),
	MEMBER(flow_record, handshake, "tsumari.tcp.handshake", "Handshake",
		"First SYN to the ACK that ends the handshake.", FIELD_DURATION, FIELD_F_TCP, 8),
	MEMBER(flow_record, connect_retry, "tsumari.tcp.connect_retry", "Retry",
		"Waiting until a SYN or SYN/ACK was sent again, or, of a connection that was never "
		"made, until the client gave up; left out where 0.",
		FIELD_DURATION, FIELD_F_TCP | FIELD_F_NONZERO, 8),
	MEMBER(flow_record, ledger_retry, "tsumari.ledger.connect.retry", "Retry",
		"First SYN to the one that was answered, or until the client gave up; where no "
		"transaction of the connection has it. Left out where 0.",
		FIELD_DURATION, FIELD_F_TCP | FIELD_F_NONZERO, 8),
	MEMBER(flow_record, ledger_retry, "tsumari.ledger.total", "Total",
		"Sum of the ledger: what the connection itself was waited for beside its "
		"transactions. Left out where 0.",
		FIELD_DURATION, FIELD_F_TCP | FIELD_F_NONZERO, 8),
	MEMBER(flow_record, rtt_min, "tsumari.tcp.rtt_min", "RTT",
		"Smallest round-trip time of the whole path.", FIELD_DURATION, FIELD_F_TCP, 8),
	MEMBER(flow_record, rtt_client, "tsumari.tcp.rtt_client", "RTT cl",
		"Smallest round-trip time between capture point and client.", FIELD_DURATION,
		FIELD_F_TCP, 8),
	MEMBER(flow_record, rtt_server, "tsumari.tcp.rtt_server", "RTT srv",
		"Smallest round-trip time between capture point and server.", FIELD_DURATION,
		FIELD_F_TCP, 8),
	MEMBER(flow_record, syn_retries, "tsumari.tcp.syn_retries", "SYN again",
		"SYNs that were sent again.", FIELD_U64, FIELD_F_TCP, 4),
	MEMBER(flow_record, syn_gaps, "tsumari.tcp.syn_gaps", "SYN gaps",
		"Times between one SYN and the next, at most 8 of them.", FIELD_DURATIONS,
		FIELD_F_TCP | FIELD_F_LIST, 12),
	MEMBER(flow_record, syn_frames, "tsumari.tcp.syn_frames", "SYN frames",
		"Frames of the SYNs that were sent again, at most 8 of them.", FIELD_U64S,
		FIELD_F_TCP | FIELD_F_LIST, 12),
	MEMBER(flow_record, accept_wait, "tsumari.tcp.accept_wait", "Accept",
		"From the ACK that ends the handshake, or the client's first bytes behind it, to "
		"the last segment before the server took the connection, where it repeated its "
		"SYN/ACK in spite of them; left out where 0 or where nobody waited.",
		FIELD_DURATION, FIELD_F_TCP | FIELD_F_NONZERO, 8),
	MEMBER(flow_record, accept_frame, "tsumari.tcp.accept_frame", "Frame",
		"Frame of the first such SYN/ACK.", FIELD_U64, FIELD_F_TCP | FIELD_F_NONZERO, 9),
	MEMBER(flow_record, fast_open, "tsumari.tcp.fast_open", "Fast Open",
		"What became of data in the SYN (TCP Fast Open): taken, partly, refused (or "
		"lost), and sent again then.",
		FIELD_NAME, FIELD_F_TCP, 8),
	MEMBER(flow_record, reset_phase, "tsumari.tcp.reset.phase", "Reset",
		"Where the connection was when it was reset: syn, syn_ack (the handshake not "
		"ended), ack (by the server, at once after the handshake's ACK), request, wait, "
		"response, idle (no transaction open), open (a protocol that is not followed), "
		"close (after a FIN), stale (a request came to a connection that the server had "
		"closed), unknown (the bytes that would tell were not captured).",
		FIELD_NAME, FIELD_F_TCP, 8),
	MEMBER(flow_record, reset_frame, "tsumari.tcp.reset.frame", "Frame", "Frame of the reset.",
		FIELD_U64, FIELD_F_TCP | FIELD_F_NONZERO, 9),
	MEMBER(flow_record, syn_ack_retries, "tsumari.tcp.syn_ack_retries", "SYN/ACK again",
		"SYN/ACKs that were sent again; left out where 0.", FIELD_U64,
		FIELD_F_TCP | FIELD_F_NONZERO, 4),
	MEMBER(flow_record, syn_ack_late, "tsumari.tcp.syn_ack_late", "Late",
		"The server got a SYN that was sent again later: its SYN/ACK was lost, or one of "
		"the two was late.",
		FIELD_BOOL, FIELD_F_TCP | FIELD_F_U8, 5),
	MEMBER(flow_record, strays, "tsumari.tcp.strays", "Strays",
		"Segments of another connection between the same ports that the SYN met, and "
		"those to them (challenge ACK, RFC 5961); left out where 0.",
		FIELD_U64, FIELD_F_TCP | FIELD_F_NONZERO, 6),
	MEMBER(flow_record, duplicates, "tsumari.flow.duplicates", "Dup frames",
		"Frames captured twice, left out of every other number; left out where 0.",
		FIELD_U64, FIELD_F_NONZERO, 6),
	MEMBER(flow_record, duplicate_frame, "tsumari.flow.duplicate_frame", "Frame",
		"The first frame that was captured before.", FIELD_U64, FIELD_F_NONZERO, 9),
	MEMBER(flow_record, bad_datagrams, "tsumari.flow.bad_checksums", "Bad sums",
		"UDP: datagrams with a wrong checksum where their sender's others were right, so "
		"that no offload explains it: the receiver drops them, and they change nothing "
		"here; of those to applications; left out where 0.",
		FIELD_U64, FIELD_F_NONZERO, 6),
	MEMBER(flow_record, bad_datagram_frame, "tsumari.flow.bad_checksum_frame", "Frame",
		"The first of them.", FIELD_U64, FIELD_F_NONZERO, 9),
	FIELD_AT("tsumari.copy.kind", "Copies",
		"How the frames captured twice differ: same (not at all, or in link layer and time "
		"to live: a mirror port, a bridge, a router), vlan, tunnel (inside one and "
		"outside), nat (other addresses). One transaction all the same, under the "
		"addresses that were seen first.",
		FIELD_NAMES, 10, FIELD_F_LIST, offsetof(struct flow_record, copy_kinds),
		copy_names),
	MEMBER(flow_record, copy_ip[SIDE_CLIENT], "tsumari.copy.client.ip", "Copy client",
		"The client's address in the copies, where NAT changed addresses.", FIELD_IP,
		FIELD_F_NONZERO, 15),
	MEMBER(flow_record, copy_port[SIDE_CLIENT], "tsumari.copy.client.port", "Port",
		"The client's port in the copies.", FIELD_U64, FIELD_F_NONZERO, 5),
	MEMBER(flow_record, copy_ip[SIDE_SERVER], "tsumari.copy.server.ip", "Copy server",
		"The server's address in the copies, where NAT changed addresses.", FIELD_IP,
		FIELD_F_NONZERO, 15),
	MEMBER(flow_record, copy_port[SIDE_SERVER], "tsumari.copy.server.port", "Port",
		"The server's port in the copies.", FIELD_U64, FIELD_F_NONZERO, 5),
	MEMBER(flow_record, copy_vlan, "tsumari.copy.vlan", "Copy VLAN",
		"The VLAN of the copies, where they have another one.", FIELD_U64, FIELD_F_NONZERO,
		5),
	MEMBER(flow_record, copy_tunnel, "tsumari.copy.tunnel", "Copy tunnel",
		"The tunnel of the copies, where they have another one.", FIELD_NAME, 0, 8),
	MEMBER(flow_record, copy_tunnel_id, "tsumari.copy.tunnel_id", "Id",
		"Identifier of that tunnel (VNI, GRE key).", FIELD_U64, FIELD_F_NONZERO, 8),
	MEMBER(flow_record, icmp_errors, "tsumari.flow.icmp.errors", "ICMP errors",
		"ICMP errors that named this flow; left out where 0.", FIELD_U64, FIELD_F_NONZERO,
		4),
	MEMBER(flow_record, icmp_type, "tsumari.flow.icmp.type", "ICMP type",
		"Type of the last ICMP error that named this flow.", FIELD_U64, 0, 3),
	MEMBER(flow_record, icmp_code, "tsumari.flow.icmp.code", "ICMP code",
		"Code of the last ICMP error that named this flow.", FIELD_U64, 0, 3),
	FORWARDED(flow_record),
	MEMBER(flow_record, transactions, "tsumari.flow.transactions", "Txns",
		"Transactions found in this flow; left out where 0.", FIELD_U64, FIELD_F_NONZERO,
		6),
	MEMBER(flow_record, turns, "tsumari.turns.count", "Turns",
		"Times the server answered while the protocol was not followed (TLS, an unknown "
		"one): changes of direction; left out where 0.",
		FIELD_U64, FIELD_F_TCP | FIELD_F_NONZERO, 6),
	MEMBER(flow_record, turn_wait, "tsumari.turns.wait", "Turn wait",
		"Last byte of the client to the first of the server, all turns together.",
		FIELD_DURATION, FIELD_F_TCP | FIELD_F_NONZERO, 8),
	MEMBER(flow_record, turn_wait_max, "tsumari.turns.wait_max", "Longest",
		"The longest of them.", FIELD_DURATION, FIELD_F_TCP | FIELD_F_NONZERO, 8),
	MEMBER(flow_record, turn_request, "tsumari.turns.request", "Questions",
		"Sending what was asked, first byte to last, all turns together; a millisecond and "
		"more each.",
		FIELD_DURATION, FIELD_F_TCP | FIELD_F_NONZERO, 8),
	MEMBER(flow_record, turn_response, "tsumari.turns.response", "Answers",
		"Sending what was answered, first byte to last, all turns together; a millisecond "
		"and more each.",
		FIELD_DURATION, FIELD_F_TCP | FIELD_F_NONZERO, 8),
	MEMBER(flow_record, turn_think, "tsumari.turns.think", "Think",
		"Last byte of the server to the next of the client, all turns together.",
		FIELD_DURATION, FIELD_F_TCP | FIELD_F_NONZERO, 8),
	MEMBER(flow_record, side[SIDE_CLIENT].payload, "tsumari.flow.client.payload", "Payload cl",
		"Client: bytes of application data, each counted once.", FIELD_BYTES, 0, 8),
	MEMBER(flow_record, side[SIDE_SERVER].payload, "tsumari.flow.server.payload", "Payload srv",
		"Server: bytes of application data, each counted once.", FIELD_BYTES, 0, 8),

	SIDE(multipath, token, "mptcp.token", "MPTCP token",
		"by this token the end knows the Multipath TCP connection, which all of its "
		"subflows share.",
		FIELD_ID, FIELD_F_NONZERO, 10),
	SIDE(trouble, retransmits, "retransmits", "Resent",
		"segments with bytes that were sent before.", FIELD_U64, 0, 6),
	SIDE(trouble, fast_retransmits, "fast_retransmits", "Fast",
		"of these, by fast retransmit; left out where 0.", FIELD_U64, FIELD_F_NONZERO, 6),
	SIDE(trouble, rtos, "rtos", "RTOs",
		"of these, by retransmission timeout; left out where 0.", FIELD_U64,
		FIELD_F_NONZERO, 6),
	SIDE(trouble, spurious_retransmits, "spurious_retransmits", "Spurious",
		"of these, bytes that were acknowledged already; left out where 0.", FIELD_U64,
		FIELD_F_NONZERO, 6),
	SIDE(trouble, out_of_order, "out_of_order", "Reordered",
		"segments that arrived after later ones; left out where 0.", FIELD_U64,
		FIELD_F_NONZERO, 6),
	SIDE(trouble, duplicate_acks, "duplicate_acks", "Dup ACKs",
		"duplicate ACKs sent; left out where 0.", FIELD_U64, FIELD_F_NONZERO, 6),
	SIDE(trouble, zero_windows, "zero_windows", "ZWin",
		"times it closed its receive window; left out where 0.", FIELD_U64, FIELD_F_NONZERO,
		5),
	SIDE(trouble, zero_window_time, "zero_window_time", "ZWin time",
		"how long its receive window was closed; left out where 0.", FIELD_DURATION,
		FIELD_F_NONZERO, 8),
	SIDE(trouble, window_full, "window_full", "Full",
		"times it filled the other's window; left out where 0.", FIELD_U64, FIELD_F_NONZERO,
		5),
	SIDE(trouble, window_full_time, "window_full_time", "Full time",
		"how long the other's window was full; left out where 0.", FIELD_DURATION,
		FIELD_F_NONZERO, 8),
	SIDE(trouble, lost_in_capture, "lost_in_capture", "Not captured",
		"bytes its peer acknowledged and the capture does not hold; left out where 0.",
		FIELD_BYTES, FIELD_F_NONZERO, 8),
	SIDE(trouble, gaps, "gaps", "Gaps", "holes in its stream; left out where 0.", FIELD_U64,
		FIELD_F_NONZERO, 5),
	SIDE(trouble, resent_frame, "resent_frame", "Frame",
		"frame of the retransmission that was waited for the longest.", FIELD_U64,
		FIELD_F_NONZERO, 9),
	SIDE(trouble, zero_window_frame, "zero_window_frame", "Frame",
		"frame that ended the longest time its window was closed, or closed it.", FIELD_U64,
		FIELD_F_NONZERO, 9),
	SIDE(trouble, lost_frame, "lost_frame", "Frame",
		"first frame that acknowledges bytes of its that the capture does not hold.",
		FIELD_U64, FIELD_F_NONZERO, 9),
	SIDE(trouble, oversized, "oversized", "Oversized",
		"segments larger than the other side's MSS: put together by an offload; left out "
		"where 0.",
		FIELD_U64, FIELD_F_NONZERO, 6),
	SIDE(trouble, oversized_frame, "oversized_frame", "Frame", "the first of them.", FIELD_U64,
		FIELD_F_NONZERO, 9),
	SIDE(trouble, outside, "outside_window", "Outside",
		"segments outside the window, or acknowledging what was never sent, which the "
		"receiver ignores (RFC 9293, RFC 5961): a reset, a SYN, data; they change nothing "
		"here; left out where 0.",
		FIELD_U64, FIELD_F_NONZERO, 6),
	SIDE(trouble, outside_frame, "outside_window_frame", "Frame", "the first of them.",
		FIELD_U64, FIELD_F_NONZERO, 9),
	SIDE(trouble, bad_sums, "bad_checksums", "Bad sums",
		"segments with a wrong checksum where those before were right, so that no offload "
		"explains it: the receiver drops them, and they change nothing here; of what is "
		"read; left out where 0.",
		FIELD_U64, FIELD_F_NONZERO, 6),
	SIDE(trouble, bad_sum_frame, "bad_checksum_frame", "Frame", "the first of them.", FIELD_U64,
		FIELD_F_NONZERO, 9),
	SIDE(trouble, stuck, "stuck.retransmits", "Stuck",
		"times its last segment was sent again without ever being acknowledged; left out "
		"where 0.",
		FIELD_U64, FIELD_F_NONZERO, 6),
	SIDE(trouble, stuck_bytes, "stuck.bytes", "Bytes", "payload of that segment.", FIELD_BYTES,
		FIELD_F_NONZERO, 6),
	SIDE(trouble, stuck_time, "stuck.time", "Stuck for",
		"how long it went on sending that segment again.", FIELD_DURATION, FIELD_F_NONZERO,
		8),
	SIDE(trouble, stuck_frame, "stuck.frame", "Frame",
		"frame in which it was first sent again.", FIELD_U64, FIELD_F_NONZERO, 9),
	SIDE(side, mss, "mss", "MSS", "maximum segment size offered.", FIELD_U64, 0, 5),
	SIDE(side, wscale, "wscale", "WScale", "window scale offered (a shift).", FIELD_U64, 0, 3),
	SIDE(side, sack, "sack", "SACK", "selective acknowledgments offered.", FIELD_BOOL,
		FIELD_F_FALSE, 5),
	FIELDS_END,
};

#define STAMP(member, i, name, title, help)                                                        \
	MEMBER(txn_record, member[i], name, title, help, FIELD_U64, FIELD_F_NONZERO, 9)
#define LEDGER_FIELD(entry, name, title, help)                                                     \
	MEMBER(txn_record, ledger[LEDGER_##entry], "tsumari.ledger." name, title,                  \
		help " Left out where 0.", FIELD_DURATION, FIELD_F_NONZERO, 8),

const struct field txn_fields[] = {
	MEMBER(txn_record, r.type, "network.protocol", "Protocol", "The application's protocol.",
		FIELD_NAME, 0, 8),
	MEMBER(txn_record, method, "method", "Method", "The command or verb of the request.",
		FIELD_STR, 0, 8),
	MEMBER(txn_record, object, "path", "Path", "What the request was for.", FIELD_STR, 0, 40),
	MEMBER(txn_record, query, "query", "Query",
		"The request in a readable form, such as GET /index.html; of SQL its digest.",
		FIELD_STR, 0, 40),
	MEMBER(txn_record, request, "tsumari.time.request", "Request",
		"First to last byte of the request.", FIELD_DURATION, 0, 8),
	MEMBER(txn_record, wait, "tsumari.time.wait", "Wait",
		"Last byte of the request to first byte of the response.", FIELD_DURATION, 0, 8),
	MEMBER(txn_record, response, "tsumari.time.response", "Response",
		"First to last byte of the response.", FIELD_DURATION, 0, 8),
	STAMP(frame, 0, "tsumari.frame.request_first", "Frame",
		"Frame with the first byte of the request."),
	STAMP(frame, 1, "tsumari.frame.request_last", "Req end",
		"Frame with the last byte of the request."),
	STAMP(frame, 2, "tsumari.frame.response_first", "Resp",
		"Frame with the first byte of the response."),
	STAMP(frame, 3, "tsumari.frame.response_last", "Resp end",
		"Frame with the last byte of the response."),
	MEMBER(txn_record, total, "tsumari.ledger.total", "Total",
		"Sum of the ledger: the duration, and the connection's own cost where the "
		"transaction carries it (quality connect).",
		FIELD_DURATION, 0, 8),
	LEDGER_LIST(LEDGER_FIELD)

		FORWARDED(txn_record),
	MEMBER(txn_record, ended_by, "tsumari.ended_by", "Ended by",
		"Who closed the connection, or called off the stream, before the response "
		"had ended: client_fin, client_rst, client_cancel, client_anew (it opened "
		"another connection), server_fin or "
		"server_rst.",
		FIELD_NAME, 0, 10),
	MEMBER(txn_record, unacked, "tsumari.unacknowledged", "Unacked",
		"Its bytes were sent again and again, and not acknowledged to the end; left out "
		"where it was not so.",
		FIELD_BOOL, FIELD_F_U8 | FIELD_F_NONZERO, 5),
	MEMBER(txn_record, resent[SIDE_CLIENT], "tsumari.resent.client", "Resent cl",
		"Bytes the client sent again meanwhile; left out where 0.", FIELD_BYTES,
		FIELD_F_NONZERO, 8),
	MEMBER(txn_record, resent[SIDE_SERVER], "tsumari.resent.server", "Resent srv",
		"Bytes the server sent again meanwhile; left out where 0.", FIELD_BYTES,
		FIELD_F_NONZERO, 8),
	MEMBER(txn_record, lost[SIDE_CLIENT], "tsumari.lost.client", "Lost cl",
		"Bytes of the client the capture lost meanwhile; left out where 0.", FIELD_BYTES,
		FIELD_F_NONZERO, 8),
	MEMBER(txn_record, lost[SIDE_SERVER], "tsumari.lost.server", "Lost srv",
		"Bytes of the server the capture lost meanwhile; left out where 0.", FIELD_BYTES,
		FIELD_F_NONZERO, 8),
	FIELDS_END,
};

const struct field event_fields[] = {
	MEMBER(record, start, "@timestamp", "Time", "When it happened.", FIELD_TIME, 0, 30),
	MEMBER(record, start, "event.start", "Start", "When it happened.", FIELD_TIME, 0, 30),
	DATASET,
	MEMBER(record, type, "type", "Type", "Whose event it is.", FIELD_NAME, 0, 8),
	MEMBER(record, type, "network.protocol", "Protocol", "The same as type.", FIELD_NAME, 0, 8),
	MEMBER(record, client.ip, "source.ip", "Source", "Address of the sender.", FIELD_IP, 0, 15),
	MEMBER(record, client.mac, "source.mac", "MAC", "MAC address of the sender.", FIELD_MAC, 0,
		17),
	MEMBER(record, server.ip, "destination.ip", "Destination", "Whom it was sent to.", FIELD_IP,
		FIELD_F_NONZERO, 15),
	MEMBER(record, server.mac, "destination.mac", "MAC", "MAC address it was sent to.",
		FIELD_MAC, 0, 17),
	MEMBER(record, transport, "network.iana_number", "Proto", "IANA protocol number.",
		FIELD_U64, FIELD_F_U8 | FIELD_F_NONZERO, 5),
	MEMBER(record, flow_id, "flow.id", "Flow",
		"Names the flow of its packets; left out if they are of none.", FIELD_RUN_ID, 0,
		16),
	VLANS,
	TUNNEL_AND_QUALITY,
	MEMBER(event_record, frame, "tsumari.frame.number", "Frame",
		"The frame that says so; left out where time alone does.", FIELD_U64,
		FIELD_F_NONZERO, 9),
	FIELDS_END,
};

const struct field finding_fields[] = {
	MEMBER(record, start, "@timestamp", "Time", "When it was seen first.", FIELD_TIME, 0, 30),
	MEMBER(record, start, "event.start", "Start", "When it was seen first.", FIELD_TIME, 0, 30),
	MEMBER(record, end, "event.end", "End", "When it was seen last.", FIELD_TIME, 0, 30),
	DATASET,
	MEMBER(record, type, "type", "Type", "Always finding.", FIELD_NAME, 0, 8),
	MEMBER(finding_record, protocol, "network.protocol", "Protocol",
		"The protocol of the service that it blames.", FIELD_NAME, 0, 8),
	MEMBER(record, server.ip, "server.ip", "Server", "Address of the service that it blames.",
		FIELD_IP, FIELD_F_NONZERO, 15),
	MEMBER(record, server.port, "server.port", "Port", "Port of the service that it blames.",
		FIELD_U64, FIELD_F_U16 | FIELD_F_PORTS, 5),
	MEMBER(record, client.ip, "client.ip", "Client",
		"The only client that it was seen with, where there is only one.", FIELD_IP,
		FIELD_F_NONZERO, 15),
	MEMBER(finding_record, id, "tsumari.finding.id", "Finding", "Which finding: syn-drop ...",
		FIELD_NAME, 0, 16),
	MEMBER(finding_record, title, "tsumari.finding.title", "Title", "The same in words.",
		FIELD_NAME, 0, 30),
	MEMBER(finding_record, severity, "tsumari.finding.severity", "Severity",
		"info, warning or critical.", FIELD_NAME, 0, 8),
	MEMBER(finding_record, of_capture, "tsumari.finding.of_capture", "Capture",
		"It is the capture's own fault, and limits what all else can say.", FIELD_BOOL,
		FIELD_F_U8, 5),
	MEMBER(finding_record, cost, "tsumari.finding.cost", "Cost",
		"Waiting that it cost, from the ledger; left out where 0.", FIELD_DURATION,
		FIELD_F_NONZERO, 8),
	MEMBER(finding_record, at_least, "tsumari.finding.at_least", "At least",
		"Some of that waiting goes on: the cost is what it was so far.", FIELD_BOOL,
		FIELD_F_U8 | FIELD_F_NONZERO, 8),
	MEMBER(finding_record, share, "tsumari.finding.share", "Share",
		"Its share of total wait time; left out where 0.", FIELD_FRACTION, FIELD_F_NONZERO,
		5),
	MEMBER(finding_record, part_of, "tsumari.finding.part_of", "Part of",
		"The finding that it shares its cost with: they must not be added.", FIELD_NAME, 0,
		16),
	MEMBER(finding_record, count, "tsumari.finding.count", "Count", "How many it met.",
		FIELD_U64, 0, 6),
	MEMBER(finding_record, of, "tsumari.finding.of", "Of", "Of how many.", FIELD_U64, 0, 6),
	MEMBER(finding_record, counted, "tsumari.finding.counted", "Counted",
		"What is counted: connections, transactions ...", FIELD_NAME, 0, 12),
	MEMBER(finding_record, peak, "tsumari.finding.peak", "Peak", "When it was worst.",
		FIELD_TIME, 0, 30),
	MEMBER(finding_record, frames, "tsumari.finding.frames", "Frames",
		"Frames of the best examples, at most 8 of them.", FIELD_U64S, FIELD_F_LIST, 20),
	MEMBER(finding_record, filter, "tsumari.finding.filter", "Filter",
		"Display filter (-Y) that isolates it.", FIELD_STR, 0, 40),
	MEMBER(finding_record, bpf, "tsumari.finding.bpf", "BPF",
		"Capture filter that isolates its packets; absent where there is none.", FIELD_STR,
		0, 40),
	MEMBER(finding_record, saw, "tsumari.finding.saw", "Saw", "What was seen.", FIELD_STR, 0,
		60),
	MEMBER(finding_record, means, "tsumari.finding.means", "Means", "What it means.", FIELD_STR,
		0, 60),
	MEMBER(finding_record, next, "tsumari.finding.next", "Next", "What to look at next.",
		FIELD_STR, 0, 60),
	MEMBER(finding_record, against, "tsumari.finding.against", "Against",
		"What speaks against it.", FIELD_STR, 0, 60),
	FIELDS_END,
};

const struct dissector finding_type = {TSM_HEAD, .name = "finding", .title = "Findings"};
