/*
 * findings.h - what was wrong, with its proof: causes of waiting, ranked by what they cost.
 *
 * Detectors (find_*.c) read the records and keep bounded state; findings_list() may be called at
 * any time and changes nothing. A cost is ns of waiting, taken from the account (account.h): of all
 * that was felt each nanosecond is in the cost of one finding at most, but for a finding that says
 * whose part it is (part_of), and what is in none is what no detector knows the cause of.
 */
#ifndef TSUMARI_FINDINGS_FINDINGS_H
#define TSUMARI_FINDINGS_FINDINGS_H

#include "base/text.h"
#include "core/record.h"
#include "core/stats.h"
#include "model/finder.h"

#define FINDING_FRAMES FIELD_LIST_MAX

enum severity { SEVERITY_INFO, SEVERITY_WARNING, SEVERITY_CRITICAL };
extern const char *const severity_names[];

struct finding {
	const char *id;    /* "syn-drop" */
	const char *title; /* "Connection requests dropped" */
	enum severity severity;
	bool of_capture; /* the capture's own fault: limits what all else can say */
	/* What it blames. All zero: the capture, or several. */
	struct addr server, client;
	uint16_t port;
	uint8_t transport, ip_version;
	const char *protocol; /* NULL: not known */
	uint64_t cost;    /* ns of waiting, as those in front felt it (account.h); 0: it cannot be
			     told, or nobody waited */
	uint64_t local;   /* the same as it was waited for at this service */
	bool at_least;    /* some of it goes on: the cost is what it was so far */
	uint64_t waiting; /* ns that were felt in the whole capture */
	const char *part_of;  /* id of the finding that it shares its cost with: they must not be
				 added; NULL: none */
	uint64_t count, of;   /* so many of so many connections, transactions ... */
	const char *counted;  /* "connections" */
	uint64_t first, last; /* when; 0: not known */
	uint64_t peak;        /* when it was worst */
	uint64_t frames[FINDING_FRAMES];
	unsigned nframes;
	/* Not empty but for bpf, which cannot name what is in a tunnel. */
	struct text filter, bpf; /* display filter and libpcap's, that isolate it */
	struct text saw, means, next, against;
	/* While the list is made: */
	enum severity least, most; /* whatever it costs */
	bool if_felt;              /* the least only where it costs anything to speak of */
	struct cell *cells;        /* of its service */
	bool everywhere;           /* of all services */
	bool stands;               /* for slow answers, whatever part of them it is */
	bool usual;                /* information only because all answers are like it */
	bool may_be_slight;        /* no pattern: a few short ones among others are no alarm */
	uint64_t longest;          /* ns of its costliest example */
	uint32_t entries, classes; /* of the cells, by bit; */
	uint32_t more_entries, more_classes; /* and these */
	uint64_t beyond;                     /* of the cost: ns that are in no cell */
	bool own;                            /* of the cells: it lies in what nobody behind has */
};

/* NAME, its unit, default, help. A permille is written as a percentage. */
#define THRESHOLDS(X)                                                                              \
	X(SLOW, "slow", DURATION, 200000000, "server time from which on an answer is slow")        \
	X(SHARE, "share", PERMILLE, 20, "part of all waiting from which on a cost is a warning")   \
	X(CRITICAL, "critical", PERMILLE, 200, "part of all waiting from which on it is critical") \
	X(LOSS, "loss", PERMILLE, 10, "part of a side's segments sent again that is a warning")    \
	X(READER, "slow-reader", PERMILLE, 500,                                                    \
		"part of a large response that the client's "                                      \
		"closed window took")                                                              \
	X(LARGE, "large", NUMBER, 262144, "bytes of a response from which on it is large")         \
	X(KEEPALIVE, "no-keepalive", NUMBER, 10, "connections of one request each")                \
	X(RESETS, "reset-storm", NUMBER, 3,                                                        \
		"transactions cut off by the server that make a "                                  \
		"warning")                                                                         \
	X(LEAST, "least", DURATION, 150000000, "cost below which none is more than information")   \
	X(ERRORS, "http-error", PERMILLE, 10, "part of a service's answers that are its errors")   \
	X(FAR, "far-path", DURATION, 100000000, "round trip from which on a path is long")         \
	X(RATE, "path-bandwidth", NUMBER, 30, "Mbit/s from which on a full link is no alarm")      \
	X(PAUSE, "micro-stall", DURATION, 100000000, "time in which nothing is answered")          \
	X(BALANCE, "lb-imbalance", NUMBER, 50, "requests of a client to several servers")          \
	X(REPEATS, "n-plus-one", NUMBER, 20, "times that one SELECT comes again without a pause")  \
	X(GETATTRS, "nfs-getattr", NUMBER, 50, "GETATTRs of one file in a second")                 \
	X(GREETING, "smtp-greeting", DURATION, 1000000000, "delay of a mail server's greeting")    \
	X(TARPIT, "smtp-tarpit", DURATION, 500000000, "delay of a reply after errors")             \
	X(FLOOD, "syn-flood", NUMBER, 100, "half-open connections that make a flood")

