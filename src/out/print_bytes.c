/*
 * print_bytes.c - the bytes of a packet behind its line, as tcpdump writes them (print_impl.h).
 */
#include "out/print_impl.h"
#include <string.h>

#define ROW 16u /* bytes of a line */

static uint16_t load16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static bool is_tag(uint16_t ethertype)
{
	return ethertype == 0x8100 || ethertype == 0x88a8 || ethertype == 0x9100;
}

uint32_t print_link_header(const struct packet *frame)
{
	uint32_t n = 0;

	switch (frame->linktype) {
	case 0: /* null, loopback */
	case 108:
		n = 4;
		break;
	case 1: /* Ethernet */
		for (n = 14; n + 2 <= frame->caplen && is_tag(load16(frame->data + n - 2));)
			n += 4;
		break;
	case 113: /* Linux cooked */
		n = 16;
		break;
	case 276:
		n = 20;
		break;
	default:
		break;
	}
	return n < frame->caplen ? n : frame->caplen;
}

static bool graphic(uint8_t c)
{
	return c > 0x20 && c < 0x7f;
}

static void hex_row(FILE *to, const uint8_t *p, uint32_t n, uint32_t at, bool ascii)
{
	unsigned column = 0;

	fprintf(to, "\n\t0x%04x: ", at);
	for (uint32_t i = 0; i < n; i++)
		column += (unsigned)fprintf(to, i % 2 ? "%02x" : " %02x", p[i]);
	if (!ascii)
		return;
	fprintf(to, "%*s", (int)(ROW / 2 * 5 - column + 2), "");
	for (uint32_t i = 0; i < n; i++)
		fputc(graphic(p[i]) ? p[i] : '.', to);
}

static void hex(FILE *to, const uint8_t *p, uint32_t n, bool ascii)
{
	for (uint32_t at = 0; at < n; at += ROW)
		hex_row(to, p + at, n - at < ROW ? n - at : ROW, at, ascii);
}

/* What a terminal could act on is a dot; a line's CR is left out. */
static void text(FILE *to, const uint8_t *p, uint32_t n)
{
	fputc('\n', to);
	for (uint32_t i = 0; i < n; i++) {
		if (p[i] == '\r' && (i + 1 == n || p[i + 1] == '\n'))
			continue;
		fputc(graphic(p[i]) || p[i] == '\t' || p[i] == ' ' || p[i] == '\n' ? p[i] : '.',
			to);
	}
}

void print_bytes(FILE *to, const struct print_style *style, const struct packet *frame)
{
	unsigned times = style->hex_ascii ? style->hex_ascii
			 : style->hex     ? style->hex
					  : style->ascii;
	uint32_t skip = times > 1 ? 0 : print_link_header(frame);

	if (style->hex_ascii || style->hex)
		hex(to, frame->data + skip, frame->caplen - skip, style->hex_ascii != 0);
	else if (style->ascii)
		text(to, frame->data + skip, frame->caplen - skip);
}
