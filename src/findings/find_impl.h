/*
 * find_impl.h - between findings.c and the detectors (find_*.c) only.
 */
#ifndef TSUMARI_FINDINGS_FIND_IMPL_H
#define TSUMARI_FINDINGS_FIND_IMPL_H

#include "base/clock.h"
#include "base/hash.h"
#include "model/account.h"
#include "findings/findings.h"
#include "model/keyed.h"
#include "model/values.h"

#define SVC_MAX   4096u
#define SVC_LEAST 64u

enum detector_place {
	DETECTOR_CAPTURE,
	DETECTOR_BLOAT,
	DETECTOR_CONNECT,
	DETECTOR_FLOOD,
	DETECTOR_SCAN,
	DETECTOR_ATTEMPT,
	DETECTOR_PATH,
	DETECTOR_CLOSE,
	DETECTOR_SERVER,
	DETECTOR_QUEUE,
	DETECTOR_LOAD,
	DETECTOR_RUNS,
	DETECTOR_MYSQL,
	DETECTOR_PGSQL,
	DETECTOR_NFS,
	DETECTOR_SMTP,
	DETECTOR_DNS,
	DETECTOR_GREETING,
	DETECTOR_FAR,
	DETECTOR_RATE,
	DETECTOR_SEND,
	DETECTOR_CHECKS,
	DETECTOR_UNANSWERED,
	DETECTOR_VRRP,
	DETECTOR_SILENT,
	DETECTOR_PROXY,
	DETECTOR_POLICE,
	DETECTOR_WORKERS, /* behind those that say what is slow */
	DETECTOR_COUNT    /* of them */
};

/* A service: server address, port, transport. Made by its first record. */
struct svc_key {
	struct addr ip;
	uint16_t port;
	uint8_t transport, ip_version;
	uint16_t vlan, inner_vlan;
	const char *tunnel;
};

struct svc {
	struct svc_key key;
	const char *protocol; /* of its last transaction; NULL: none yet */
	uint8_t kind;         /* enum tsm_kind of that */
	uint64_t flows;       /* closed ones */
	uint64_t established; /* of these */
	uint64_t transactions;
	uint64_t unknown;    /* of the transactions: txn_unknown() */
	uint64_t packets[2]; /* of closed TCP connections, by side */
	struct cell *cells;  /* of its waiting */
	struct idle *idler;  /* NULL: it had no long waits */
	uint32_t idle;       /* classes of its cells that are idle on purpose, by bit */
	/* ns of its server's time that were waited for what is in no record: as of the list that is
	   made; for good. */
	uint64_t explained, lasting;
	/* As of the list that is made: ns by which the account has waited for connections longer
	   than their clients did. */
	uint64_t over;
	void *state[DETECTOR_COUNT];
};

/* How often, what it cost, when, the best examples. */
#define PROOF_BUCKETS 32u
struct proof {
	uint64_t count, cost, first, last;
	unsigned nbest;
	struct {
		uint64_t cost, frame;
	} best[FINDING_FRAMES];
	uint64_t origin, width, bucket[PROOF_BUCKETS];
	struct addr client;
	bool many; /* not all of one client */
};

void proof_add(struct proof *t, uint64_t time, uint64_t cost, uint64_t frame);
/* One more frame, without counting. 0: none. */
void proof_frame(struct proof *t, uint64_t cost, uint64_t frame);
/* Costs without a count. */
void proof_cost(struct proof *t, uint64_t time, uint64_t cost, uint64_t frame);
/* It lasted to then. */
void proof_until(struct proof *t, uint64_t time);
void proof_client(struct proof *t, const struct addr *client);
/* Takes out what proof_add() was given, and a frame of it. */
void proof_take_out(struct proof *t, uint64_t time, uint64_t cost, uint64_t frame);
void proof_drop_frame(struct proof *t, uint64_t frame);
/* The largest cost of its frames. */
uint64_t proof_most(const struct proof *t);
/* "host a and tcp port b" of a service; nothing where BPF cannot name it. */
void say_bpf(struct text *t, const struct svc *s);
void proof_merge(struct proof *to, const struct proof *from);

