/*
 * pcapng_write.h - the blocks of a pcapng file that is written (draft-ietf-opsawg-pcapng), in this
 * machine's byte order, times in nanoseconds.
 *
 * Each function writes a block, or its part around a frame's bytes, to a caller's buffer and gives
 * its length.
 */
#ifndef TSUMARI_CAPTURE_PCAPNG_WRITE_H
#define TSUMARI_CAPTURE_PCAPNG_WRITE_H

#include <stddef.h>
#include <stdint.h>

#define NG_WRITE_MAX 256u /* bytes of the largest of them */

size_t ng_write_section(uint8_t *to);
/* name: cut where it is longer than NG_WRITE_NAME; NULL: it has none. */
#define NG_WRITE_NAME 128u
size_t ng_write_interface(uint8_t *to, uint16_t linktype, uint32_t snaplen, const char *name);
/* Before the bytes of a frame and behind them. */
size_t ng_write_packet(uint8_t *to, uint32_t iface, uint64_t time, uint32_t caplen, uint32_t len);
size_t ng_write_packet_end(uint8_t *to, uint32_t caplen);

#endif
