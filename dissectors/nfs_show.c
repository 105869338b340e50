/*
 * nfs_show.c - calls of NFS explained, and replies that say themselves what they are: those of
 * COMPOUND (RFC 7530, 8881). The same descriptions are read as for records (xdr.h); what a mark
 * names is shown with its bytes.
 */
#include "nfs.h"
#include "nfs_show.h"
#include "show.h"

#define OPERATIONS_MAX 100u

enum {
	D_OPCODE,
	D_MINOR,
	D_TAG,
	D_STATUS,
	D_HANDLE,
	D_TO_HANDLE,
	D_NAME,
	D_ENTRY,
	D_TO_NAME,
	D_TARGET,
	D_OFFSET,
	D_COUNT,
	D_DONE,
	D_EOF,
	D_STABLE,
	D_COMMITTED,
	D_SESSION,
	D_SLOT,
	D_SEQUENCE,
	D_TYPE,
	D_FILEID,
	D_SIZE
};

static const struct field parts[] = {
	[D_OPCODE] = FIELD_SHOWN("nfs.opcode", "Operation", "What is to be done.", FIELD_U64),
	[D_MINOR] = FIELD_SHOWN("nfs.minor_version", "Minor", "Minor version.", FIELD_U64),
	[D_TAG] = FIELD_SHOWN("nfs.tag", "Tag", "The client's name for it.", FIELD_STR),
	[D_STATUS] = FIELD_SHOWN("nfs.status", "Status", "How it ended.", FIELD_U64),
	[D_HANDLE] = FIELD_SHOWN("tsumari.nfs.handle", "Handle", "As a hash.", FIELD_ID),
	[D_TO_HANDLE] = FIELD_SHOWN(
		"tsumari.nfs.to_handle", "To handle", "Of the new name's directory.", FIELD_ID),
	[D_NAME] = FIELD_SHOWN("tsumari.nfs.name", "Name", "In its directory.", FIELD_STR),
	[D_ENTRY] = FIELD_SHOWN("tsumari.nfs.entry", "Entry", "A name in it.", FIELD_STR),
	[D_TO_NAME] = FIELD_SHOWN("tsumari.nfs.to_name", "To name", "The new one.", FIELD_STR),
	[D_TARGET] = FIELD_SHOWN("tsumari.nfs.target", "Target", "Of a link.", FIELD_STR),
	[D_OFFSET] = FIELD_SHOWN("tsumari.nfs.offset", "Offset", "Where in the file.", FIELD_U64),
	[D_COUNT] = FIELD_SHOWN("tsumari.nfs.count", "Count", "Bytes asked for.", FIELD_U64),
	[D_DONE] = FIELD_SHOWN("tsumari.nfs.done", "Done", "Bytes read or written.", FIELD_U64),
	[D_EOF] = FIELD_SHOWN("tsumari.nfs.eof", "EOF", "The end was reached.", FIELD_BOOL),
	[D_STABLE] = FIELD_SHOWN("tsumari.nfs.stable", "Stable", "How safe it must be.", FIELD_U64),
	[D_COMMITTED] =
		FIELD_SHOWN("tsumari.nfs.committed", "Committed", "How safe it is.", FIELD_U64),
	[D_SESSION] = FIELD_SHOWN("tsumari.nfs.session", "Session", "As a hash.", FIELD_ID),
	[D_SLOT] = FIELD_SHOWN("tsumari.nfs.slot", "Slot", "Of the session.", FIELD_U64),
	[D_SEQUENCE] = FIELD_SHOWN("tsumari.nfs.sequence", "Sequence", "In the slot.", FIELD_U64),
	[D_TYPE] = FIELD_SHOWN("tsumari.nfs.type", "File type", "Of the file.", FIELD_U64),
	[D_FILEID] = FIELD_SHOWN("tsumari.nfs.fileid", "File ID", "On its file system.", FIELD_U64),
	[D_SIZE] = FIELD_SHOWN("tsumari.nfs.size", "Size", "Of the file.", FIELD_U64),
};

/* What a mark stands for; handles and sessions are shown as their hash. */
static const struct {
	char letter;
	uint8_t part;
	bool hash;
} marks[] = {
	{'v', D_MINOR, false},
	{'g', D_TAG, false},
	{'s', D_STATUS, false},
	{'p', D_STATUS, false},
	{'f', D_HANDLE, true},
	{'F', D_HANDLE, true},
	{'n', D_NAME, false},
	{'y', D_ENTRY, false},
	{'N', D_TO_NAME, false},
	{'l', D_TARGET, false},
	{'O', D_OFFSET, false},
	{'C', D_COUNT, false},
	{'r', D_DONE, false},
	{'e', D_EOF, false},
	{'S', D_STABLE, false},
	{'w', D_COMMITTED, false},
	{'D', D_SESSION, true},
	{'k', D_SLOT, false},
	{'q', D_SEQUENCE, false},
	{'t', D_TYPE, false},
	{'i', D_FILEID, false},
	{'z', D_SIZE, false},
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

	if (part == D_STABLE || part == D_COMMITTED)
		return RPC_NAME(stable, number);
	if (part != D_STATUS || number > UINT32_MAX)
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
	tsm_show_code(r->s, &parts[D_OPCODE], r->base + r->at[i], 4, op, name);
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
		tsm_show_u64(r->s, &parts[D_TO_HANDLE], text.p, view_len(&text), nfs_hash(text));
		return;
	}
	is_text = r->x.pc[-3] == 's' || r->x.pc[-3] == 'f';
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		const struct field *f = &parts[marks[i].part];

		if (marks[i].letter != letter)
			continue;
		if (marks[i].hash && is_text)
			tsm_show_u64(r->s, f, text.p, view_len(&text), nfs_hash(text));
		else if (f->type == FIELD_STR && view_len(&text))
			tsm_show_text(r->s, f, text);
		else if (f->type != FIELD_STR && !is_text)
			tsm_show_code(r->s, f, number_at(r), width(r), number,
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