/*
 * What was costliest: operations by the waiting they cost. Where there are more than TOPS the
 * cheapest makes place and leaves its numbers to the new one, so none that matters is missed.
 */
#define TOPS 12u
struct top {
	unsigned n;
	struct {
		char *text;
		size_t len;
		uint64_t count, cost;
	} item[TOPS];
};
void top_add(struct top *t, const char *text, size_t len, uint64_t cost);
/* What the transaction was (operation.h). */
void top_operation(struct top *t, const struct txn_record *r, uint64_t cost);
void top_release(struct top *t);
/* "lead: GET /a (12, 3.4 s), GET /b (1, 20 ms)." */
void say_top(struct text *t, const char *lead, const struct top *top);

/* What detectors choose from: kinds of records, of which flows without TCP are one of their own. */
#define LOOK_DATAGRAMS RECORD_KIND_COUNT
#define LOOKS          (RECORD_KIND_COUNT + 1)

typedef void detector_record(struct findings *f, struct svc *s, const struct record *r);

struct findings {
	struct thresholds limit;
	uint64_t memory;        /* 0: as much as one likes */
	struct keyed *services; /* struct svc by struct svc_key */
	struct tiers *tiers;    /* of the model; NULL: there are none */
	void *state[DETECTOR_COUNT];
	/* What looks at a kind of record, NULL behind the last. */
	detector_record *looks[LOOKS][DETECTOR_COUNT + 1];
	struct busy *busy;    /* NULL: no wait was long */
	struct cell *others;  /* the waiting of services above SVC_MAX */
	uint32_t kind;        /* kind_of() of the record that is being added, */
	bool kind_is_known;   /* once it was worked out */
	uint8_t claimed;      /* enum wait_class of the record that is being added, */
	uint8_t stalls;       /* and of its stalls, where they have one of their own */
	const char *asked_of; /* the protocol that has_detector() was asked of last, */
	bool has_detector;    /* and what it said */
	bool turns_seen;      /* there are records of turns: flows need not tell of them */
	unsigned nshares;     /* of the record added last */
	bool settled;         /* and nobody need look what they were part of */
	struct share shares[LEDGER_COUNT];
	/* Worked out for each list, ns: */
	uint64_t felt; /* by those in front, with what is more */
	uint64_t more; /* that detectors found beside the account */
	uint64_t all, idle;
	bool at_least;    /* some of it goes on */
	uint64_t longest; /* of one wait, of all records */
	struct account_line *lines;
	unsigned nlines, line_room;
	uint64_t tcp_flows, transactions;
	uint64_t ledger[LEDGER_COUNT];
	struct finding *list;
	unsigned nlist, room;
	const struct capture_stats *capture; /* while listing */
	uint64_t name;                       /* findings_name() of what is taken out */
	uint8_t *record;                     /* findings_as_record() */
};

