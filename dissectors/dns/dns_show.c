/*
 * dns_show.c - a DNS message, field by field.
 */
#include "dns.h"
#include "show.h"

static bool show_name(struct show *s, const struct field *f, struct dns_message *m)
{
	uint8_t buf[DNS_NAME_TEXT];
	struct dns_text o = {buf, 0, sizeof(buf)};
	size_t at = m->at;

	if (!dns_name(m, &o))
		return false;
	if (!o.n)
		dns_put(&o, '.');
	tsm_show_str(s, f, m->p + at, m->at - at, view_of(buf, o.n, 0));
	return true;
}

/* One resource record; false where the message ends in it. */
static bool show_record(struct show *s, struct dns_message *m)
{
	uint32_t type, len;
	const uint8_t *p;

	if (!show_name(s, &dns_fields[D_RR_NAME], m) || m->n - m->at < 10)
		return false;
	p = m->p + m->at;
	type = (uint32_t)p[0] << 8 | p[1];
	len = (uint32_t)p[8] << 8 | p[9];
	tsm_show_code(s, &dns_fields[D_RR_TYPE], p, 2, type, dns_number_name(dns_types, type));
	if (type != TYPE_OPT)
		tsm_show_u64(s, &dns_fields[D_RR_TTL], p + 4, 4,
			(uint64_t)p[4] << 24 | (uint64_t)p[5] << 16 | (uint64_t)p[6] << 8 | p[7]);
	tsm_show_u64(s, &dns_fields[D_RR_LENGTH], p + 8, 2, len);
	m->at += 10;
	if (len > m->n - m->at)
		return false;
	p += 10;
	if ((type == TYPE_A && len == 4) || (type == TYPE_AAAA && len == 16)) {
		tsm_show_ip(s, &dns_fields[type == TYPE_A ? D_A : D_AAAA], p, len);
	} else if (type == TYPE_NS || type == TYPE_CNAME || type == TYPE_PTR) {
		struct dns_message inner = *m;

		(void)show_name(s, &dns_fields[D_RR_NAME_IN], &inner);
	}
	m->at += len;
	return true;
}

static void show_sections(struct show *s, struct dns_message *m, const uint8_t *counts)
{
	static const char *const titles[] = {"Question", "Answer", "Authority", "Additional"};

	for (unsigned k = 0; k < 4; k++) {
		unsigned n = (unsigned)counts[2 * k] << 8 | counts[2 * k + 1];
		bool good = true;

		for (unsigned i = 0; i < n && i < DNS_RECORDS_MAX && good && m->at < m->n; i++) {
			const uint8_t *at = m->p + m->at;

			tsm_show_group(s, titles[k], at, m->n - m->at);
			if (k) {
				good = show_record(s, m);
			} else if (!show_name(s, &dns_fields[F_NAME], m) || m->n - m->at < 4) {
				good = false;
			} else {
				unsigned type = dns_take(m, 2), class = dns_take(m, 2);

				tsm_show_code(s, &dns_fields[F_QTYPE], m->p + m->at - 4, 2, type,
					dns_number_name(dns_types, type));
				tsm_show_code(s, &dns_fields[F_QCLASS], m->p + m->at - 2, 2, class,
					dns_number_name(dns_classes, class));
			}
			tsm_show_end(s);
		}
		if (!good)
			return;
	}
}

void dns_describe(struct show *s, const struct packet *p, enum side side, struct view v)
{
	struct dns_message m;
	const uint8_t *h;
	unsigned flags;

	(void)side;
	if (p->flags & PACKET_TCP) {
		if (view_len(&v) < 2 + DNS_HEADER)
			return;
		show_be(s, &dns_fields[D_LENGTH], &v, 2);
	}
	h = view_peek(&v, DNS_HEADER);
	if (!h)
		return;
	flags = (unsigned)h[2] << 8 | h[3];
	tsm_show_u64(s, &dns_fields[F_ID], h, 2, (unsigned)h[0] << 8 | h[1]);
	tsm_show_u64(s, &dns_fields[D_FLAGS], h + 2, 2, flags & 0x87b0u);
	tsm_show_code(s, &dns_fields[F_OP_CODE], h + 2, 2, flags >> 11 & 15,
		dns_number_name(dns_opcodes, flags >> 11 & 15));
	if (flags & FLAG_QR)
		tsm_show_code(s, &dns_fields[F_RESPONSE_CODE], h + 2, 2, flags & 15,
			dns_number_name(dns_codes, flags & 15));
	m = (struct dns_message){h, view_len(&v), DNS_HEADER, false};
	show_sections(s, &m, h + 4);
}
