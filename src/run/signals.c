/* signals.c - see signals.h. */
#include "run/signals.h"
#include "base/clock.h"
#include "base/ending.h"
#include "run/pipeline.h"
#include "ui/ui.h"
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define SAME_SIGNAL (100 * MS)

static struct pipeline *on_signal; /* what a signal stops */
static atomic_ullong stopped_at;
static volatile sig_atomic_t interrupted, stopped, asked_statistics, asked_reopen, asked_flush;
static bool files, on_terminal; /* files are written; a terminal was there at the start */

/* Once for an end in good order, which waits for who reads what comes out; again for one at once.
   timeout(1) and others hand on what the terminal has sent already: that is one. */
static void stop(int number)
{
	uint64_t time = clock_monotonic();

	if (stopped && time - atomic_load(&stopped_at) > SAME_SIGNAL)
		ending_signal("interrupted again: not all is written");
	if (!stopped)
		atomic_store(&stopped_at, time);
	interrupted = number == SIGINT;
	stopped = 1;
	ui_stop();
	pipeline_stop(on_signal);
}

/* Async-signal-safe, as isatty() need not be. */
static bool terminal_there(void)
{
	struct termios t;

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (tcgetattr(fd, &t) == 0)
			return true;
	return false;
}

/* Of whoever moved the files away they are begun anew; of a terminal that goes away, as one is used
   to, it ends. */
static void hang_up(int number)
{
	if (files && (!on_terminal || terminal_there()))
		asked_reopen = 1;
	else
		stop(number);
}

static void ask(int number)
{
	if (number == SIGUSR1)
		asked_statistics = 1;
	else
		asked_flush = 1;
}

/* As tcpdump does: a script's background job, where the shell ignores SIGINT, is still ended by
   `kill -INT`; what nohup ignores stays ignored. */
void signals_catch(struct pipeline *p, bool reopens)
{
	struct sigaction was, action;

	files = reopens;
	on_terminal = terminal_there();
	memset(&action, 0, sizeof(action));
	action.sa_handler = stop;
	action.sa_flags = SA_RESTART;
	sigemptyset(&action.sa_mask);
	on_signal = p;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	action.sa_handler = ask;
	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGUSR2, &action, NULL);
	action.sa_handler = hang_up;
	if (sigaction(SIGHUP, NULL, &was) == 0 && was.sa_handler != SIG_IGN)
		sigaction(SIGHUP, &action, NULL);
}

void signals_ignore(void)
{
	static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2};

	for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
		signal(caught[i], SIG_IGN);
}

bool signals_stopped(void)
{
	return stopped;
}

bool signals_interrupted(void)
{
	return interrupted;
}

bool signals_asked(struct signals_asked *a)
{
	if (!(asked_statistics | asked_reopen | asked_flush))
		return false;
	*a = (struct signals_asked){
		.statistics = asked_statistics, .reopen = asked_reopen, .flush = asked_flush};
	/* One that comes from here on is answered the next time. */
	asked_statistics = asked_reopen = asked_flush = 0;
	return true;
}