/* A family of findings. */
struct detector {
	size_t size;         /* of its state for the capture, zeroed */
	size_t service_size; /* of its state for each service, made by svc_state(), zeroed */
	/* Of these kinds (bits; 0: all). s: the record's service, or NULL (events; more than
	   SVC_MAX). */
	unsigned kinds;
	detector_record *record;
	/* Undoes record() as far as a health check can have been counted; NULL: nothing. */
	detector_record *take_out;
	/* Before any is listed: works out what the list is made of; NULL: nothing. */
	void (*prepare)(struct findings *f);
	void (*list)(struct findings *f);
	void (*release)(void *state);         /* what the capture's state holds; NULL: nothing */
	void (*release_service)(void *state); /* the same of a service's */
	struct {
		size_t at;        /* of a struct keyed in its state for the capture */
		const char *full; /* the counter of what it had no room for; NULL: there is none */
	} table[2];
	/* Of the capture's state: what else had no room; NULL: nothing. */
	void (*counters)(const void *state, struct counters *c);
	const char *protocol; /* whose slow answers are its own; NULL: none */
};
/* A ring of so many, of which `n` were put in: what it had to forget. */
static inline void count_forgotten(struct counters *c, const char *name, uint64_t n, uint64_t room)
{
	if (n > room)
		counters_add(c, name, n - room);
}
#define OF_TCP  (1u << RECORD_FLOW)             /* a connection; */
#define OF_FLOW (OF_TCP | 1u << LOOK_DATAGRAMS) /* any flow */
#define OF_TXN  (1u << RECORD_TXN)
#define OF_TURN (1u << RECORD_TURN)
#define OF_SENT (1u << RECORD_SENT)
/* Does a detector of its own look at the slow answers of this protocol? */
bool has_detector(struct findings *f, const char *protocol);
extern const struct detector detect_attempt, detect_runs, detect_scan;
extern const struct detector detect_capture, detect_close, detect_connect, detect_load, detect_path,
	detect_server, detect_dns, detect_greeting, detect_bloat, detect_far, detect_queue,
	detect_rate, detect_send, detect_mysql, detect_nfs, detect_pgsql, detect_smtp, detect_vrrp;

extern const struct detector detect_checks, detect_flood, detect_unanswered, detect_workers,
	detect_silent, detect_proxy, detect_police;

/* Transactions whose end is known. */
static inline uint64_t svc_ended(const struct svc *s)
{
	return s->transactions - s->unknown;
}

/* One of three texts: for web servers, for databases, for all else. */
static inline const char *by_kind(
	const struct svc *s, const char *web, const char *database, const char *other)
{
	return s && s->kind == KIND_WEB ? web : s && s->kind == KIND_DATABASE ? database : other;
}
/* Of a record; NULL: it has none, or there are more than SVC_MAX. */
struct svc *svc_of(struct findings *f, const struct record *r);
/* How many entries a table may have, by the memory there is. */
uint32_t findings_room(const struct findings *f, uint32_t most);
void *svc_state(struct svc *s, enum detector_place place);
/* The class of a wait on a connection whose first bytes were never acknowledged. */
static inline enum wait_class not_taken(const struct record *r)
{
	return r->quality >> QUALITY_PENDING & 1 ? CLASS_NOT_TAKEN_OPEN : CLASS_NOT_TAKEN;
}
/* ns of waits of these classes that were for a worker which an idle connection held, and the
   classes that have any (find_workers.c). */
uint64_t workers_starve(const struct svc *s, uint32_t classes);
uint32_t workers_classes(const struct svc *s);
/* Does it not take connections (find_connect.c): SYNs and what ends the handshake are dropped? */
bool server_drops(const struct svc *s);
/* Is it one of many ports of its host that somebody tried in vain (find_scan.c)? */
bool is_scanned(const struct findings *f, const struct svc *s);
/* What was lost of connection requests and of the answers to them, on a path that loses other
   segments as well; NULL: nothing. */
const struct proof *connect_lost(const struct svc *s);
/* All that was waited for it, whatever was in front. */
uint64_t svc_waiting(const struct svc *s);
/* The place's state of a service, or NULL where there is none yet. */
static inline void *svc_has(const struct svc *s, enum detector_place place)
{
	return s->state[place];
}
/* All services: for (i = 0; (s = svc_at(f, i)); i++) */
struct svc *svc_at(const struct findings *f, uint32_t i);

/*
 * A new one of the list: its service (may be NULL), what the proof holds, severity by its cost.
 * `condition` is what the display filter asks beside the service; NULL: nothing.
 */
struct finding *finding_new(struct findings *f, const char *id, const char *title,
	const struct svc *s, const struct proof *t, const char *condition);
