/*
 * find_nfs.c - NFS: calls sent again, delays, stale handles, attributes asked for over and over,
 * and writes of two clients in the same second.
 *
 * The same-second write: a client's cache of a file is good as long as the file's mtime (and size)
 * is what it was. Where two clients write to a file within one second of a server whose mtime
 * counts whole seconds, and its size stays, a client that holds the first version cannot tell that
 * there is a second one. Servers with a finer mtime do not have it: then the evidence is not given.
 */
#include "findings/find_impl.h"

#define FILES 8192u

struct nfs_state {
	struct proof again, delay, stale, storm, second;
	uint64_t resent, delays, getattrs, calls;
	struct top stale_top, delay_top, storm_top, second_top, again_top;
	uint64_t most;  /* GETATTRs of one handle in a row of a second */
	uint64_t exact; /* of the writes: mtime is the same to the nanosecond */
	uint64_t kept;  /* times that a reader's cache matched though another had written */
};

/* What a client holds of a file: its attributes, and how many writes there had been. */
#define HOLDERS 3u
struct holder {
	struct addr client;
	uint64_t second, size, writes;
};

/* Of a file, by its handle and server. */
struct file_key {
	struct addr server;
	uint8_t handle[16];
};
struct file {
	struct addr writer; /* of the last WRITE */
	uint64_t second, size, frame, time;
	uint64_t mtime;
	uint64_t writes; /* so far */
	struct holder holder[HOLDERS];
	unsigned hand;                      /* whose place the next one takes */
	uint64_t got_second, got, got_cost; /* GETATTRs in this second, ns they were waited for */
	struct addr delayed;                /* client whose call was put off, and what it was */
	const char *delayed_op;
	uint64_t delayed_at;
};
struct nfs_all {
	struct keyed *files;
};

static struct value_name opcode = {"nfs.opcode", NULL, -1}, status = {"nfs.status", NULL, -1},
			 handle = {"tsumari.nfs.handle", NULL, -1},
			 mtime = {"tsumari.nfs.mtime", NULL, -1},
			 size_after = {"tsumari.nfs.size", NULL, -1},
			 retransmits = {"tsumari.rpc.retransmits", NULL, -1};

static bool text_is(const struct value *v, const char *what)
{
	return v && v->len == strlen(what) && memcmp(value_text(v), what, v->len) == 0;
}

static bool is_delay(const struct value *v)
{
	return text_is(v, "NFSERR_DELAY") || text_is(v, "NFSERR_JUKEBOX") ||
	       text_is(v, "NFS4ERR_DELAY") || text_is(v, "NFS3ERR_JUKEBOX");
}

static bool is_stale(const struct value *v)
{
	return text_is(v, "NFSERR_STALE") || text_is(v, "NFS4ERR_STALE") ||
	       text_is(v, "NFS3ERR_STALE");
}

static uint64_t times_again(const struct txn_record *t)
{
	uint64_t n = number_named(t, &retransmits);

	return n == FIELD_ABSENT ? 0 : n;
}

bool nfs_claims(const struct txn_record *t)
{
	return strcmp(t->r.type, "nfs") == 0 &&
	       (times_again(t) || is_delay(value_named(t, &status)));
}

static struct file *file_of(struct findings *f, const struct txn_record *t)
{
	struct nfs_all *all = f->state[DETECTOR_NFS];
	const struct value *v = value_named(t, &handle);
	struct file_key key;

	if (!v || v->len > sizeof(key.handle))
		return NULL;
	memset(&key, 0, sizeof(key));
	key.server = t->r.server.ip;
	memcpy(key.handle, value_text(v), v->len);
	if (!all->files)
		all->files = keyed_new(sizeof(key), sizeof(struct file), findings_room(f, FILES));
	return keyed_renew(all->files, &key);
}

static struct holder *holder_of(struct file *x, const struct addr *client)
{
	for (unsigned i = 0; i < HOLDERS; i++)
		if (memcmp(&x->holder[i].client, client, sizeof(*client)) == 0)
			return &x->holder[i];
	return NULL;
}

/* A client has these attributes now, with what the file holds. */
static void hold(struct file *x, const struct addr *client, uint64_t second, uint64_t size)
{
	struct holder *h = holder_of(x, client);

	if (!h) {
		h = &x->holder[x->hand];
		x->hand = (x->hand + 1) % HOLDERS;
	}
	*h = (struct holder){*client, second, size, x->writes};
}

