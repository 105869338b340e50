/*
 * record.h - what leaves the engine: one flow, transaction or event, ready for the sinks.
 *
 * A record is one block of memory: the struct, then its values (strings copied in). Records travel
 * in blocks from the workers to the aggregator; `key` orders them, the same for any number of
 * workers. Times are ns since the epoch, durations ns, FIELD_ABSENT (UINT64_MAX) where the capture
 * cannot say. The field tables at the end are the schema: everything printed comes from them.
 */
#ifndef TSUMARI_CORE_RECORD_H
#define TSUMARI_CORE_RECORD_H

#include "api/dissector.h"
#include "api/event.h"
#include "core/registry.h"

enum record_kind {
	RECORD_FLOW,
	RECORD_TXN,
	RECORD_EVENT,
	RECORD_FINDING,
	RECORD_TURN,   /* for the model only: no sink prints it; */
	RECORD_SENT,   /* nor this */
	RECORD_MOMENT, /* for the live view only: the end of a shard's part of a moment */
	RECORD_KIND_COUNT
};

/* The ledger: where a transaction's waiting time went. See docs/transactions.md. */
enum ledger_entry {
	LEDGER_CONNECT_RETRY,
	LEDGER_CONNECT_NETWORK,
	LEDGER_CONNECT_TLS,
	LEDGER_REQUEST,
	LEDGER_QUEUED, /* behind another request of the connection */
	LEDGER_RETRY,  /* until a datagram that was lost was sent again */
	LEDGER_NETWORK,
	LEDGER_SERVER,
	LEDGER_RESPONSE,
	LEDGER_STALL_RTO_CLIENT, /* the client had to send again after a timeout */
	LEDGER_STALL_RTO_SERVER,
	LEDGER_STALL_FAST_CLIENT,
	LEDGER_STALL_FAST_SERVER,
	LEDGER_STALL_DELAYED_ACK,
	LEDGER_STALL_ZERO_CLIENT, /* the client closed its window */
	LEDGER_STALL_ZERO_SERVER,
	LEDGER_STALL_H2_CLIENT, /* the client had closed its HTTP/2 flow-control window */
	LEDGER_STALL_H2_SERVER,
	LEDGER_UNKNOWN,
	LEDGER_COUNT
};

/*
 * What is under way, told before it ends; more records of it will come. Those of a moment are all
 * that was under way then, for who shows it; interim ones are of one flow or request that lasts.
 */
enum record_open { RECORD_ENDED, RECORD_OF_MOMENT, RECORD_INTERIM };

struct endpoint {
	struct addr ip;
	uint8_t mac[6]; /* all zero: not known */
	uint16_t port;
	uint64_t bytes;   /* flow: bytes of its frames; transaction: bytes of its message */
	uint64_t packets; /* flow: packets; transaction: FIELD_ABSENT */
};

/* How an interim record of a request says that it has no status yet; no dissector says so. */
#define STATUS_PENDING (STATUS_SERVER_ERROR + 1)

struct record {
	uint32_t size;     /* of the whole block, a multiple of 8 */
	uint8_t kind;      /* enum record_kind */
	uint8_t transport; /* IANA protocol number */
	uint8_t ip_version;
	uint8_t status; /* enum tsm_status_code, 0: not known */
	uint64_t key;

	const char *type;                  /* "flow", or the dissector's name */
	const char *tunnel;                /* "vxlan" ...; NULL: none */
	const struct dissector *dissector; /* of a transaction or event; NULL for a flow */

	uint64_t start, end; /* first and last packet; end may be absent */
	uint64_t duration;   /* end - start, or absent */
	struct endpoint client, server;
	uint64_t flow_id; /* names the connection: the same on its flow and its transactions */
	uint32_t quality; /* bit mask of enum tsm_quality */
	uint16_t vlan, inner_vlan; /* FIELD_F_NONZERO: 0 is none */
	uint8_t has_ports;
	uint8_t icmp_type, icmp_code; /* of an ICMP flow's first packet, for the Community ID */
	uint8_t composite;            /* a transaction made of others: not to be added to them */
	uint8_t open;                 /* enum record_open */
	uint16_t iface;
	uint32_t tunnel_id; /* of its key; 0: none */
	uint32_t number;    /* of a transaction: names it in its flow; of a finding: its place */
};

