/* find_proof.c - what detectors add up, and how they say it; see find_impl.h. */
#include "findings/find_impl.h"
#include "base/mem.h"
#include "model/operation.h"
#include <stdarg.h>
#include <stdlib.h>

void proof_frame(struct proof *t, uint64_t cost, uint64_t frame)
{
	unsigned i = t->nbest;

	if (!frame || (i == FINDING_FRAMES && t->best[i - 1].cost >= cost))
		return;
	for (unsigned k = 0; k < t->nbest; k++)
		if (t->best[k].frame == frame)
			return;
	if (i == FINDING_FRAMES)
		i--;
	else
		t->nbest++;
	for (; i > 0 && t->best[i - 1].cost < cost; i--)
		t->best[i] = t->best[i - 1];
	t->best[i].cost = cost;
	t->best[i].frame = frame;
}

/* Buckets double in width until the time fits. */
static void proof_peak(struct proof *t, uint64_t time, uint64_t weight)
{
	uint64_t at = time > t->origin ? time - t->origin : 0;

	while (at / t->width >= PROOF_BUCKETS) {
		for (unsigned i = 0; i < PROOF_BUCKETS; i++)
			t->bucket[i] =
				2 * i < PROOF_BUCKETS ? t->bucket[2 * i] + t->bucket[2 * i + 1] : 0;
		t->width *= 2;
	}
	t->bucket[at / t->width] += weight;
}

void proof_add(struct proof *t, uint64_t time, uint64_t cost, uint64_t frame)
{
	if (!t->width) {
		t->first = t->last = t->origin = time;
		t->width = 100 * MS;
	}
	if (time < t->first)
		t->first = time;
	if (time > t->last)
		t->last = time;
	t->count++;
	t->cost += cost;
	proof_peak(t, time, cost + 1);
	proof_frame(t, cost, frame);
}

void proof_drop_frame(struct proof *t, uint64_t frame)
{
	unsigned i = 0;

	while (i < t->nbest && t->best[i].frame != frame)
		i++;
	if (i == t->nbest)
		return;
	t->nbest--;
	memmove(&t->best[i], &t->best[i + 1], (t->nbest - i) * sizeof(t->best[0]));
}

void proof_take_out(struct proof *t, uint64_t time, uint64_t cost, uint64_t frame)
{
	uint64_t at;

	if (!t->count || t->cost < cost)
		return;
	t->count--;
	t->cost -= cost;
	at = time > t->origin ? (time - t->origin) / t->width : 0;
	t->bucket[at] -= t->bucket[at] > cost ? cost + 1 : t->bucket[at];
	proof_drop_frame(t, frame);
}

uint64_t proof_most(const struct proof *t)
{
	return t->nbest ? t->best[0].cost : 0;
}

void proof_cost(struct proof *t, uint64_t time, uint64_t cost, uint64_t frame)
{
	proof_add(t, time, cost, frame);
	t->count--;
}

void proof_until(struct proof *t, uint64_t time)
{
	if (time > t->last && time != FIELD_ABSENT)
		t->last = time;
}

void proof_client(struct proof *t, const struct addr *client)
{
	if (t->count <= 1)
		t->client = *client;
	else if (memcmp(&t->client, client, sizeof(*client)) != 0)
		t->many = true;
}

void proof_merge(struct proof *to, const struct proof *from)
{
	if (!from->width)
		return;
	if (!to->width) {
		*to = *from;
		return;
	}
	to->count += from->count;
	to->cost += from->cost;
	to->first = from->first < to->first ? from->first : to->first;
	to->last = from->last > to->last ? from->last : to->last;
	for (unsigned i = 0; i < PROOF_BUCKETS; i++)
		if (from->bucket[i])
			proof_peak(to, from->origin + i * from->width, from->bucket[i]);
	for (unsigned i = 0; i < from->nbest; i++)
		proof_frame(to, from->best[i].cost, from->best[i].frame);
	to->many |= from->many || memcmp(&to->client, &from->client, sizeof(to->client)) != 0;
}

#define TOP_TEXT 160u /* bytes of an operation that are kept */

static unsigned top_place(struct top *t, const char *text, size_t len)
{
	unsigned least = 0;

	for (unsigned i = 0; i < t->n; i++) {
		if (t->item[i].len == len && memcmp(t->item[i].text, text, len) == 0)
			return i;
		if (t->item[i].cost < t->item[least].cost)
			least = i;
	}
	if (t->n < TOPS) {
		least = t->n++;
		t->item[least].text = xmalloc(TOP_TEXT);
	}
	memcpy(t->item[least].text, text, len);
	t->item[least].len = len;
	return least;
}

void top_add(struct top *t, const char *text, size_t len, uint64_t cost)
{
	unsigned i = top_place(t, text, len < TOP_TEXT ? len : TOP_TEXT);

	t->item[i].count++;
	t->item[i].cost += cost;
}

void top_operation(struct top *t, const struct txn_record *r, uint64_t cost)
{
	char room[OPERATION_MAX];
	struct text text;

	text_init(&text, room, sizeof(room));
	operation_of(r, true, &text);
	top_add(t, text.p, text.len, cost);
}

void top_release(struct top *t)
{
	while (t->n)
		free(t->item[--t->n].text);
}

void say_top(struct text *t, const char *lead, const struct top *top)
{
	uint32_t done = 0; /* by bit */

	for (unsigned k = 0; k < 3 && k < top->n; k++) {
		unsigned most = TOPS;

		for (unsigned i = 0; i < top->n; i++)
			if (!(done >> i & 1) &&
				(most == TOPS || top->item[i].cost > top->item[most].cost ||
					(top->item[i].cost == top->item[most].cost &&
						top->item[i].count > top->item[most].count)))
				most = i;
		done |= 1u << most;
		say(t, k ? ", " : "%S: ", lead);
		say(t, "%E (%C, %T)", top->item[most].text, top->item[most].len,
			top->item[most].count, top->item[most].cost);
	}
	if (top->n)
		text_char(t, '.');
}

/* One conversion; the list of arguments is passed by its address, so that it goes on. */
static void say_one(struct text *t, char what, va_list *ap)
{
	const struct svc *s;
	const char *p;
	uint64_t n;

	switch (what) {
	case 'C':
		text_count(t, va_arg(*ap, uint64_t));
		break;
	case 'T':
		text_duration(t, va_arg(*ap, uint64_t));
		break;
	case 'B':
		text_bytes(t, va_arg(*ap, uint64_t));
		break;
	case 'P':
		n = va_arg(*ap, uint64_t);
		text_percent(t, n, va_arg(*ap, uint64_t));
		break;
	case 'S':
		text_str(t, va_arg(*ap, const char *));
		break;
	case 'A':
		s = va_arg(*ap, const struct svc *);
		text_endpoint(t, &s->key.ip, s->key.port);
		break;
	case 'I':
		text_addr(t, va_arg(*ap, const struct addr *));
		break;
	case 'E':
		p = va_arg(*ap, const char *);
		text_escape(t, p, va_arg(*ap, size_t), 80);
		break;
	case '1':
		if (va_arg(*ap, uint64_t) != 1)
			text_char(t, 's');
		break;
	default:
		text_char(t, what);
	}
}

void say(struct text *t, const char *format, ...)
{
	struct {
		va_list ap;
	} list;

	va_start(list.ap, format);
	for (const char *p = format; *p; p++) {
		const char *next = strchr(p, '%');
		size_t n = next ? (size_t)(next - p) : strlen(p);

		text_put(t, p, n);
		p += n;
		if (!*p || !*++p)
			break;
		say_one(t, *p, &list.ap);
	}
	va_end(list.ap);
}
