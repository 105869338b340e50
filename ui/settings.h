/*
 * settings.h - the user's settings: $XDG_CONFIG_HOME/tsumari/config, or ~/.config/tsumari/config.
 *
 * Lines of "name = value"; # begins a comment. Names: theme, ascii, mouse, freeze, and for each
 * screen columns.SCREEN (names of fields) and sort.SCREEN ("-name": the greatest first). What the
 * program does not know is kept when it writes the file.
 */
#ifndef TSUMARI_UI_SETTINGS_H
#define TSUMARI_UI_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#define CONFIG_LINES 128u
#define CONFIG_LINE  1024u

struct config {
	char path[512]; /* "": there is no place for it */
	unsigned n;
	char *line[CONFIG_LINES]; /* as in the file, without line feeds */
};

/* Reads the file; one that is not there is empty. False, with a line in err: it cannot be read. */
bool config_load(struct config *c, char *err, size_t errsize);
/* The value of a name; `other` where it is not set. Good until the next config_set(). */
const char *config_get(const struct config *c, const char *name, const char *other);
bool config_flag(const struct config *c, const char *name, bool other); /* yes, no */
void config_set(struct config *c, const char *name, const char *value);
bool config_save(const struct config *c, char *err, size_t errsize);
void config_release(struct config *c);

#endif