/* Its own time is a finding's of this class; of several the first has it. */
void claim(struct findings *f, enum wait_class c);
/* What was found out to have been waited for, with the ends of `of`. */
void claim_later(struct findings *f, struct svc *s, const struct record *of, uint64_t from,
	uint64_t to, enum ledger_entry entry);
/* A finding's cost lies in these entries of the service's waiting, of these classes (bits). */
void finding_claims(struct finding *x, const struct svc *s, uint32_t entries, uint32_t classes);
/* And in these. */
static inline void finding_claims_more(struct finding *x, uint32_t entries, uint32_t classes)
{
	x->more_entries = entries;
	x->more_classes = classes;
}
#define ENTRY(name) (1u << LEDGER_##name)
#define CLASS(name) (1u << CLASS_##name)
#define ALL_ENTRIES UINT32_MAX
/* find_account.c: the account with each record, and for each list. */
void account_record(struct findings *f, struct svc *s, const struct record *r);
void account_forget(struct findings *f, struct svc *s, const struct record *r);
void account_begin(struct findings *f);
void account_cost(struct findings *f, struct finding *x, bool take);
void account_end(struct findings *f);
/* What a transaction was waited for but for its connection and its stalls: this part of its time is
   in the cost of one finding about its service. */
uint64_t own_waiting(const struct txn_record *t);
/* find_tiers.c: slow answers that are the waiting for a server behind, in the list that is made. */
void find_behind(struct findings *f);
/* What repeats itself within one request, of the calls to a service; nothing where none is known.
 */
void say_repeats(const struct findings *f, const struct svc *s, struct text *t);
/* Does a service whose slow answers are unusual give others at once (find_server.c)? Does one that
   calls this one (find_tiers.c)? */
bool answers_others_at_once(const struct findings *f, const struct svc *s);
bool front_is_quicker(const struct findings *f, const struct svc *s);
/* Does it leave requests without their answer, or did their clients go before (find_close.c)? */
bool cuts_off(const struct svc *s);
/* Did all who asked a host's web servers get what they wanted, as far as can be told? */
bool fails_nobody(const struct findings *f, const struct addr *host);
/* Do checks of this server fail (find_checks.c)? */
bool checks_fail(const struct findings *f, const struct addr *server, uint16_t port);
/* Of several servers that share a site's work (find_load.c), is this one much slower? */
bool slower_than_others(const struct findings *f, const struct svc *s);
/* Connections whose first bytes were sent again, and taken in the end: with what was waited; of all
   others, segments that were sent again. Those whose first bytes were never acknowledged. */
const struct proof *path_fresh(const struct svc *s, uint64_t *resent);
const struct proof *path_fresh_dead(const struct svc *s);
/* And of requests: those that are open. */
const struct proof *path_fresh_open(const struct svc *s);
/* Were segments of this service lost? */
bool path_lossy(const struct svc *s);
/* Did the rest of a handshake take so much longer than a round trip of its connection that a part
   of it was sent again, before the capture? */
static inline bool connect_late(uint64_t connect, uint64_t rtt)
{
	return rtt != FIELD_ABSENT && connect >= 190 * (uint64_t)MS &&
	       connect > 4 * rtt + 150 * (uint64_t)MS;
}
/* Slow answers of a path that loses segments, each as long as a sender's first timeout: answers
   that were lost before the capture. NULL: there are none, or they are slow themselves. Their
   classes, as bits. */
const struct proof *slow_by_loss(const struct svc *s, uint32_t *classes);
/* The least round trip of two hosts so far, and this one; absent: neither is known. */
uint64_t pair_rtt(const struct findings *f, const struct record *r, uint64_t rtt);
/* Findings of other families that are no more than that are parts of the loss. */
void path_join(struct findings *f);
/* Segments of either side that had to be sent again. */
uint64_t path_resent(const struct svc *s);
/* The time of an NFS call that belongs to the findings of find_nfs.c. */
bool nfs_claims(const struct txn_record *t);
/* find_tiers.c: the address under which a host is asked, where its calls come from another one. */
const struct addr *host_of(const struct findings *f, const struct addr *a);
/* And that of what PostgreSQL refused, to find_pgsql.c. */
bool pgsql_claims(const struct txn_record *t);
/* find_busy.c: what servers waited for that is in no record, whose time is among f->more. */
void busy_record(struct findings *f, struct svc *s, const struct record *r);
/* A host waited: of its own, or for a request that it had in hand. Gives ns of it that nothing else
   explains already. lasting: for all lists to come. */