static void add_write(struct nfs_state *c, struct file *x, const struct txn_record *t)
{
	uint64_t m = number_named(t, &mtime), size = number_named(t, &size_after);
	uint64_t second = m / SECOND;
	bool other = memcmp(&x->writer, &t->r.client.ip, sizeof(x->writer)) != 0;

	if (m == FIELD_ABSENT || size == FIELD_ABSENT)
		return;
	if (x->time && other && x->second == second && x->size == size) {
		c->exact += m == x->mtime;
		proof_add(&c->second, t->r.start, 0, t->frame[3] ? t->frame[3] : t->frame[0]);
		proof_frame(&c->second, 0, x->frame);
		top_operation(&c->second_top, t, 0);
	}
	x->writer = t->r.client.ip;
	x->second = second;
	x->mtime = m;
	x->size = size;
	x->time = t->r.end;
	x->frame = t->frame[3] ? t->frame[3] : t->frame[0];
	x->writes++;
	hold(x, &t->r.client.ip, second, size);
}

/* Do the attributes tell a client that what it holds is good, though another has written since? */
static void add_reader(struct nfs_state *c, struct file *x, const struct txn_record *t)
{
	uint64_t m = number_named(t, &mtime), size = number_named(t, &size_after);
	struct holder *h = holder_of(x, &t->r.client.ip);

	if (m == FIELD_ABSENT || size == FIELD_ABSENT)
		return;
	if (!h || h->second != m / SECOND || h->size != size) {
		hold(x, &t->r.client.ip, m / SECOND, size);
	} else if (h->writes != x->writes && x->second == h->second && x->size == size) {
		c->kept++;
		proof_frame(&c->second, 1, t->frame[3]);
	}
}

/* Asked again and again, and each time waited for; slow answers are others'. */
static void add_polled(
	struct findings *f, struct nfs_state *c, struct file *x, const struct txn_record *t)
{
	uint64_t second = t->r.start / SECOND, most = f->limit.v[THRESHOLD_GETATTRS], cost = 0;

	if (second != x->got_second) {
		x->got_second = second;
		x->got = x->got_cost = 0;
	}
	if (t->total != FIELD_ABSENT && t->ledger[LEDGER_SERVER] < f->limit.v[THRESHOLD_SLOW] &&
		!nfs_claims(t))
		cost = own_waiting(t);
	if (cost)
		claim(f, CLASS_NFS_GETATTR);
	x->got++;
	x->got_cost += cost;
	if (x->got < most)
		return;
	if (x->got == most) {
		proof_add(&c->storm, t->r.start, x->got_cost, t->frame[0]);
		proof_client(&c->storm, &t->r.client.ip);
	} else {
		proof_cost(&c->storm, t->r.start, cost, t->frame[0]);
	}
	top_operation(&c->storm_top, t, x->got == most ? x->got_cost : cost);
	c->most = x->got > c->most ? x->got : c->most;
}

/* Put off: the client waits and asks anew, with another XID. */
static void add_delay(struct findings *f, struct nfs_state *c, struct file *x,
	const struct txn_record *t, const char *op, bool put_off)
{
	bool same = x->delayed_op && x->delayed_op == op &&
		    memcmp(&x->delayed, &t->r.client.ip, sizeof(x->delayed)) == 0;
	uint64_t waited = same && t->r.start > x->delayed_at ? t->r.start - x->delayed_at : 0;

	if (put_off) {
		claim(f, CLASS_NFS_DELAY);
		proof_add(&c->delay, t->r.start, own_waiting(t), t->frame[2]);
		proof_client(&c->delay, &t->r.client.ip);
		top_operation(&c->delay_top, t, own_waiting(t));
		x->delayed = t->r.client.ip;
		x->delayed_op = op;
		x->delayed_at = t->r.end;
	} else if (same) {
		x->delayed_op = NULL;
	}
	c->delays += waited;
}

