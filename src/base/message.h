/*
 * message.h - what is said to the user: one line each on stderr.
 */
#ifndef TSUMARI_BASE_MESSAGE_H
#define TSUMARI_BASE_MESSAGE_H

/* "tsumari: ..."; bytes that a terminal could act on are shown by their numbers. */
void message(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
