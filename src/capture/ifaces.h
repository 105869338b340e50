/*
 * ifaces.h - the interfaces of capture files: numbers from 0, one for each name and link type,
 * which keep their meaning from section to section and from file to file.
 *
 * The reader's thread adds; names may be asked for on others.
 */
#ifndef TSUMARI_CAPTURE_IFACES_H
#define TSUMARI_CAPTURE_IFACES_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define IFACES_MAX     4096u /* that are told apart; the last number stands for all others */
#define IFACE_NAME_MAX 128u  /* bytes */

struct iface;

struct ifaces {
	_Atomic(struct iface *) *list; /* IFACES_MAX of them */
	_Atomic uint32_t n;
	uint16_t *slots; /* 1 + a place in the list, by a hash of what is there; 0: empty */
};

void ifaces_init(struct ifaces *t);
void ifaces_release(struct ifaces *t);

/* Its number; name: n bytes, up to the first zero one, cut where it is longer; none: it has no
 * name. */
uint16_t ifaces_number(struct ifaces *t, uint16_t linktype, const char *name, size_t n);

/* NULL, or -1, where there is none of that number or it is not known. */
const char *ifaces_name(const struct ifaces *t, unsigned number);
int ifaces_linktype(const struct ifaces *t, unsigned number);

#endif
