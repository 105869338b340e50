/*
 * keeper.h - the files of a live view, opened by a process of their own: what draws and dissects
 * must not open files to be written (confine.h), and may have become nobody.
 *
 * The keeper makes files that are not there yet, and none whose name, or a folder's on the way,
 * begins with a dot, as those of programs' settings do; and it writes the one file of the live
 * view's own settings. Whoever has taken over the program can ask for no more than that. Where no
 * keeper was started the same is done by who asks.
 */
#ifndef TSUMARI_CAPTURE_KEEPER_H
#define TSUMARI_CAPTURE_KEEPER_H

#include <stdbool.h>

struct inputs;

/*
 * Starts the keeper, before threads are started and before rights are given up. settings: the file
 * of the settings; "": there is none. The keeper calls give_up(arg) before its first request, and
 * serves none if that answers false. It ends with this process. False: errno.
 */
bool keeper_start(const char *settings, const struct inputs *inputs,
	bool (*give_up)(const void *arg), const void *arg);

/* The descriptor of a new file; -1: errno. */
int keeper_new(const char *path);
/* Is there a file of that name? */
bool keeper_finds(const char *path);
/* That of a capture, to be read. */
int keeper_capture(const char *path);
/* That of a file that is to take the settings' place, which it does with keeper_settings_done(). */
int keeper_settings(const char *path);
bool keeper_settings_done(const char *path); /* false: errno */

#endif