static void add_call(struct findings *f, struct nfs_state *c, const struct txn_record *t)
{
	const struct value *v = value_named(t, &opcode), *st = value_named(t, &status);
	const char *op = v && v->name ? v->name : "";
	struct file *x = file_of(f, t);

	c->calls++;
	if (is_stale(st)) {
		proof_add(&c->stale, t->r.start, 0, t->frame[2]);
		proof_client(&c->stale, &t->r.client.ip);
		top_operation(&c->stale_top, t, own_waiting(t));
	}
	if (times_again(t)) {
		if (!is_delay(st))
			claim(f, CLASS_NFS_AGAIN);
		proof_add(&c->again, t->r.start, is_delay(st) ? 0 : own_waiting(t), t->frame[0]);
		proof_until(&c->again, t->r.end);
		proof_client(&c->again, &t->r.client.ip);
		top_operation(&c->again_top, t, own_waiting(t));
		c->resent += times_again(t);
	}
	if (!x)
		return;
	if (is_delay(st) || x->delayed_op)
		add_delay(f, c, x, t, op, is_delay(st));
	if (strcmp(op, "WRITE") == 0)
		add_write(c, x, t);
	if (strcmp(op, "GETATTR") == 0) {
		c->getattrs++;
		add_reader(c, x, t);
		add_polled(f, c, x, t);
	}
}

static void record(struct findings *f, struct svc *s, const struct record *r)
{
	if (s && r->kind == RECORD_TXN && strcmp(r->type, "nfs") == 0 &&
		!((const struct txn_record *)r)->ended_by)
		add_call(f, svc_state(s, DETECTOR_NFS), (const void *)r);
}

static struct finding *about(struct findings *f, const char *id, const char *title,
	const struct svc *s, const struct proof *p, const char *condition)
{
	struct finding *x = finding_new(f, id, title, s, p, condition);

	x->counted = "calls";
	x->of = ((const struct nfs_state *)svc_has(s, DETECTOR_NFS))->calls;
	return x;
}

static void list_again(struct findings *f, const struct svc *s, const struct nfs_state *c)
{
	struct finding *x = about(f, "nfs-retry", "NFS calls retransmitted", s, &c->again,
		"tsumari.rpc.retransmits > 0");

	finding_claims(x, s, ALL_ENTRIES, CLASS(NFS_AGAIN));
	finding_at_least(x, SEVERITY_WARNING);
	say(&x->saw,
		"%C of %C calls were retransmitted before they were answered; retransmissions in "
		"all: %C. ",
		x->count, x->of, c->resent);
	say_top(&x->saw, "Which", &c->again_top);
	say(&x->means, "The server did not answer within the client's timeo, or call or reply were "
		       "lost. Over UDP one lost fragment loses all of a call.");
	say(&x->next, "nfsstat -c (retrans); threads of the server (/proc/net/rpc/nfsd: th); "
		      "over UDP smaller rsize and wsize, or TCP; timeo and retrans of the mount.");
	say(&x->against, "A server that was restarted just then makes clients repeat, too.");
}

static void list_delay(struct findings *f, const struct svc *s, const struct nfs_state *c)
{
	struct finding *x = about(f, "nfs-delay", "NFS calls deferred", s, &c->delay,
		"nfs.status in {NFSERR_DELAY, NFSERR_JUKEBOX, NFS4ERR_DELAY, NFS3ERR_JUKEBOX}");

	finding_claims(x, s, ALL_ENTRIES, CLASS(NFS_DELAY));
	finding_at_least(x, SEVERITY_WARNING);
	say(&x->saw,
		"%C of %C calls were answered that they should come again later; clients "
		"waited another %T until they did. ",
		x->count, x->of, c->delays);
	say_top(&x->saw, "Which", &c->delay_top);
	say(&x->means,
		"The server has not what it needs: a file on slow storage, a delegation that "
		"is being recalled, a lock in its grace period.");
	say(&x->next, "Delegations (nfsd: /proc/fs/nfsd/clients, fs.leases-enable); the storage's "
		      "migration; who else has the file open.");
	say(&x->against, "In the first minute and a half after a server's start it is its grace "
			 "period.");
}

