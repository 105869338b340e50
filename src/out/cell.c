/* cell.c - see cell.h. */
#include "out/cell.h"
#include <inttypes.h>
#include <string.h>
#include <time.h>

void cell_time(struct text *t, uint64_t ns)
{
	time_t second = (time_t)(ns / UINT64_C(1000000000));
	struct tm tm;

	if (!localtime_r(&second, &tm)) {
		text_char(t, '-');
		return;
	}
	text_printf(t, "%02d:%02d:%02d.%03u", tm.tm_hour, tm.tm_min, tm.tm_sec,
		(unsigned)(ns % UINT64_C(1000000000) / 1000000));
}

static void put_list_of_text(struct text *t, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		text_str(t, p[i] == '\n' ? ", " : (char[]){p[i], '\0'});
}

static void put_names(struct text *t, const struct field *f, uint64_t mask)
{
	bool any = false;

	for (unsigned i = 0; f->names[i]; i++) {
		if (!(mask >> i & 1))
			continue;
		text_printf(t, "%s%s", any ? ", " : "", f->names[i]);
		any = true;
	}
}

static void put_addrs(struct text *t, const struct schema_value *v)
{
	for (size_t i = 0; i < v->n; i++) {
		if (i)
			text_str(t, ", ");
		text_addr(t, v->ip[i]);
	}
}

void cell_put(struct text *t, const struct field *f, const struct schema_value *v)
{
	switch (f->type) {
	case FIELD_BYTES:
		text_bytes(t, v->u64);
		break;
	case FIELD_TIME:
		cell_time(t, v->u64);
		break;
	case FIELD_DURATION:
		text_duration(t, v->u64);
		break;
	case FIELD_BOOL:
		text_str(t, v->u64 ? "yes" : "no");
		break;
	case FIELD_STR:
	case FIELD_NAME:
		if (f->flags & FIELD_F_LIST)
			put_list_of_text(t, v->p, v->n);
		else
			text_put(t, v->p, v->n);
		break;
	case FIELD_IP:
		put_addrs(t, v);
		break;
	case FIELD_IPS:
		for (uint32_t i = 0; i < v->addrs->n; i++) {
			if (i)
				text_str(t, ", ");
			text_addr(t, &v->addrs->a[i]);
		}
		break;
	case FIELD_MAC: {
		char mac[PUT_MAC];

		text_put(t, mac, (size_t)(put_mac(mac, (const uint8_t *)v->p) - mac));
		break;
	}
	case FIELD_NAMES:
		put_names(t, f, v->u64);
		break;
	case FIELD_U64S:
		for (uint32_t i = 0; i < v->list->n; i++)
			text_printf(t, "%s%" PRIu64, i ? ", " : "", v->list->v[i]);
		break;
	case FIELD_FRACTION:
		text_percent(t, v->u64, 1000000);
		break;
	case CELL_RATE:
		text_rate(t, v->u64, UINT64_C(1000000000000));
		break;
	case FIELD_DURATIONS:
		for (uint32_t i = 0; i < v->list->n; i++) {
			if (i)
				text_str(t, ", ");
			text_duration(t, v->list->v[i]);
		}
		break;
	case FIELD_ID:
	case FIELD_RUN_ID:
		text_printf(t, "%" PRIu64, v->u64);
		break;
	default:
		text_printf(t, "%" PRIu64, v->u64);
		break;
	}
}

bool cell_right(const struct field *f)
{
	switch (f->type) {
	case FIELD_U64:
	case FIELD_BYTES:
	case FIELD_DURATION:
	case FIELD_FRACTION:
	case CELL_RATE:
		return true;
	default:
		return false;
	}
}

static uint64_t load_number(const struct field *f, const void *at)
{
	uint64_t u64;
	uint32_t u32;
	uint16_t u16;

	if (f->flags & FIELD_F_U8)
		return *(const uint8_t *)at;
	if (f->flags & FIELD_F_U16) {
		memcpy(&u16, at, sizeof(u16));
		return u16;
	}
	if ((f->flags & FIELD_F_U32) || f->type == FIELD_NAMES) {
		memcpy(&u32, at, sizeof(u32));
		return u32;
	}
	memcpy(&u64, at, sizeof(u64));
	return u64;
}

bool cell_member(const struct field *f, const void *row, struct schema_value *v)
{
	const void *at = (const char *)row + f->offset;

	switch (f->type) {
	case FIELD_STR: {
		const struct cell_text *text = at;

		v->p = text->p;
		v->n = text->n;
		return v->n > 0;
	}
	case FIELD_NAME:
		v->p = *(const char *const *)at;
		v->n = v->p ? strlen(v->p) : 0;
		return v->n > 0;
	case FIELD_IP:
		v->ip[0] = at;
		v->n = 1;
		return !addr_is_zero(at);
	default:
		v->u64 = load_number(f, at);
		return v->u64 != FIELD_ABSENT && (v->u64 || !(f->flags & FIELD_F_NONZERO));
	}
}

void cell_key(struct cell_key *k, const struct field *f, const struct schema_value *v)
{
	k->number = false;
	memset(k->bytes, 0, sizeof(k->bytes));
	switch (f->type) {
	case FIELD_STR:
	case FIELD_NAME:
	case FIELD_MAC:
		memcpy(k->bytes, v->p, v->n < CELL_KEY ? v->n : CELL_KEY);
		break;
	case FIELD_IP:
		for (size_t i = 0; i < v->n && i < 2; i++)
			memcpy(k->bytes + 16 * i, v->ip[i]->b, 16);
		break;
	case FIELD_IPS:
		memcpy(k->bytes, v->addrs->a[0].b, 16);
		break;
	case FIELD_U64S:
	case FIELD_DURATIONS:
		k->number = true;
		k->u64 = v->list->v[0];
		break;
	default:
		k->number = true;
		k->u64 = v->u64;
		break;
	}
}

int cell_key_cmp(const struct cell_key *a, const struct cell_key *b, bool descending)
{
	int c;

	if (a->absent != b->absent)
		return a->absent ? 1 : -1;
	if (a->absent)
		return 0;
	if (a->number && b->number)
		c = (a->u64 > b->u64) - (a->u64 < b->u64);
	else
		c = memcmp(a->bytes, b->bytes, CELL_KEY);
	return descending ? -c : c;
}
