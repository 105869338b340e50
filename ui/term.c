/*
 * term.c - the terminal, by ncurses (term.h).
 *
 * What gives the terminal back after a crash must not call ncurses: its settings and the bytes that
 * undo what it did are kept from the start, and a handler needs no more than write() for them.
 */
#define NCURSES_WIDECHAR 1
#include "term.h"
#include "base/ending.h"
#include "base/text.h"
#include <curses.h>
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#define TEXT_BYTES 4096

static struct {
	bool opening, open, utf8, colours;
	bool plain; /* drawn without colours */
	int fd;     /* keys come from here */
	FILE *in;
	SCREEN *screen;
	struct termios before;
	char undo[256]; /* bytes that undo what ncurses did to the screen */
	size_t nundo;
	int attributes[ROLE_COUNT];
	int cursor_row, cursor_column;
	MEVENT mouse;
} T;

static volatile sig_atomic_t stop_asked;

/* Themes: a colour each for the text and the ground (-1: the terminal's own), and attributes. */
struct style {
	short front, back;
	int attributes;
};

static const struct style dark[ROLE_COUNT] = {
	[ROLE_TEXT] = {-1, -1, A_NORMAL},
	[ROLE_DIM] = {COLOR_CYAN, -1, A_DIM},
	[ROLE_BAR] = {COLOR_BLACK, COLOR_CYAN, A_NORMAL},
	[ROLE_KEY] = {-1, -1, A_BOLD},
	[ROLE_TAB] = {COLOR_WHITE, COLOR_BLUE, A_BOLD},
	[ROLE_HEAD] = {COLOR_BLACK, COLOR_GREEN, A_NORMAL},
	[ROLE_SELECTED] = {COLOR_BLACK, COLOR_CYAN, A_NORMAL},
	[ROLE_MARKED] = {COLOR_YELLOW, -1, A_BOLD},
	[ROLE_GOOD] = {COLOR_GREEN, -1, A_NORMAL},
	[ROLE_WARN] = {COLOR_YELLOW, -1, A_NORMAL},
	[ROLE_BAD] = {COLOR_RED, -1, A_BOLD},
	[ROLE_ACCENT] = {COLOR_CYAN, -1, A_BOLD},
	[ROLE_NETWORK] = {COLOR_BLUE, -1, A_BOLD},
	[ROLE_SERVER] = {COLOR_MAGENTA, -1, A_NORMAL},
	[ROLE_STALL] = {COLOR_RED, -1, A_NORMAL},
};

static const struct style light[ROLE_COUNT] = {
	[ROLE_TEXT] = {-1, -1, A_NORMAL},
	[ROLE_DIM] = {COLOR_BLUE, -1, A_NORMAL},
	[ROLE_BAR] = {COLOR_WHITE, COLOR_BLUE, A_NORMAL},
	[ROLE_KEY] = {-1, -1, A_BOLD},
	[ROLE_TAB] = {COLOR_WHITE, COLOR_BLACK, A_BOLD},
	[ROLE_HEAD] = {COLOR_WHITE, COLOR_BLACK, A_NORMAL},
	[ROLE_SELECTED] = {COLOR_WHITE, COLOR_BLUE, A_BOLD},
	[ROLE_MARKED] = {COLOR_MAGENTA, -1, A_BOLD},
	[ROLE_GOOD] = {COLOR_GREEN, -1, A_NORMAL},
	[ROLE_WARN] = {COLOR_MAGENTA, -1, A_NORMAL},
	[ROLE_BAD] = {COLOR_RED, -1, A_BOLD},
	[ROLE_ACCENT] = {COLOR_BLUE, -1, A_BOLD},
	[ROLE_NETWORK] = {COLOR_BLUE, -1, A_NORMAL},
	[ROLE_SERVER] = {COLOR_MAGENTA, -1, A_NORMAL},
	[ROLE_STALL] = {COLOR_RED, -1, A_NORMAL},
};

static const int mono[ROLE_COUNT] = {
	[ROLE_DIM] = A_DIM,
	[ROLE_BAR] = A_REVERSE,
	[ROLE_KEY] = A_BOLD,
	[ROLE_TAB] = A_BOLD | A_UNDERLINE,
	[ROLE_HEAD] = A_REVERSE,
	[ROLE_SELECTED] = A_REVERSE | A_BOLD,
	[ROLE_MARKED] = A_BOLD | A_UNDERLINE,
	[ROLE_WARN] = A_UNDERLINE,
	[ROLE_BAD] = A_BOLD,
	[ROLE_ACCENT] = A_BOLD,
	[ROLE_STALL] = A_BOLD,
};

