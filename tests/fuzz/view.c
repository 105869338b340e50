/*
 * view.c - the live view, all of its screens, on a terminal of our own.
 *
 * The input is a byte for the run (0x07: size of the terminal;
 * 0x10: mono, ASCII), a byte with the length of a settings file, that file, a byte with the number
 * of keys, the keys (below 0x80 as they are; others by special[] or, 0xff, a click: column, row),
 * then operations of world.c, whose frames and records the view has when the keys come.
 *
 * Nothing is written to a file: the keys for that are left out.
 */
#include "world.h"
#include "base/mem.h"
#include "findings/findings.h"
#include "run/pipeline.h"
#include "ui/draw.h"
#include "ui/keys.h"
#include "ui/view.h"
#include <curses.h>
#include <fcntl.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

#define KEYS_MAX 64u
#define WORK_MAX 64u

/* The terminal: a pseudo terminal whose other end is read by a thread. It stays open. */

static void *drain(void *arg)
{
	int fd = *(int *)arg;
	char rubbish[4096];

	while (read(fd, rubbish, sizeof(rubbish)) > 0)
		continue;
	return NULL;
}

static void open_terminal(void)
{
	static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGQUIT, SIGTSTP};
	static const struct term_options look = {.theme = "dark", .mouse = true};
	static int fd;
	struct sigaction before[sizeof(crashes) / sizeof(crashes[0])];
	char err[256] = "";
	pthread_t thread;
	int own;

	fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	fuzz_check(fd >= 0 && grantpt(fd) == 0 && unlockpt(fd) == 0, "a pseudo terminal");
	own = open(ptsname(fd), O_RDWR | O_NOCTTY | O_CLOEXEC);
	fuzz_check(own >= 0 && dup2(own, STDIN_FILENO) >= 0 && dup2(own, STDOUT_FILENO) >= 0,
		"it is the terminal");
	setenv("TERM", "xterm-256color", 1);
	setenv("LC_ALL", "C.UTF-8", 1);
	setenv("XDG_CONFIG_HOME", "/dev/null/nowhere", 1);
	fuzz_check(pthread_create(&thread, NULL, drain, &fd) == 0, "a thread");
	/* What happens here is the fuzzer's to report. */
	for (size_t i = 0; i < sizeof(crashes) / sizeof(crashes[0]); i++)
		sigaction(crashes[i], NULL, &before[i]);
	fuzz_check(term_open(&look, err, sizeof(err)), err);
	for (size_t i = 0; i < sizeof(crashes) / sizeof(crashes[0]); i++)
		sigaction(crashes[i], &before[i], NULL);
}

/* What the view is given. */

static bool frame_of(void *arg, const struct packet *p)
{
	return ui_frame(arg, p);
}

static void feed(struct ui *u, struct source *s)
{
	struct sink sink = ui_sink(u);
	struct engine_config config;
	struct pipeline p = {.source = s,
		.config = &config,
		.analyse = true,
		.on_frame = frame_of,
		.on_frame_arg = u,
		.sinks = &sink,
		.nsinks = 1};

	engine_config_defaults(&config);
	config.memory = 16 << 20;
	config.turns = config.moments = true;
	sink.poll = NULL;
	fuzz_check(pipeline_run(&p) == 0, "the capture is read");
}

static void settings(struct ui *u, const uint8_t *p, uint32_t n)
{
	const uint8_t *end = p + n;

	u->config.path[0] = '\0';
	while (p < end && u->config.n < 16) {
		const uint8_t *stop = memchr(p, '\n', (size_t)(end - p));
		size_t len = (size_t)((stop ? stop : end) - p);
		char *line = xcalloc(1, len + 1);

		memcpy(line, p, len);
		u->config.line[u->config.n++] = line;
		p += len + (stop != NULL);
	}
}

/* Keys. */