uint64_t busy_explain(
	struct findings *f, const struct addr *host, uint64_t from, uint64_t to, bool lasting);
/* When the host had answered what it had in hand then; 0: nothing that is remembered. */
uint64_t busy_until(const struct findings *f, const struct addr *host, uint64_t time);
/* Does the host serve the web here, and had nothing in hand for half of that time? */
bool busy_nobody(const struct findings *f, const struct addr *host, uint64_t from, uint64_t to);
/* How much of that time the host had something in hand that is remembered, and how many requests.
 */
uint64_t busy_with(const struct findings *f, const struct addr *host, uint64_t from, uint64_t to,
	uint64_t *requests);
/* Before detectors prepare a list. */
void busy_begin(struct findings *f);
/* When the host began another connection or transaction, the first one from `after` on, as far as
   is remembered; 0: not (find_attempt.c). */
uint64_t attempt_next(const struct findings *f, const struct addr *host, uint64_t after);
/* find_idle.c: long waits that are so on purpose. Of a service, made when first needed. */
struct idle;
/* Does the protocol say that its answer waits until there is something to tell (api/model.h)? */
bool waits_on_purpose(const struct txn_record *t);
/* The class of a slow wait (t: NULL where it is a turn): CLASS_SLOW, or one that is looked at. */
enum wait_class idle_or_slow(struct idle **at, const struct record *r, const struct txn_record *t,
	uint64_t ns, uint64_t frame);
/* Any request to the service: it may wake those that wait. */
void idle_asked(struct idle *x, const struct record *r);
/* On a connection of the service sides spoke so often unasked. */
void idle_loose(struct idle *x, uint64_t flow, uint64_t unasked);
/* The classes (bits) that are idle on purpose; those that are slow, whose proof is added. */
uint32_t idle_classes(const struct idle *x);
uint32_t idle_slow(const struct idle *x, struct proof *slow, struct text *which);
/* Takes out one that has this frame, or any that is slow; false: there is none. */
bool idle_take_out(struct idle *x, const struct record *r, uint64_t ns, uint64_t frame, bool any);
/* A server's first words, where it speaks first; find_greeting.c has its time. */
bool is_greeting(const struct txn_record *t);
/* How long a connection to a port whose server speaks first was waited for in vain, ns. */
uint64_t greeting_waited(const struct flow_record *r);
/* Are its TLS handshakes slow? */
bool tls_is_slow(const struct svc *s);
/* Are requests to a service answered one after the other, by a limit or a lock? */
bool answers_in_turn(const struct findings *f, const struct svc *s);
/* What it waited for of what that side sent again, ns. */
static inline uint64_t resent_time(const uint64_t *ledger, enum side side)
{
	return side == SIDE_CLIENT
		       ? ledger[LEDGER_STALL_RTO_CLIENT] + ledger[LEDGER_STALL_FAST_CLIENT]
		       : ledger[LEDGER_STALL_RTO_SERVER] + ledger[LEDGER_STALL_FAST_SERVER];
}
/* A request or a response as it was sent, or any message of a connection that is not read. */
struct sending {
	const struct record *r;
	const uint64_t *ledger;
	const struct path_load *load;
	enum side side;
	uint64_t bytes; /* 0: not known */
	uint64_t phase; /* from its first byte to its last, ns; absent: not known */
	uint64_t rtt;   /* of the whole path, ns; absent: not known */
	uint64_t frame[2];
};
/* Of a transaction or a message; false: there is none, or no time of it. */
bool sending_of(const struct record *r, enum side side, struct sending *s);
/* Its own time: what it was kept by is not in it. */
static inline uint64_t sending_time(const struct sending *s)
{
	return s->ledger[s->side == SIDE_CLIENT ? LEDGER_REQUEST : LEDGER_RESPONSE];
}
/* Was that as slow as the path's link is? */
bool rate_limited(const struct sending *s);
/* A service's messages of a side of which a limit drops what is above it (find_police.c), in the
   list that is made; NULL: none. */
