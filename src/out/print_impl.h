/* print_impl.h - between print.c and print_bytes.c only. */
#ifndef TSUMARI_OUT_PRINT_IMPL_H
#define TSUMARI_OUT_PRINT_IMPL_H

#include "out/print.h"

/* Bytes of the link header, with VLAN tags; 0 where there is none, or it is not known. */
uint32_t print_link_header(const struct packet *frame);
/* -x, -X, -A: the bytes of a frame, behind its line. */
void print_bytes(FILE *to, const struct print_style *style, const struct packet *frame);

#endif