static bool colour_wanted(const struct term_options *o)
{
	const char *no = getenv("NO_COLOR");

	return !(no && *no) && strcmp(o->theme, "mono") != 0 && T.colours;
}

void term_restyle(const struct term_options *o)
{
	const struct style *theme = strcmp(o->theme, "light") == 0 ? light : dark;
	bool colour = colour_wanted(o);

	T.plain = !colour;
	T.utf8 = !o->ascii && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	for (int i = 0; i < ROLE_COUNT; i++) {
		T.attributes[i] = mono[i];
		if (!colour)
			continue;
		init_pair((short)(i + 1), theme[i].front, theme[i].back);
		T.attributes[i] = (int)COLOR_PAIR(i + 1) | theme[i].attributes;
	}
	mousemask(o->mouse ? BUTTON1_PRESSED | BUTTON4_PRESSED | BUTTON5_PRESSED : 0, NULL);
	if (T.open)
		clear();
}

/* Restoring without ncurses. */

/* What a capability sends, without the delays ("$<5>") that old terminals asked for. */
static const char *capability(const char *name)
{
	const char *s = tigetstr((NCURSES_CONST char *)name);

	return s == (const char *)-1 ? NULL : s;
}

static void undo_with(const char *name)
{
	for (const char *s = capability(name); s && *s; s++) {
		const char *end = s[0] == '$' && s[1] == '<' ? strchr(s, '>') : NULL;

		if (end)
			s = end;
		else if (T.nundo < sizeof(T.undo))
			T.undo[T.nundo++] = *s;
	}
}

static void remember_undo(void)
{
	static const char mouse_off[] = "\033[?1000l\033[?1002l\033[?1006l";
	size_t n = sizeof(mouse_off) - 1;

	T.nundo = 0;
	memcpy(T.undo, mouse_off, n);
	T.nundo = n;
	undo_with("sgr0");
	undo_with("cnorm");
	undo_with("rmkx");
	undo_with("rmcup");
}

static void give_back(void *arg, bool in_signal)
{
	(void)arg;
	(void)in_signal;
	if (!T.open)
		return;
	ending_write(STDOUT_FILENO, T.undo, T.nundo);
	tcsetattr(T.fd, TCSANOW, &T.before);
}

static void crash(int number)
{
	if (T.open) { /* a thread that dissects may make no other calls than these */
		ssize_t done = write(STDOUT_FILENO, T.undo, T.nundo);

		(void)done;
		tcsetattr(T.fd, TCSANOW, &T.before);
	}
	signal(number, SIG_DFL);
	raise(number);
}

static void on_stop(int number)
{
	(void)number;
	stop_asked = 1;
}

static void catch (int number, void (*handler)(int), unsigned flags)
{
	struct sigaction a;

	memset(&a, 0, sizeof(a));
	a.sa_handler = handler;
	a.sa_flags = (int)flags;
	sigemptyset(&a.sa_mask);
	sigaction(number, &a, NULL);
}

static void catch_all(void)
{
	static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGQUIT};

	for (size_t i = 0; i < sizeof(crashes) / sizeof(crashes[0]); i++)
		catch (crashes[i], crash, SA_NODEFER | SA_RESETHAND);
	catch (SIGTSTP, on_stop, SA_RESTART);
}

/*
 * The keys have a description of their own that does not block: ncurses reads what should be the
 * rest of a mouse's sequence at once, and a sequence that was cut short would hold up everything.
 */
static bool find_keys(char *err, size_t errsize)
{
	const char *name = isatty(STDIN_FILENO) ? ttyname(STDIN_FILENO) : "/dev/tty";
	const int how = O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;

	T.fd = name ? open(name, how) : -1;
	if (T.fd < 0 && isatty(STDIN_FILENO)) /* its name may be one that this user must not open */
		T.fd = open("/dev/tty", how);
	T.in = T.fd < 0 ? NULL : fdopen(T.fd, "r+");
	if (!T.in && isatty(STDIN_FILENO)) { /* its name may be one of another place */
		T.fd = STDIN_FILENO;
		T.in = stdin;
	}
	if (T.in)
		return true;
	snprintf(err, errsize,
		"the live view needs a terminal for its keys: %s; --report and "
		"--json need none",
		strerror(errno));
	return false;
}

