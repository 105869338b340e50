/*
 * http2.c - the same as http.c, to a port of HTTP/2: what frames and header blocks do to its
 * reader.
 */
#define SERVICE_PORT 50051
#include "http.c"