enum threshold {
#define THRESHOLD_ENUM(id, name, unit, value, help) THRESHOLD_##id,
	THRESHOLDS(THRESHOLD_ENUM) THRESHOLD_COUNT
};
enum threshold_unit { THRESHOLD_DURATION, THRESHOLD_PERMILLE, THRESHOLD_NUMBER };
struct threshold_kind {
	const char *name;
	enum threshold_unit unit;
	uint64_t value; /* unless another is given */
	const char *help;
};
extern const struct threshold_kind threshold_kinds[THRESHOLD_COUNT];
struct thresholds {
	uint64_t v[THRESHOLD_COUNT];
};
void thresholds_defaults(struct thresholds *t);

/*
 * A line of the account: a finding's cost, or what no finding has of an entry of a service's
 * waiting. All lines together are what was felt, to the nanosecond.
 */
struct account_line {
	const struct finding *finding; /* NULL: no finding has it */
	uint8_t entry;                 /* then: enum ledger_entry */
	struct addr server;            /* all zero: several */
	uint16_t port;
	const char *protocol; /* NULL: not known */
	uint64_t cost;        /* ns */
	bool at_least;        /* so far: some of it goes on */
};

struct findings;
struct tiers;

/*
 * t: copied; NULL: the defaults. memory: bytes, of which an eighth bounds the services that are
 * looked at; 0: only their own limit does.
 */
struct findings *findings_new(const struct thresholds *t, uint64_t memory);
void findings_free(struct findings *f);
/* Looks for findings in what a model gets from now on; they are the model's, and freed with it. */
struct model;
void findings_look(struct model *m, const struct thresholds *t);
/* Those of a model; NULL: they are not looked for. */
struct findings *findings_of(const struct model *m);
/* What waits for what (tiers.h); stays the caller's. Without them nothing is said of it. */
void findings_tiers(struct findings *f, struct tiers *t);
void findings_record(struct findings *f, const struct record *r);
/* What the last record that was added adds to the account: for tiers_record(). */
const struct share *findings_shares(const struct findings *f, unsigned *n);
/* As of a finder (model/finder.h). */
void findings_take_out(struct findings *f, const struct record *r, uint64_t name);
void findings_check_failed(struct findings *f, const struct record *flow, enum check_fate fate,
	const char *operation, size_t len, uint64_t frame);
/* The site that it asked for, as a number; 0: none. */
uint64_t findings_name(const struct txn_record *t);
/*
 * All there is to tell by now: the capture's own faults, then by cost. capture: what was read so
 * far. The list holds until the next call.
 */
unsigned findings_list(
	struct findings *f, const struct capture_stats *capture, const struct finding **list);
/* An entry of the ledger in words: "sending the response". */
extern const char *const entry_words[LEDGER_COUNT];
/* The account of the list made last, what took most first; it holds as long. */
unsigned findings_account(const struct findings *f, const struct account_line **lines);
/* ns of waiting that were felt; of all tiers together; that were idle on purpose, in neither. */
struct felt {
	uint64_t felt, all, idle;
	bool at_least; /* so far: some of it goes on */
};
struct felt findings_felt(const struct findings *f);
/* One or two sentences on a list: the bottleneck with its share, and what limits the answer. */
void findings_verdict(
	const struct findings *f, const struct finding *list, unsigned n, struct text *out);
/* A finding as a record, in memory that the next call uses again. */
const struct record *findings_as_record(struct findings *f, const struct finding *x);
/* What its limits cost, by name. */
void findings_counters(const struct findings *f, struct counters *c);

#endif