/* How a copy differs, bits of copy_names. */
#define COPY_SAME   0x01u /* in nothing but the link layer and the time to live */
#define COPY_VLAN   0x02u
#define COPY_TUNNEL 0x04u
#define COPY_NAT    0x08u

struct flow_side_record {
	uint64_t payload;     /* bytes of application data, each counted once */
	uint64_t mss, wscale; /* as offered; absent where no SYN was seen */
	uint64_t sack;        /* 1: offered */
};

struct flow_multipath_record { /* of a side */
	uint64_t token;        /* of Multipath TCP; 0: none */
};

struct flow_trouble_record {  /* of a side */
	uint64_t retransmits; /* segments with bytes that were sent before */
	uint64_t fast_retransmits, rtos, spurious_retransmits;
	uint64_t out_of_order; /* segments that arrived after later ones, reordered on the way */
	uint64_t duplicate_acks;
	uint64_t zero_windows;     /* times this side closed its receive window */
	uint64_t zero_window_time; /* ns, all together */
	uint64_t window_full;      /* times this side filled the other's window */
	uint64_t window_full_time;
	uint64_t lost_in_capture; /* bytes the peer acknowledged and the capture does not hold */
	uint64_t gaps;            /* holes in this side's stream */
	/* Frames that show it best; 0: none. */
	uint64_t resent_frame, zero_window_frame, lost_frame, oversized_frame, stuck_frame;
	uint64_t oversized; /* segments larger than the MSS: an offload put them together */
	uint64_t bad_sums, bad_sum_frame; /* segments left out for a wrong checksum */
	uint64_t outside, outside_frame; /* segments that the receiver ignores; the first of them */
	uint64_t stuck; /* times its last segment was sent again, and never acknowledged */
	uint64_t stuck_bytes, stuck_time;
	uint64_t waited; /* of stuck_time, until its client gave up (gave_up.h); 0: not known */
};

/*
 * Of most flows the engine gives what is before reset_phase only (record_whole()): there are many
 * at a time, and they go from one processor to another. Who reads all members may pass over the
 * others of those.
 */
struct flow_record {
	struct record r;
	bool final;               /* the last record of its flow */
	bool usual;               /* from reset_phase on everything is 0 or absent */
	const char *tcp_state;    /* NULL: not TCP */
	const char *close_reason; /* "fin", "rst_client", "rst_server", "timeout", "evicted",
				     "capture_end", "port_reuse" */
	uint64_t handshake;       /* first SYN to the ACK that ends the handshake */
	uint64_t connect_retry;   /* waiting until a SYN or SYN/ACK was sent again, or in vain */
	uint64_t rtt_min, rtt_server,
		rtt_client; /* whole path; its halves as seen from the capture point */
	uint64_t turns;     /* times the server answered, of a protocol that is not followed */
	uint64_t turn_wait, turn_wait_max, turn_think; /* ns */
	uint64_t unasked; /* how often a side spoke again, unasked; a client's count twice */
	uint64_t turn_request,
		turn_response;           /* sending what was asked, and what was answered; ns */
	struct flow_side_record side[2]; /* enum side */

	const char *reset_phase; /* of enum reset_phase; NULL: not reset */
	uint64_t syn_retries;
	struct field_list syn_gaps;   /* ns between SYNs */
	struct field_list syn_frames; /* of the SYNs sent again */
	uint64_t syn_ack_retries;
	uint64_t strays;       /* segments of another connection that answered the SYN */
	uint64_t accept_wait;  /* until the server took the connection, ns; 0: nobody waited */
	uint64_t accept_frame; /* of the first such SYN/ACK */
	uint64_t reset_frame;
	uint64_t duplicate_frame; /* the first one captured twice */
	uint64_t duplicates;      /* frames captured twice, left out of every other number */
	/* Datagrams left out for a wrong checksum; TCP's are in trouble. */
	uint64_t bad_datagrams, bad_datagram_frame;
	/* How they differ; what the copies had instead, absent where it is the same. */
	uint32_t copy_kinds;
	struct addr copy_ip[2]; /* enum side */
	uint64_t copy_port[2];
	uint64_t copy_vlan, copy_tunnel_id;
	const char *copy_tunnel;
	uint64_t icmp_errors;
	uint64_t icmp_type, icmp_code; /* of the last error that named this flow */
	struct addr forwarded;         /* whom the PROXY protocol names; all zero: nobody */
	uint64_t transactions;
	bool connect_untold;         /* none of them has a total with the connection's own cost */
	const struct dissector *app; /* the application, NULL: not recognised */
	const char *protocol;        /* its name, or NULL */
	const char *fast_open;       /* what became of data in the SYN; NULL: there was none */
	uint64_t first_late;         /* ns that the client's first bytes were sent again for */
	uint64_t ledger_retry;       /* connect.retry, where no transaction has it */
	uint64_t attempt;            /* it never stood: ns that somebody waited for it; */
	uint64_t attempt_least,
		attempt_most; /* at least, at most, where that is estimated; 0: not */
	/* Of its first transaction or turn, of the last, and when an end closed; 0: not seen. */
	uint64_t first_asked, first_answered, last_answered, closed;
	bool syn_ack_late; /* lost, or late: not the server dropped the SYN */
	struct flow_multipath_record multipath[2]; /* enum side */
	struct flow_trouble_record trouble[2];     /* enum side */
};
#define FLOW_RECORD_USUAL offsetof(struct flow_record, reset_phase)

