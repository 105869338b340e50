/* json_path.h - members of what json-c has read, for tests. */
#ifndef TSUMARI_TESTS_JSON_PATH_H
#define TSUMARI_TESTS_JSON_PATH_H

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

/* The member at a dotted path, or NULL. */
static inline struct json_object *json_at(struct json_object *o, const char *path)
{
	char word[256];
	const char *dot;

	while ((dot = strchr(path, '.'))) {
		snprintf(word, sizeof(word), "%.*s", (int)(dot - path), path);
		if (!json_object_object_get_ex(o, word, &o))
			return NULL;
		path = dot + 1;
	}
	return json_object_object_get_ex(o, path, &o) ? o : NULL;
}

#endif
