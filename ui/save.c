/*
 * save.c - what is shown goes to a file: records as NDJSON, the packets of connections as pcap. A
 * file that is there already is left alone.
 *
 * Packets that are not kept any more are read from the capture file again: that is done a little at
 * a time (save_work()).
 */
#include "save.h"
#include "reread.h"
#include "screen.h"
#include "screens.h"
#include "table.h"
#include "view.h"
#include "base/mem.h"
#include "capture/capwriter.h"
#include "capture/keeper.h"
#include "capture/source.h"
#include "core/layers.h"
#include "core/order.h"
#include "out/ndjson.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SAVE_PACKETS, SAVE_RECORDS, SAVE_ALL_RECORDS, SAVE_ALL_PACKETS, SAVE_KINDS };

static const char *const kinds[SAVE_KINDS] = {
	"packets of the marked rows, or of the selected one, as pcap (or NAME.pcapng)",
	"the marked rows, or the selected one, as JSON lines",
	"all rows of the table as JSON lines",
	"all packets that are kept as pcap",
};

static unsigned chosen; /* of kinds[], while the file's name is being asked for */

/* Is a row to be saved? */
static bool picked(struct ui *u, struct screen *s, uint32_t row)
{
	if (chosen == SAVE_ALL_RECORDS)
		return true;
	if (u->nmarks)
		return ui_marked(u, s->class->id(s, row));
	return row == table_row(&s->table);
}

static bool is_records(const struct screen *s)
{
	return s->class == &transactions_class || s->class == &flows_class;
}

/* Why there is no file; fd: what it would have been. */
static void cannot_make(const char *path, char *err, size_t errsize, int fd)
{
	bool hidden = errno == EACCES; /* by the keeper, too */

	if (fd >= 0)
		close(fd);
	else
		snprintf(err, errsize, "cannot write %.150s: %s%s", path, strerror(errno),
			hidden ? " (nor are hidden files made)" : "");
}

static void save_records(struct ui *u, struct screen *s, const char *path)
{
	char err[256];
	struct ndjson_options o = {.file.path = path, .lines.env = u->env};
	int fd = keeper_new(path);
	struct ndjson *n = fd < 0 ? NULL : ndjson_new_fd(&o, fd, err, sizeof(err));
	struct sink sink;
	uint32_t count = 0;
	bool good;

	if (!n) {
		cannot_make(path, err, sizeof(err), fd);
		ui_note(u, true, "%s", err);
		return;
	}
	sink = ndjson_sink(n);
	for (uint32_t i = 0; i < s->table.n; i++) {
		uint32_t row = s->table.order[i];

		if (!picked(u, s, row))
			continue;
		sink.record(sink.arg, records_row(s, row));
		count++;
	}
	good = ndjson_finish(n);
	if (close(fd) == 0 && good)
		ui_note(u, false, "%" PRIu32 " records written to %.150s", count, path);
	else if (good)
		ui_note(u, true, "cannot write %.150s: %s", path, strerror(errno));
	else
		ui_note(u, true, "%.250s", ndjson_error(n));
	ndjson_free(n);
}

/* Which packets: those between the ends of connections, or those of a table's rows. */
struct saving {
	struct ui *u;
	struct reread *again; /* NULL: all that is left is what is kept */
	uint64_t next;        /* place of the first frame that is still to be looked at */
	struct capwriter *w;
	struct ends *ends;
	unsigned n;
	uint64_t *frames; /* in rising order */
	uint32_t nframes;
	bool all, failed, gone;
	uint16_t link;
	uint64_t left_out;
	struct counters counters;
	char path[SCOPE_MAX];
	char err[256];
};

static int by_number(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static bool wanted(struct saving *x, const struct packet *frame)
{
	struct packet k = *frame;
	enum side side;

	if (x->all)
		return true;
	if (x->frames)
		return bsearch(&frame->number, x->frames, x->nframes, sizeof(*x->frames),
			       by_number) != NULL;
	layers_dissect(&k, &x->counters);
	for (unsigned i = 0; i < x->n; i++)
		if (ends_meet(&x->ends[i], &k, &side))
			return true;
	return false;
}

/* The file is made with the first packet, which says of what link type it is. */
static bool open_writer(struct saving *x, const struct packet *p)
{
	struct capwriter_options o = {
		.path = x->path,
		.nano = true,
		.link_field = p->linktype,
		.snaplen = 262144,
		.iface = x->u->o.iface,
		.iface_arg = x->u->o.iface_arg,
	};

	x->link = p->linktype;
	o.fd = keeper_new(x->path);
	if (o.fd < 0)
		cannot_make(x->path, x->err, sizeof(x->err), o.fd);
	else
		x->w = capwriter_open(&o, x->err, sizeof(x->err));
	return x->w != NULL;
}

static bool write_packet(void *arg, const struct packet *p)
{
	struct saving *x = arg;

	if (!wanted(x, p))
		return true;
	if (!x->w && !open_writer(x, p)) {
		x->failed = true;
		return false;
	}
	if (p->linktype != x->link && !capwriter_mixes(x->path)) {
		x->left_out++;
		return true;
	}
	return capwriter_frame(x->w, p);
}

/* What is to be saved, and the place of the first frame of it that there can be. */
static uint64_t gather(struct ui *u, struct screen *s, struct saving *x)
{
	uint64_t least = UINT64_MAX;
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->table.n; i++)
		n += picked(u, s, i);
	if (is_records(s))
		x->ends = xcalloc(n + 1, sizeof(*x->ends));
	else
		x->frames = xcalloc(n + 1, sizeof(*x->frames));
	for (uint32_t i = 0; i < s->table.n; i++) {
		const struct record *r;

		if (!picked(u, s, i))
			continue;
		if (!is_records(s)) {
			struct schema_value v;

			if (!s->class->value(u, s, i, &s->class->fields[0], &v))
				continue;
			x->frames[x->nframes++] = v.u64;
			least = v.u64 < least ? v.u64 : least;
			continue;
		}
		r = records_row(s, i);
		least = r->flow_id < least ? r->flow_id : least;
		x->ends[x->n++] = ends_of_record(r);
	}
	if (x->frames)
		qsort(x->frames, x->nframes, sizeof(*x->frames), by_number);
	return least == UINT64_MAX ? least : order_of(least);
}

