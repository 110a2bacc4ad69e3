/*
 * Runs in the test machine, in the relay's network namespace, and tests the module from outside: by
 * its device, and by packets that namespaces A, B and C send and receive. Prints `ok` or FAIL for
 * each test.
 */
#include "relay.h"
#include <sys/io.h>
#include <sys/reboot.h>
#include <termios.h>

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	{ "hello", hello },
	{ "relays both directions", relays },
	{ "keeps a checksum of 0", keeps_no_checksum },
	{ "mends a checksum that is left to hardware", mends_partial_checksum },
	{ "sets DSCP", sets_dscp },
	{ "learns, locks, opens again", learns },
	{ "leaves strangers to others if it is told to", passes_strangers },
	{ "holds", holds },
	{ "relays RTCP", relays_rtcp },
	{ "admits by version and rate", admits },
	{ "measures jitter", measures_jitter },
	{ "leaves the unusual alone", leaves_the_unusual },
	{ "leaves what is aggregated alone", leaves_the_aggregated },
	{ "leaves a VRF alone", leaves_a_vrf },
	{ "obeys IPsec policies", obeys_ipsec },
	{ "waits for a neighbour", waits_for_a_neighbour },
	{ "follows route, link, neighbour and address changes", follows_changes },
	{ "refuses with a precise error, and nothing half-applied", refuses },
	{ "takes many", takes_many },
	{ "tells which flows have moved", tells_what_has_moved },
	{ "counts, and deletes with a last count", counts },
	{ "looks packets up ahead", looks_ahead },
	{ "flows outlive the file", outlives_the_file },
	{ "flows expire", expires },
	{ "tells of lost events", tells_of_lost_events },
	{ "survives a killed writer", survives_a_killed_writer },
	{ "keeps flows over max_flows", keeps_flows_over_max_flows },
	{ "needs CAP_NET_ADMIN", needs_the_capability },
	{ "lives in namespaces", lives_in_namespaces },
	{ "namespaces go under traffic", namespaces_go_under_traffic },
	{ "withstands noise", withstands_noise },
	{ "withstands churn", withstands_churn },
	{ "unloads under traffic", unloads_under_traffic },
};

int main(int argc, char **argv)
{
	unsigned int i;
	int before;

	if (argc == 3 && !strcmp(argv[1], "exit")) {
		/* What was printed last may still be on its way to the serial line. */
		tcdrain(STDOUT_FILENO);
		/* QEMU has a port for it, and is gone then; user-mode Linux ends when it is switched off. */
		if (!ioperm(0xf4, 1, 1))
			outb(atoi(argv[2]), 0xf4);
		reboot(RB_POWER_OFF);
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	set_up();
	for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		before = failures;
		test = tests[i].name;
		tests[i].run();
		if (failures == before)
			printf("ok %s\n", test);
	}
	return failures != 0;
}
