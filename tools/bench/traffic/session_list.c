/*
 * session_list FIRST COUNT: the sessions of frames.h as text, one a line:
 *
 *   src_ip src_port snat_ip snat_port dst_ip dst_port dnat_ip dnat_port
 *
 * for whoever writes requests or rules about them.
 */
#include <stdio.h>
#include <stdlib.h>
#include "frames.h"

static void print(struct endpoint e, char end)
{
	printf("%u.%u.%u.%u %u%c", e.ip >> 24, e.ip >> 16 & 255, e.ip >> 8 & 255, e.ip & 255,
	       e.port, end);
}

int main(int argc, char **argv)
{
	unsigned int first, count;

	if (argc != 3)
		return 2;
	first = strtoul(argv[1], NULL, 10);
	count = strtoul(argv[2], NULL, 10);
	for (unsigned int i = first; i < first + count; i++) {
		print(phone(SIDE_A, i), ' ');
		print(relay(SIDE_A, i), ' ');
		print(relay(SIDE_B, i), ' ');
		print(phone(SIDE_B, i), '\n');
	}
	return 0;
}