/* The record with all its members, made at `room` where it has not got them. */
const struct record *record_whole(const struct record *r, struct flow_record *room);

/* Text inside a record's block. */
struct record_text {
	uint32_t offset; /* from the start of the record */
	uint32_t len;    /* 0: absent */
};

/* One value of a dissector's own fields; `field` 0xffff: superseded, to be passed over. */
struct value {
	uint16_t field; /* its place in dissector->fields */
	uint16_t len;   /* text: its length */
	uint32_t room;  /* bytes of text that follow this struct, before padding to a multiple of 8
			 */
	union {
		uint64_t u64;
		const char *name; /* FIELD_NAME */
	};
};

/*
 * What a transaction tells of handles and names (tsm_learn() and its kin): values of the field
 * VALUE_FACT, which is nobody's. The text of the value is this struct, then the name.
 */
#define VALUE_FACT 0xfffeu
#define VALUE_DEAD 0xffffu
enum fact_kind { FACT_LEARN, FACT_LEARNED, FACT_MOVED, FACT_REMOVED, FACT_WHERE };
struct fact {
	uint64_t handle; /* of the parent, of what was learned, of where */
	uint32_t k;
	uint8_t kind;  /* enum fact_kind */
	uint8_t field; /* FACT_WHERE: gets the path */
	uint16_t len;  /* of the name */
};

/* How long the path's round trip was well above its least, with a side's bytes under way; and it
   was then, on average; how long the last of them waited behind the capture; ns. */
struct path_load {
	uint64_t time, rtt, behind;
};

struct txn_record {
	struct record r;
	uint64_t stamp[4];                /* t0 .. t3, or absent */
	uint64_t frame[4];                /* frame numbers of the stamps; 0: none */
	uint64_t request, wait, response; /* the spans between them */
	uint64_t total;                   /* the sum of the ledger; absent: it cannot be told */
	uint64_t ledger[LEDGER_COUNT];
	uint64_t connect; /* of it: before the first byte of the request */
	bool unacked;     /* to the end, the request (or, begun, the response) was sent again and
			     never acknowledged */
	bool fresh;       /* so it began: the server did not take the connection's first bytes */
	struct path_load load[2];    /* enum side: of the request, of the response */
	uint64_t so_far[2];          /* bytes of one that has begun and not ended; 0: none such */
	uint64_t rtt;                /* of the whole path; absent: not known */
	uint64_t rtt_client;         /* of the part between the capture and the client; likewise */
	uint64_t resent[2], lost[2]; /* bytes a side sent again, or the capture lost, in its span */
	const char *ended_by;  /* who closed the connection (or called off the stream) before the
				  response had ended: "client_fin", "client_rst", "client_cancel",
				  "client_anew" (gave_up.h),  "server_fin", "server_rst"; NULL: not
				  so, not seen */
	struct addr forwarded; /* whom the PROXY protocol names; all zero: nobody */
	/* Common text, in the block behind the struct. */
	struct record_text method, object, query;
	uint32_t nvalues;
	uint32_t values; /* offset of the first struct value from the start of the record */
};

/*
 * The server answered on a connection whose protocol is not followed: `start` is the client's last
 * byte before, `end` the server's next. Where engine_config.turns asks for them.
 */