static void saving_free(struct saving *x)
{
	reread_free(x->again);
	capwriter_free(x->w);
	free(x->ends);
	free(x->frames);
	free(x);
}

/* What is written by now is whole; `how`: what else there is to say. */
static void finish_saving(struct ui *u, const char *how)
{
	struct saving *x = u->saving;
	uint64_t count = x->w ? capwriter_frames(x->w) : 0;

	if (x->failed)
		ui_note(u, true, "%.250s", x->err);
	else if (!x->w)
		ui_note(u, true, "none of these packets is kept any more");
	else if (!capwriter_finish(x->w))
		ui_note(u, true, "%.250s", capwriter_error(x->w));
	else if (x->left_out)
		ui_note(u, true,
			"%" PRIu64 " packets written to %.120s; %" PRIu64
			" left out, of another link type%s",
			count, x->path, x->left_out, how);
	else
		ui_note(u, *how != '\0', "%" PRIu64 " packets written to %.150s%s", count, x->path,
			how);
	u->saving = NULL;
	saving_free(x);
}

bool save_work(struct ui *u)
{
	struct saving *x = u->saving;
	uint64_t first, last;
	bool more;

	if (!x)
		return false;
	/* While the file is read for the first time, more and more is not kept any more. */
	frames_range(u->frames, &first, &last);
	if (x->again && !x->failed && x->next < first) {
		uint64_t before = x->next;

		reread_to(x->again, first - 1);
		more = reread_step(x->again);
		frames_range(u->frames, &first, &last);
		if (more || (x->next > before && x->next < first && !x->failed)) {
			ui_note(u, false, "saving: reading the file again, %u %%",
				reread_percent(x->again));
			return true;
		}
	}
	if (!x->failed)
		frames_each(u->frames, x->next, UINT64_MAX, write_packet, x);
	finish_saving(u, x->gone ? "; those before are gone" : "");
	return false;
}

void save_stop(struct ui *u)
{
	if (u->saving)
		finish_saving(u, "; stopped");
}

static void save_packets(struct ui *u, struct screen *s, const char *path)
{
	struct saving *x = u->saving = xcalloc(1, sizeof(*x));
	uint64_t least = 0, first, last;
	char err[200];

	x->u = u;
	snprintf(x->path, sizeof(x->path), "%s", path);
	x->all = chosen == SAVE_ALL_PACKETS;
	if (!x->all)
		least = gather(u, s, x);
	frames_range(u->frames, &first, &last);
	if (!x->all && least < first) {
		x->again = reread_new(u, least, first - 1, write_packet, x, err, sizeof(err));
		x->gone = !x->again;
	}
	x->next = least;
	save_work(u);
}

static bool check_path(struct ui *u, const char *path, char *err, size_t errsize)
{
	(void)u;
	if (!*path || strcmp(path, "-") == 0)
		snprintf(err, errsize, "a file's name is needed");
	else if (keeper_finds(path))
		snprintf(err, errsize, "the file exists already");
	else
		return true;
	return false;
}

static void save_to(struct ui *u, const char *path)
{
	struct screen *s = ui_top(u);

	if (chosen == SAVE_RECORDS || chosen == SAVE_ALL_RECORDS)
		save_records(u, s, path);
	else
		save_packets(u, s, path);
}

static const char *kind_item(struct ui *u, unsigned i)
{
	(void)u;
	return kinds[i];
}

static void kind_pick(struct ui *u, unsigned kind)
{
	struct screen *s = ui_top(u);
	bool records = kind == SAVE_RECORDS || kind == SAVE_ALL_RECORDS;
	time_t now = time(NULL);
	char name[64], stamp[32] = "";
	struct tm tm;

	if (records && !is_records(s)) {
		ui_note(u, true, "records are saved from the transactions or the flows");
		return;
	}
	if (kind == SAVE_PACKETS && !is_records(s) && s->class != &packets_class) {
		ui_note(u, true, "rows with packets are transactions, flows and packets");
		return;
	}
	chosen = kind;
	if (localtime_r(&now, &tm))
		strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", &tm);
	snprintf(name, sizeof(name), "tsumari-%s.%s", stamp, records ? "json" : "pcap");
	dialog_line(u, "Save as:", name, save_to);
	u->dialog.check = check_path;
}

void save_ask(struct ui *u)
{
	if (u->saving) {
		save_stop(u);
		return;
	}
	dialog_list(u, "Save", SAVE_KINDS, kind_item, kind_pick);
}
