/* term_known.c - see term.h; apart from the rest, as <term.h> makes macros of everyday words. */
#include "term.h"
#include <curses.h>
#include <term.h>
#include <unistd.h>

bool term_known(const char *name)
{
	int how;

	if (!name || !*name || setupterm(name, STDOUT_FILENO, &how) != OK)
		return false;
	del_curterm(cur_term);
	return true;
}