static const int special[] = {KEY_UP, KEY_DOWN, KEY_LEFT, KEY_RIGHT, KEY_NPAGE, KEY_PPAGE, KEY_HOME,
	KEY_END, '\r', '\n', KEY_ENTER, KEY_ESCAPE, KEY_BACKSPACE, KEY_DC, '\t', KEY_BTAB, KEY_F(1),
	KEY_F(2), KEY_F(3), KEY_F(4), KEY_F(5), KEY_F(6), KEY_F(7), KEY_F(8), KEY_RESIZE, KEY_SLEFT,
	KEY_SRIGHT, KEY_IC, 0xc3, 0xa9, 0xff};

static void press(struct ui *u, uint8_t b, struct fuzz_input *keys)
{
	MEVENT event = {.bstate = BUTTON1_PRESSED};
	int key = b < 0x80 ? b : special[b % (sizeof(special) / sizeof(special[0]))];

	if (b == 0xff) {
		event.x = fuzz_u8(keys);
		event.y = fuzz_u8(keys) % (term_rows() > 1 ? term_rows() - 1 : 1);
		if (event.x & 0x80)
			event.bstate = event.x & 1 ? BUTTON4_PRESSED : BUTTON5_PRESSED;
		event.x &= 0x7f;
		if (ungetmouse(&event) == OK)
			key = KEY_NONE; /* it is what comes next */
	}
	if (key == 'w' || key == 'W') /* these write files */
		return;
	if (key != KEY_NONE)
		ungetch(key);
	ui_keys(u);
}

static void look(struct ui *u)
{
	struct sink sink = ui_sink(u);

	for (unsigned i = 0; i < WORK_MAX && !u->quit; i++) {
		if (!sink.poll(u) || !u->working)
			break;
	}
	if (!u->quit)
		ui_draw(u);
}

static void use(struct ui *u, struct fuzz_input *keys)
{
	u->over = true;
	model_finish(u->live);
	ui_stale(u);
	look(u);
	for (unsigned i = 0; i < KEYS_MAX && keys->p < keys->end && !u->quit; i++) {
		press(u, fuzz_u8(keys), keys);
		look(u);
	}
}

static struct source *capture_of(struct fuzz_input *in, int *fd)
{
	static const struct source_options none;
	char path[64], err[256] = "";
	struct source *s;
	size_t n;
	uint8_t *capture = fuzz_world_capture(in, &n);

	*fd = memfd_create("capture", MFD_CLOEXEC);
	fuzz_check(*fd >= 0 && write(*fd, capture, n) == (ssize_t)n, "a file in memory");
	free(capture);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", *fd);
	s = source_open_file(path, &none, err, sizeof(err));
	fuzz_check(s, err);
	return s;
}

int fuzz_view(const uint8_t *data, size_t size)
{
	static const int sizes[8][2] = {
		{24, 80}, {40, 132}, {50, 250}, {10, 40}, {3, 10}, {1, 1}, {60, 30}, {5, 200}};
	static bool opened;
	struct fuzz_input in = {.p = data, .end = data + size}, keys;
	uint8_t run = fuzz_u8(&in);
	uint32_t nsettings = fuzz_u8(&in), nkeys;
	const uint8_t *lines = fuzz_bytes(&in, &nsettings);
	struct ui_options options = {.source_name = "fuzz", .version = "1", .keep = 4 << 20};
	struct thresholds thresholds;
	struct term_options terminal;
	char err[256] = "";
	struct ui *u;
	int fd;

	fuzz_init();
	if (!opened)
		open_terminal();
	opened = true;
	nkeys = fuzz_u8(&in);
	keys.p = fuzz_bytes(&in, &nkeys);
	keys.end = keys.p + nkeys;
	keys.over = false;
	thresholds_defaults(&thresholds);
	options.thresholds = &thresholds;
	options.source = capture_of(&in, &fd);
	u = ui_new(&options, err, sizeof(err));
	fuzz_check(u, err);
	settings(u, lines, nsettings);
	resizeterm(sizes[run & 7][0], sizes[run & 7][1]);
	terminal = ui_look(u);
	if (run & 0x10)
		terminal = (struct term_options){.theme = "mono", .ascii = true};
	term_restyle(&terminal);
	feed(u, options.source);
	use(u, &keys);
	flushinp();
	ui_free(u);
	source_close(options.source);
	close(fd);
	return 0;
}
