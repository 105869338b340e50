/*
 * message.c - what is said to the user (message.h).
 */
#include "base/message.h"
#include "base/text.h"
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

void message(const char *format, ...)
{
	char raw[2048], safe[8192];
	struct text t;
	va_list ap;

	va_start(ap, format);
	vsnprintf(raw, sizeof(raw), format, ap);
	va_end(ap);
	text_init(&t, safe, sizeof(safe));
	text_escape(&t, raw, strlen(raw), SIZE_MAX);
	fprintf(stderr, "tsumari: %s\n", safe);
}
