/*
 * rpc.c - what RPC and NFS messages do to their readers, over TCP and UDP, from a client's reserved
 * port to NFS or the port mapper: talk.c says how the input is read.
 */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct fuzz_service service = {2049, 111, 700, true, true};

	return fuzz_talk(&service, data, size);
}
