/*
 * progress.c - how far a file has been read (progress.h).
 */
#include "progress.h"
#include "base/clock.h"
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define INTERVAL UINT64_C(200000000)

void progress_init(struct progress *p)
{
	memset(p, 0, sizeof(*p));
	p->on = isatty(STDERR_FILENO);
	p->start = p->last = clock_monotonic();
}

void progress_line(
	char *line, size_t size, double part, uint64_t frames, uint64_t bytes, uint64_t elapsed)
{
	double seconds = (double)elapsed / (double)SECOND;
	double packet_rate = (double)frames / seconds;
	double rate = (double)bytes / seconds / (1 << 20);
	double left = part > 0 ? seconds * (1 - part) / part : -1;
	int n;

	if (part > 1) /* the file has grown */
		part = 1;
	if (left > 360000)
		left = 360000;
	if (part < 0)
		n = snprintf(line, size, "%llu packets", (unsigned long long)frames);
	else
		n = snprintf(line, size, "%3d %%", (int)(part * 100));
	if (n < 0 || (size_t)n >= size)
		return;
	line += n;
	size -= (size_t)n;
	n = snprintf(line, size, "  %.0f packets/s  %.1f MiB/s", packet_rate, rate);
	if (n < 0 || (size_t)n >= size || left < 0)
		return;
	snprintf(line + n, size - (size_t)n, "  %d:%02d left", (int)left / 60, (int)left % 60);
}

void progress_show(struct progress *p, double part, uint64_t frames, uint64_t bytes)
{
	char line[128];
	struct winsize window;
	int columns = 79;
	uint64_t now;

	if (!p->on)
		return;
	now = clock_monotonic();
	if (now - p->last < INTERVAL)
		return;
	p->last = now;
	progress_line(line, sizeof(line), part, frames, bytes, now - p->start);
	/* A line that fills the terminal would go on in the next one and stay there. */
	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 1)
		columns = window.ws_col - 1;
	fprintf(stderr, "\r%.*s\033[K", columns, line);
	fflush(stderr);
	p->drawn = true;
}

void progress_erase(struct progress *p)
{
	if (p->drawn) {
		fputs("\r\033[K", stderr);
		fflush(stderr);
	}
	p->drawn = false;
}