struct turn_record {
	struct record r;
	uint64_t ledger[LEDGER_COUNT]; /* of an answer: adds up to its duration */
	uint64_t frame;                /* of the answer */
	uint64_t asked;                /* bytes of the question; 0: not known */
	uint8_t unasked;               /* of its connection so far, as of a flow */
	bool first;                    /* of its connection */
	bool fresh;                  /* the connection's first bytes had to be sent again for it */
	bool open;                   /* there is no answer: it ends when the client closed, or
					(pending) with the capture */
	uint64_t rtt, rtt_client;    /* as of a transaction */
	uint64_t began;              /* the connection's first packet, where this is its first turn;
					0: it is not */
	const struct dissector *app; /* of the connection (TLS); NULL: not known */
};

/*
 * On such a connection a side sent something for longer than a moment: its question, its answer, or
 * so much that the path was what it took. `start` and `end` are its first and last byte.
 */
struct sent_record {
	struct record r;
	uint8_t side; /* enum side: who sent it */
	uint64_t bytes;
	uint64_t ledger[LEDGER_COUNT]; /* adds up to the duration */
	struct path_load load;
	uint64_t rtt;                /* of the whole path; absent: not known */
	uint64_t frame[2];           /* of the first byte and the last */
	const struct dissector *app; /* of the connection (TLS); NULL: not known */
};

/*
 * The end of what one shard has under way at a time (`start`): records with r.open behind the one
 * before. What there was no room for is in the counts alone.
 */
struct moment_record {
	struct record r;
	uint8_t shard;
	uint64_t flows, bytes;   /* connections that are not over, and bytes of their frames */
	uint64_t requests;       /* without their whole answer so far */
	uint64_t flows_left_out; /* that have no record in it; their bytes and requests likewise */
	uint64_t requests_left_out;
};

/* Is it for the model only? */
static inline bool record_of_turns(const struct record *r)
{
	return r->kind == RECORD_TURN || r->kind == RECORD_SENT;
}

/* What packets that belong to no connection say (api/event.h): `client` is their sender, `server`
   whom they were sent to; the dissector's own part follows. */
struct event_record {
	struct record r;
	uint64_t frame; /* that says so; 0: time alone does */
};

/* What the records together prove (findings/findings.h): `client` and `server` are whom it blames.
 */
struct finding_record {
	struct record r;
	const char *id, *title, *severity, *counted;
	const char *protocol, *part_of; /* NULL: none */
	bool of_capture, at_least;
	uint64_t cost;  /* ns of waiting */
	uint64_t share; /* of all waiting, in millionths */
	uint64_t count, of, peak;
	struct field_list frames;
	struct record_text filter, bpf, saw, means, next, against;
};

/* The next value after v. */
static inline const struct value *value_next(const struct value *v)
{
	return (const struct value *)((const uint8_t *)(v + 1) + ((size_t)v->room + 7) / 8 * 8);
}

/* The text of a FIELD_STR value. */
static inline const char *value_text(const struct value *v)
{
	return (const char *)(v + 1);
}

/* The schema of the structs above; offsets are from the start of the record. End with FIELD_END. */
extern const struct field record_fields[];  /* struct record: every kind */
extern const struct field flow_fields[];    /* struct flow_record, additional; a field of a side
					       stands twice: tsumari.tcp.client.*, tsumari.tcp.server.*
					     */
extern const struct field txn_fields[];     /* struct txn_record, additional */
extern const struct field event_fields[];   /* struct event_record: all events; record_fields do not
					       apply; the dissector's own (tsm_event_kind) follow */
extern const struct field finding_fields[]; /* struct finding_record: record_fields do not apply */
/* Stands where a dissector would: findings have none. It is not registered. */
extern const struct dissector finding_type;

/* What the report must know of a transaction's protocol (api/model.h). */
static inline const struct tsm_model *record_model(const struct record *r)
{
	return registry_model(r->dissector);
}
/* Is it one that hides what is asked? NULL: no. */
static inline bool app_encrypted(const struct dissector *d)
{
	return d && d->traits & TRAIT_ENCRYPTED;
}
/* Are there transactions that tell what is waited for, so that turns need not? */
static inline bool app_read(const struct dissector *d)
{
	return d && !app_encrypted(d);
}
extern const char *const copy_names[];    /* by bit COPY_ (copies.h), NULL-ended */
extern const char *const quality_names[]; /* by enum tsm_quality, NULL-ended */
extern const char *const ledger_names[];  /* by enum ledger_entry: "connect.retry" ... */

#endif