bool term_possible(void)
{
	const char *name = getenv("TERM");
	int fd;

	if (!isatty(STDOUT_FILENO) || !name || !*name || strcmp(name, "dumb") == 0)
		return false;
	if (isatty(STDIN_FILENO))
		return true;
	fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void set_modes(const struct term_options *o)
{
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	meta(stdscr, TRUE);
	set_escdelay(25);
	mouseinterval(0);
	curs_set(0);
	T.colours =
		has_colors() && start_color() == OK && COLORS >= 8 && use_default_colors() == OK;
	T.cursor_row = -1;
	term_restyle(o);
}

static void end(void)
{
	if (T.opening)
		tcsetattr(T.fd, TCSANOW, &T.before);
	else
		term_close();
}

bool term_open(const struct term_options *o, char *err, size_t errsize)
{
	const char *name = getenv("TERM");
	static bool registered;

	if (!isatty(STDOUT_FILENO)) {
		snprintf(err, errsize,
			"the live view needs a terminal, and the standard output is "
			"none; --report and --json need none");
		return false;
	}
	if (!find_keys(err, errsize))
		return false;
	setlocale(LC_CTYPE, "");
	tcgetattr(T.fd, &T.before);
	/* ncurses ends the program where it has no memory. */
	if (!registered)
		atexit(end);
	T.opening = true;
	T.screen = term_known(name) ? newterm(NULL, stdout, T.in) : NULL;
	if (!T.screen || !capability("cup") || !capability("clear")) {
		if (T.screen)
			endwin();
		T.opening = false;
		if (T.in != stdin)
			fclose(T.in);
		snprintf(err, errsize,
			"the live view cannot draw on a terminal of type \"%.32s\" (TERM); "
			"--report and --json can",
			name ? name : "");
		return false;
	}
	set_modes(o);
	remember_undo();
	T.opening = false;
	T.open = true;
	catch_all();
	if (!registered)
		ending_add(give_back, &T);
	registered = true;
	return true;
}

void term_close(void)
{
	if (!T.open)
		return;
	mousemask(0, NULL);
	curs_set(1);
	endwin();
	T.open = false;
	signal(SIGTSTP, SIG_DFL);
}

void term_pause_if_asked(void)
{
	if (!stop_asked || !T.open)
		return;
	stop_asked = 0;
	def_prog_mode();
	endwin();
	signal(SIGTSTP, SIG_DFL);
	raise(SIGTSTP);
	/* Here the shell has put us to the foreground again. */
	catch (SIGTSTP, on_stop, SA_RESTART);
	reset_prog_mode();
	clearok(stdscr, TRUE);
	refresh();
}

int term_fd(void)
{
	return T.fd;
}

int term_key(void)
{
	int c = getch();

	if (c == ERR)
		return KEY_NONE;
	if (c == KEY_MOUSE && getmouse(&T.mouse) != OK)
		return KEY_NONE;
	return c;
}

unsigned term_mouse(int *row, int *column)
{
	*row = T.mouse.y;
	*column = T.mouse.x;
	if (T.mouse.bstate & BUTTON4_PRESSED)
		return 4;
	if (T.mouse.bstate & BUTTON5_PRESSED)
		return 5;
	return T.mouse.bstate & BUTTON1_PRESSED ? 1 : 0;
}

int term_rows(void)
{
	return LINES;
}

int term_columns(void)
{
	return COLS;
}

bool term_colours(void)
{
	return !T.plain;
}

bool term_utf8(void)
{
	return T.utf8;
}

void term_clear(void)
{
	erase();
}

void term_cursor(int row, int column)
{
	T.cursor_row = row;
	T.cursor_column = column;
}

void term_flush(void)
{
	curs_set(T.cursor_row >= 0);
	if (T.cursor_row >= 0)
		move(T.cursor_row, T.cursor_column);
	refresh();
}

/* Columns of one character, -1: it cannot be drawn. */
static int columns_of(uint32_t code)
{
	if (code < 0x80)
		return code < ' ' || code == 0x7f ? -1 : 1;
	return T.utf8 ? wcwidth((wchar_t)code) : -1;
}

/* What of the (escaped) text fits, drawable; gives the columns taken. */
static int fit(const char *p, size_t n, int width, struct text *out)
{
	const uint8_t *at = (const uint8_t *)p, *end = at + n;
	int used = 0;

	while (at < end) {
		uint32_t code;
		unsigned len = text_utf8(at, end, &code);
		int w = len ? columns_of(code) : -1;

		if (len && text_hidden(code))
			w = -1;
		if (used + (w < 0 ? 1 : w) > width)
			break;
		if (w < 0)
			text_char(out, '?');
		else
			text_put(out, (const char *)at, len);
		used += w < 0 ? 1 : w;
		at += len ? len : 1;
	}
	return used;
}

int term_width(const char *p, size_t n)
{
	char other[TEXT_BYTES];
	struct text out;

	text_init(&out, other, sizeof(other));
	return fit(p, n, INT_MAX / 2, &out);
}

int term_text_width(const char *p, size_t n)
{
	char buffer[TEXT_BYTES];
	struct text t;

	text_init(&t, buffer, sizeof(buffer));
	text_escape(&t, p, n < TEXT_BYTES / 8 ? n : TEXT_BYTES / 8, SIZE_MAX);
	return term_width(t.p, t.len);
}

/* What a terminal could act on becomes a question mark (fit()). */
static void draw_text(int row, int column, int width, const char *p, size_t n, enum role role)
{
	char buffer[TEXT_BYTES];
	struct text out;
	int used;

	if (column >= COLS || row < 0 || row >= LINES || column < 0)
		return;
	if (width > COLS - column)
		width = COLS - column;
	if (width <= 0)
		return;
	text_init(&out, buffer, sizeof(buffer));
	used = fit(p, n, width, &out);
	attrset(T.attributes[role]);
	mvaddnstr(row, column, out.p, (int)out.len);
	if (used < width)
		hline(' ' | (chtype)T.attributes[role], width - used);
	if (used >= width && width > 1 && term_width(p, n) > width)
		mvaddstr(row, column + width - 1, T.utf8 ? "\u2026" : "~");
}

void term_text(int row, int column, int width, const char *p, size_t n, enum role role)
{
	char buffer[TEXT_BYTES];
	struct text t;

	/* No column takes more than four bytes, and nothing on the screen is wider than this. */
	text_init(&t, buffer, sizeof(buffer));
	text_escape(&t, p, n < TEXT_BYTES / 8 ? n : TEXT_BYTES / 8, SIZE_MAX);
	draw_text(row, column, width, t.p, t.len, role);
}

void term_put(int row, int column, int width, const char *s, enum role role)
{
	size_t n = strlen(s);

	draw_text(row, column, width, s, n < TEXT_BYTES / 2 ? n : TEXT_BYTES / 2, role);
}

void term_right(int row, int column, int width, const char *s, enum role role)
{
	int n = term_width(s, strlen(s));

	if (n < width) {
		term_text(row, column, width - n, "", 0, role);
		column += width - n;
		width = n;
	}
	term_put(row, column, width, s, role);
}

char term_letter(enum role role)
{
	switch (role) {
	case ROLE_NETWORK:
		return 'N';
	case ROLE_SERVER:
		return 'S';
	case ROLE_STALL:
		return 'X';
	case ROLE_GOOD:
		return 'R';
	default:
		return '?';
	}
}

/* Whole columns, and at least one: what is short is seen all the same. */
static void letters(int row, int column, int width, double columns, enum role role)
{
	char text[2] = {term_letter(role), '\0'};
	int n = (int)(columns + 0.5);

	attrset(T.attributes[role]);
	for (int i = 0; i < (n ? n : 1) && i < width; i++)
		mvaddstr(row, column + i, text);
}

void term_bar(int row, int column, int width, double columns, enum role role)
{
	static const char *const eighths[] = {
		"", "\u258f", "\u258e", "\u258d", "\u258c", "\u258b", "\u258a", "\u2589"};
	int whole, part;

	if (row < 0 || row >= LINES || column < 0 || column >= COLS)
		return;
	if (width > COLS - column)
		width = COLS - column;
	if (columns > width)
		columns = width;
	if (!(columns > 0))
		return;
	if (T.plain) {
		letters(row, column, width, columns, role);
		return;
	}
	whole = (int)columns;
	part = (int)((columns - whole) * 8);
	attrset(T.attributes[role]);
	for (int i = 0; i < whole; i++)
		mvaddstr(row, column + i, T.utf8 ? "\u2588" : "#");
	if (whole >= width)
		return;
	if (T.utf8 && part)
		mvaddstr(row, column + whole, eighths[part]);
	else if (whole == 0)
		mvaddstr(row, column, T.utf8 ? eighths[1] : "|");
}

void term_level(int row, int column, unsigned level, enum role role)
{
	static const char *const fine[] = {" ", "\u2581", "\u2582", "\u2583", "\u2584", "\u2585",
		"\u2586", "\u2587", "\u2588"};
	static const char *const coarse[] = {" ", ".", ":", "-", "=", "+", "*", "%", "#"};

	if (row < 0 || row >= LINES || column < 0 || column >= COLS)
		return;
	if (level > 8)
		level = 8;
	attrset(T.attributes[role]);
	mvaddstr(row, column, T.utf8 ? fine[level] : coarse[level]);
}
