/*
 * nfs_show.c - calls of NFS explained, and replies that say themselves what they are: those of
 * COMPOUND (RFC 7530, 8881). The same descriptions are read as for records (xdr.h); what a mark
 * names is shown with its bytes.
 */
#include "nfs.h"
#include "nfs_show.h"
#include "show.h"

#define OPERATIONS_MAX 100u

/* What a mark stands for; handles and sessions are shown as their hash. */
static const struct {
	char letter;
	uint8_t part;
	enum { NUMBER, TEXT, HASH } kind;
} marks[] = {
	{'v', F_NFS_MINOR, NUMBER},
	{'g', F_NFS_TAG, TEXT},
	{'s', F_NFS_STATUS, NUMBER},
	{'p', F_NFS_STATUS, NUMBER},
	{'f', F_NFS_HANDLE, HASH},
	{'F', F_NFS_HANDLE, HASH},
	{'n', F_NFS_NAME, TEXT},
	{'y', D_ENTRY, TEXT},
	{'N', F_NFS_TO_NAME, TEXT},
	{'l', F_NFS_TARGET, TEXT},
	{'O', F_NFS_OFFSET, NUMBER},
	{'C', F_NFS_COUNT, NUMBER},
	{'r', F_NFS_DONE, NUMBER},
	{'e', F_NFS_EOF, NUMBER},
	{'S', F_NFS_STABLE, NUMBER},
	{'w', F_NFS_COMMITTED, NUMBER},
	{'D', F_NFS_SESSION, HASH},
	{'k', F_NFS_SLOT, NUMBER},
	{'q', F_NFS_SEQUENCE, NUMBER},
	{'t', F_NFS_TYPE, NUMBER},
	{'i', F_NFS_FILEID, NUMBER},
	{'z', F_NFS_SIZE, NUMBER},
};

struct reading {
	struct xdr x;
	struct show *s;
	const uint8_t *base;
	enum side side;
	bool compound, callback;
	bool counting; /* the operations' places are being found, nothing is shown yet */
	bool open;     /* a group is */
	uint64_t op;
	unsigned n;
	uint64_t at[OPERATIONS_MAX + 1]; /* where they begin, and where the last one ends */
};

/* The bytes of the number that was just read: by the item before its mark. */
static size_t width(const struct reading *r)
{
	return r->x.pc[-3] == 'h' ? 8 : 4;
}

static const uint8_t *number_at(const struct reading *r)
{
	return r->base + r->x.at - width(r);
}

static const char *meaning(unsigned part, uint64_t number)
{
	static const char *const stable[] = {"unstable", "data_sync", "file_sync"};
	const char *name;

	if (part == F_NFS_STABLE || part == F_NFS_COMMITTED)
		return RPC_NAME(stable, number);
	if (part != F_NFS_STATUS || number > UINT32_MAX)
		return NULL;
	name = nfs_status_name((uint32_t)number);
	return name;
}

static void next_operation(struct reading *r, uint64_t op)
{
	const struct nfs_operation *o = nfs4_operation(op, r->callback);
	const char *name = o ? o->name : "Unknown operation";
	unsigned i = r->n++;

	r->op = op;
	if (i >= OPERATIONS_MAX)
		return;
	if (r->counting) {
		r->at[i] = r->x.at - 4;
		return;
	}
	if (r->open)
		tsm_show_end(r->s);
	r->open = true;
	tsm_show_group(r->s, name, r->base + r->at[i], (size_t)(r->at[i + 1] - r->at[i]));
	tsm_show_code(r->s, &nfs_fields[F_NFS_OPCODE], r->base + r->at[i], 4, op, name);
}

static void mark(void *arg, char letter, uint64_t number, struct view text)
{
	struct reading *r = arg;
	bool is_text;

	if (r->compound && letter == 'o') {
		next_operation(r, number);
		return;
	}
	if (r->counting)
		return;
	/* 's' of a COMPOUND's reply is the status of all; in versions 2 and 3 'g' is a handle. */
	if (!r->compound && letter == 'g') {
		tsm_show_id(r->s, &nfs_fields[F_NFS_TO_HANDLE], text.p, view_len(&text),
			nfs_hash(text), NULL);
		return;
	}
	is_text = r->x.pc[-3] == 's' || r->x.pc[-3] == 'f';
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		const struct field *f = &nfs_fields[marks[i].part];

		if (marks[i].letter != letter)
			continue;
		if (marks[i].kind == HASH && is_text)
			tsm_show_id(r->s, f, text.p, view_len(&text), nfs_hash(text), NULL);
		else if (marks[i].kind == TEXT && view_len(&text))
			tsm_show_text(r->s, f, text);
		else if (marks[i].kind == NUMBER && !is_text && f->type == FIELD_BOOL)
			tsm_show_u64(r->s, f, number_at(r), width(r), number);
		else if (marks[i].kind == NUMBER && !is_text)
			tsm_show_number(r->s, f, number_at(r), width(r), number,
				meaning(marks[i].part, number));
		return;
	}
}

static const char *pick(void *arg, uint64_t number)
{
	struct reading *r = arg;
	const struct nfs_operation *o = nfs4_operation(r->op, r->callback);

	if (!o)
		return NULL;
	if (r->side == SIDE_CLIENT)
		return o->args;
	return *o->results == '<' || number == 0 ? o->results : "";
}

/* Gives the bytes that were read; all there are, where it was read to its end. */
static uint64_t go(struct reading *r, const char *description, struct view v)
{
	static const struct xdr_reader reader = {mark, pick};

	xdr_begin(&r->x, description);
	r->base = v.p;
	r->op = 0;
	r->n = 0;
	(void)xdr_read(&r->x, &reader, r, &v, true);
	return r->x.bad ? 0 : r->x.at + r->x.skip;
}

static void show(struct reading *r, const char *description, struct view v, uint64_t end)
{
	r->at[r->n < OPERATIONS_MAX ? r->n : OPERATIONS_MAX] = end;
	r->counting = false;
	tsm_show_group(r->s, "Network File System", v.p, view_len(&v));
	go(r, description, v);
	if (r->open)
		tsm_show_end(r->s);
	tsm_show_end(r->s);
}

bool nfs_show_call(struct show *s, uint32_t version, uint32_t procedure, struct view v)
{
	struct body b = {.side = SIDE_CLIENT, .version = version, .procedure = procedure};
	struct nfs_message m = {NULL, TSM_NONE, &b};
	struct reading r = {.s = s, .side = SIDE_CLIENT, .callback = version == 1};
	const char *description;

	r.compound = version == 4 || version == 1;
	description = r.compound ? nfs4_describe(&m) : nfs_describe(&b);
	if (!description || !*description)
		return false;
	r.counting = true;
	go(&r, description, v);
	show(&r, description, v, r.x.at + r.x.skip);
	return true;
}

bool nfs_show_reply(struct show *s, struct view v)
{
	struct body b = {.side = SIDE_SERVER, .version = 4, .procedure = 1};
	struct nfs_message m = {NULL, TSM_NONE, &b};
	struct reading r = {.s = s, .side = SIDE_SERVER, .compound = true, .counting = true};
	const char *description = nfs4_describe(&m);
	uint64_t end = go(&r, description, v);

	/* It was read by its description to the last byte: it is no other program's. */
	if (!r.n || r.n > OPERATIONS_MAX || end != view_wire(&v))
		return false;
	show(&r, description, v, end);
	return true;
}
