/* settings.c - see settings.h. */
#include "settings.h"
#include "base/mem.h"
#include "capture/keeper.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void find_path(struct config *c)
{
	const char *base = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	int n = -1;

	if (base && *base == '/')
		n = snprintf(c->path, sizeof(c->path), "%s/tsumari/config", base);
	else if (home && *home == '/')
		n = snprintf(c->path, sizeof(c->path), "%s/.config/tsumari/config", home);
	if (n < 0 || (size_t)n >= sizeof(c->path))
		c->path[0] = '\0';
}

bool config_load(struct config *c, char *err, size_t errsize)
{
	char line[CONFIG_LINE];
	FILE *f;

	memset(c, 0, sizeof(*c));
	find_path(c);
	f = c->path[0] ? fopen(c->path, "re") : NULL;
	if (!f && c->path[0] && errno != ENOENT && errno != ENOTDIR && errno != EACCES) {
		snprintf(err, errsize, "cannot read %s: %s", c->path, strerror(errno));
		return false;
	}
	while (f && c->n < CONFIG_LINES && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		c->line[c->n++] = xstrdup(line);
	}
	if (f)
		fclose(f);
	return true;
}

/* The value in a line "name = value", or NULL where it is another's. */
static const char *value_in(const char *line, const char *name)
{
	size_t n = strlen(name);

	line += strspn(line, " \t");
	if (strncmp(line, name, n) != 0)
		return NULL;
	line += n;
	line += strspn(line, " \t");
	if (*line != '=')
		return NULL;
	line++;
	return line + strspn(line, " \t");
}

const char *config_get(const struct config *c, const char *name, const char *other)
{
	for (unsigned i = 0; i < c->n; i++) {
		const char *v = value_in(c->line[i], name);

		if (v)
			return v;
	}
	return other;
}

bool config_flag(const struct config *c, const char *name, bool other)
{
	const char *v = config_get(c, name, NULL);

	if (!v)
		return other;
	return strcmp(v, "yes") == 0 || strcmp(v, "true") == 0 || strcmp(v, "1") == 0;
}

void config_set(struct config *c, const char *name, const char *value)
{
	char line[CONFIG_LINE];

	snprintf(line, sizeof(line), "%s = %s", name, value);
	for (unsigned i = 0; i < c->n; i++)
		if (value_in(c->line[i], name)) {
			free(c->line[i]);
			c->line[i] = xstrdup(line);
			return;
		}
	if (c->n < CONFIG_LINES)
		c->line[c->n++] = xstrdup(line);
}

bool config_save(const struct config *c, char *err, size_t errsize)
{
	FILE *f;
	bool good;
	int fd;

	if (!c->path[0]) {
		snprintf(err, errsize, "neither XDG_CONFIG_HOME nor HOME says where to");
		return false;
	}
	fd = keeper_settings(c->path);
	f = fd < 0 ? NULL : fdopen(fd, "w");
	if (!f) {
		snprintf(err, errsize, "cannot write %s: %s", c->path, strerror(errno));
		return false;
	}
	for (unsigned i = 0; i < c->n; i++)
		fprintf(f, "%s\n", c->line[i]);
	good = !ferror(f);
	good &= fclose(f) == 0;
	/* What is not whole takes no place. */
	if (good && keeper_settings_done(c->path))
		return true;
	snprintf(err, errsize, "cannot write %s: %s", c->path, strerror(errno));
	return false;
}

void config_release(struct config *c)
{
	for (unsigned i = 0; i < c->n; i++)
		free(c->line[i]);
	c->n = 0;
}