static void list_stale(struct findings *f, const struct svc *s, const struct nfs_state *c)
{
	struct finding *x = about(f, "nfs-stale", "Stale file handles", s, &c->stale,
		"nfs.status in {NFSERR_STALE, NFS4ERR_STALE, NFS3ERR_STALE}");

	finding_at_least(x, SEVERITY_WARNING);
	say(&x->saw, "%C of %C calls named a file that the server does not know (any more). ",
		x->count, x->of);
	say_top(&x->saw, "Which", &c->stale_top);
	say(&x->means,
		"The file was removed or replaced on the server or by another client, or the "
		"export changed (fsid, a restored file system).");
	say(&x->next, "What replaces files in place (deploys, rsync without --inplace): rename "
		      "into place and keep the old one open; fsid= of the export after a "
		      "fail-over.");
	say(&x->against, "A client recovers from most of these by itself, by looking up the name "
			 "again.");
}

static void list_storm(struct findings *f, const struct svc *s, const struct nfs_state *c)
{
	struct finding *x = about(f, "nfs-getattr-storm", "Attributes asked for over and over", s,
		&c->storm, "nfs.opcode == GETATTR");

	finding_claims(x, s, ALL_ENTRIES, CLASS(NFS_GETATTR));
	finding_at_least(x, SEVERITY_WARNING);
	x->counted = "seconds";
	x->of = FIELD_ABSENT;
	say(&x->saw,
		"In %C second%1 one file's attributes were asked for %C times and more, up to "
		"%C; of %C calls %C were GETATTR. ",
		x->count, x->count, f->limit.v[THRESHOLD_GETATTRS], c->most, c->calls, c->getattrs);
	say_top(&x->saw, "Which", &c->storm_top);
	say(&x->means, "Clients do not trust their cache of attributes: noac or actimeo=0, or a "
		       "program that opens or stats the file all the time.");
	say(&x->next, "Mount options (actimeo, noac, lookupcache); what polls the file: realpath "
		      "and opcode caches of the web server, tail -f, file locks.");
	say(&x->against, "Many clients that each ask once in a second look the same.");
}

static void list_second(struct findings *f, const struct svc *s, const struct nfs_state *c)
{
	struct finding *x = about(f, "nfs-same-second-write", "Writes that caches cannot see", s,
		&c->second, "nfs.opcode in {WRITE, GETATTR}");

	if (c->exact || c->kept)
		finding_at_least(x, SEVERITY_WARNING);
	say(&x->saw,
		"%C write%1 came in the same second of mtime as another client's to the same "
		"file, and its size stayed; %C time%1 a client then found the attributes of what "
		"it held, though another had written. ",
		x->count, x->count, c->kept, c->kept);
	say_top(&x->saw, "Which", &c->second_top);
	say(&x->means, "A client that has the first version in its cache sees the same mtime and "
		       "size and keeps it: it reads old data, with noac as well.");
	say(&x->next,
		"A file system on the server whose mtime is finer (ext4 with 256-byte inodes, "
		"XFS; tune2fs -l: Inode size), NFSv4 with its change attribute, locks "
		"around the writes, or another name for each version.");
	say(&x->against,
		"Of %C of these writes mtime is the same to the nanosecond; the others a client "
		"that "
		"compares all of it can tell apart, and over NFSv4 by the change attribute.",
		c->exact);
}

static void list(struct findings *f)
{
	struct svc *s;

	for (uint32_t i = 0; (s = svc_at(f, i)); i++) {
		const struct nfs_state *c = svc_has(s, DETECTOR_NFS);

		if (!c)
			continue;
		if (c->again.count)
			list_again(f, s, c);
		if (c->delay.count)
			list_delay(f, s, c);
		if (c->stale.count)
			list_stale(f, s, c);
		if (c->storm.count)
			list_storm(f, s, c);
		if (c->second.count)
			list_second(f, s, c);
	}
}

static void release(void *state)
{
	keyed_free(((struct nfs_all *)state)->files);
}

static void release_service(void *state)
{
	struct nfs_state *c = state;

	top_release(&c->stale_top);
	top_release(&c->delay_top);
	top_release(&c->storm_top);
	top_release(&c->second_top);
	top_release(&c->again_top);
}

const struct detector detect_nfs = {.size = sizeof(struct nfs_all),
	.service_size = sizeof(struct nfs_state),
	.table = {{offsetof(struct nfs_all, files), "findings: files forgotten, too many"}},
	.kinds = OF_TXN,
	.record = record,
	.list = list,
	.release = release,
	.release_service = release_service};
