/*
 * usage.c - the text of --help. The man page tells more.
 */
#include "run/options.h"

static const char text[] =
	"Usage: tsumari [options] [-r FILE | -i INTERFACE] [filter expression]\n"
	"\n"
	"Where frames come from\n"
	"  -r FILE              read a capture: pcap, pcapng, either compressed by gzip; - is\n"
	"                       the standard input\n"
	"  -i INTERFACE         listen to an interface (again for several), \"any\" for all\n"
	"  -D, -L               list interfaces; list an interface's link types\n"
	"  -F FILE              read the filter expression from a file\n"
	"  -c N                 stop after N frames\n"
	"  --duration TIME      stop after so much time (10s, 5m)\n"
	"  -s N                 take at most N bytes of each frame\n"
	"  -B KIB, -p, -y TYPE  kernel buffer; not promiscuous; link type\n"
	"\n"
	"What comes out\n"
	"  --json, --json-flat  records as JSON, an object a line (the default unless the\n"
	"                       output is a terminal); with dotted keys\n"
	"  --report             a report at the end (the default on a terminal)\n"
	"  --types LIST         records of these types only (flow,http)\n"
	"  -Y FILTER            records that fit a display filter only\n"
	"  --mask-mail          mail addresses without their local part, no subjects\n"
	"  -o FILE              write to a file instead of the standard output\n"
	"  -l                   write each record at once\n"
	"  -n                   numbers instead of service names in the report\n"
	"  -w FILE              write the frames to a pcap file; - is the standard output\n"
	"  -C MB, -G S, -W N    start a new file by size or time; how many files\n"
	"  -U                   write each frame at once\n"
	"  --print              analyse as well while writing\n"
	"\n"
	"How it is analysed\n"
	"  -d tcp/PORT=NAME     read a port's connections as this protocol (or \"none\")\n"
	"  --plugin FILE.so     load a dissector\n"
	"  -j N                 worker threads; 0: none\n"
	"  --memory SIZE        budget for flows and streams (512M)\n"
	"  --flow-interval TIME interim records of long flows (0: none)\n"
	"  --timeout-syn, --timeout-tcp, --timeout-closed, --timeout-udp TIME\n"
	"  --ignore-vlan        the VLAN is not part of a flow\n"
	"  --literal            statements as they were sent, not with ? for each literal\n"
	"\n"
	"  -Z USER              become this user once everything is open\n"
	"  --list-protocols, --fields, --version, -h, --help\n"
	"\n"
	"Long names: --read (-r), --interface (-i), --list-interfaces (-D),\n"
	"--list-data-link-types (-L), --filter-file (-F), --count (-c), --snapshot-length (-s),\n"
	"--buffer-size (-B), --no-promiscuous-mode (-p), --linktype (-y),\n"
	"--display-filter (-Y), --output (-o), --line-buffered (-l), --numeric (-n),\n"
	"--write (-w), --packet-buffered (-U), --decode-as (-d), --jobs (-j),\n"
	"--relinquish-privileges (-Z)\n";

void options_usage(FILE *f)
{
	fputs(text, f);
}