struct policed {
	struct proof p;      /* those that are not told by their queue */
	uint64_t rate;       /* bits a second that it lets through */
	uint64_t resent, of; /* bytes sent again, of all such messages */
	uint64_t resent_ns,
		bytes; /* of those in p: ns of the cost that were waited for these; bytes */
};
const struct policed *policed_of(const struct svc *s, enum side side);
/* How long its round trips take, at most, until a sender has found the path's rate. */
uint64_t slow_start(const struct sending *s);
/* Do small requests to a service wait behind a large transfer? */
bool path_loaded(const struct findings *f, const struct svc *s);
/* Is the path to this service long? */
bool path_far(const struct findings *f, const struct svc *s);
/* Do its clients make a connection for each request, which takes much of all waiting? */
bool connects_each_time(const struct findings *f, const struct svc *s);
/* The round trips within what was waited for in turns, and the rest of it; ns. */
uint64_t turn_network(const struct flow_record *r);
uint64_t turn_server(const struct flow_record *r);
/* The server's own time of a turn, ns. */
static inline uint64_t turn_own(const struct turn_record *r)
{
	return r->ledger[LEDGER_SERVER];
}
/* Are the turns of this connection questions and answers, as far as can be told? */
bool turns_count(const struct flow_record *r);
/* At least this severe; no more than this severe. */
void finding_at_least(struct finding *x, enum severity s);
void finding_at_most(struct finding *x, enum severity s);
/* Is part this many thousandths of the whole, or more? */
bool reaches(uint64_t part, uint64_t whole, uint64_t permille);

/*
 * Adds text: %C count (uint64_t), %T duration (uint64_t), %B bytes (uint64_t), %P part of a whole
 * (two uint64_t), %S text of ours, %A endpoint of a service (const struct svc *), %I address (const
 * struct addr *), %E text from the wire (const char *, size_t), %1 "s" unless the count (uint64_t)
 * is 1.
 */
void say(struct text *t, const char *format, ...);

/* A hash of what is asked, roughly: goes on with the text up to a '?', 40 bytes at most, without
   its numbers. The first begins with KIND_HASH. */
#define KIND_HASH UINT32_C(2166136261)
static inline uint32_t kind_hash(uint32_t h, const char *p, uint32_t n)
{
	for (uint32_t i = 0; i < n && i < 40 && p[i] != '?'; i++)
		if (p[i] < '0' || p[i] > '9')
			h = (h ^ (uint8_t)p[i]) * UINT32_C(16777619);
	return h;
}

/* What is asked by the transaction that is being added, roughly: the method and the beginning of
   the rest, without numbers. */
static inline uint32_t kind_of(struct findings *f, const struct txn_record *t)
{
	const struct record_text *rest = t->query.len ? &t->query : &t->object;

	if (!f->kind_is_known) {
		f->kind = kind_hash(KIND_HASH, (const char *)t + t->method.offset, t->method.len);
		f->kind = kind_hash(f->kind, (const char *)t + rest->offset, rest->len);
		f->kind_is_known = true;
	}
	return f->kind;
}

/* How long a side sent its last segment again and again without an acknowledgment, ns; 0: it did
   not, or so shortly that it may have been any loss. */
uint64_t unacked_time(const struct flow_record *r, int side);

static inline bool is_flow_end(const struct record *r)
{
	return r->kind == RECORD_FLOW && ((const struct flow_record *)r)->final;
}

#endif
