/* Network namespaces that come and go with flows in them. */
#include "relay.h"
#include <signal.h>
#include <sys/wait.h>

/* What N gets it sends back, until it goes. */
static void flood_n(void)
{
	struct packet p = { .sport = 5004, .dport = RTP_A, .from = "10.4.0.1", .to = "10.4.0.2" };
	int fd = raw_socket("relay"), n, i;
	struct sockaddr_in to = { .sin_family = AF_INET };
	uint8_t b[2048];

	for (i = 0;; i++) {
		p.seq = i;
		n = build(b, &p);
		memcpy(&to.sin_addr, b + 16, 4);
		sendto(fd, b, n, 0, (void *)&to, sizeof(to));
	}
}

void namespaces_go_under_traffic(void)
{
	union request r = flow(LRK_ADD, "10.4.0.1", "10.4.0.2", RTP_A, "10.4.0.2", RTP_B, "10.4.0.1", 5004, 5004);
	int i, j, child, saved = device;

	for (i = 0; i < 5; i++) {
		run("/sbin/ip netns add N && /sbin/ip link add vN type veth peer name pN netns N");
		run("/sbin/ip addr add 10.4.0.1/24 dev vN && /sbin/ip link set vN up");
		run("/sbin/ip -n N addr add 10.4.0.2/24 dev pN && /sbin/ip -n N link set pN up");
		enter("N");
		device = open(DEVICE, O_RDWR);
		enter("relay");
		CHECK(device >= 0 && !put1(device, r));
		child = fork();
		if (!child) {
			close(device);
			flood_n();
		}
		for (j = 0; j < 1000 && count(LRK_RELAYED) < 100; j++)
			usleep(10000);
		CHECK(count(LRK_RELAYED) >= 100);
		close(device);
		device = saved;
		run("/sbin/ip netns del N");
		for (j = 0; j < 1000 && plain(device, LRK_HELLO, LRK_ABI_VERSION).hello.flows; j++)
			usleep(10000);
		CHECK(plain(device, LRK_HELLO, LRK_ABI_VERSION).hello.flows == 0);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
}

/* Namespaces see their own flows alone, and may go with flows in them. */
void lives_in_namespaces(void)
{
	union answer a;
	int i, saved = device;

	CHECK(!put1(device, a_to_b(LRK_ADD, 5004)));
	for (i = 0; i < 10; i++) {
		run("/sbin/ip netns add N");
		enter("N");
		device = open(DEVICE, O_RDWR);
		CHECK(device >= 0 && plain(device, LRK_STATS, 0).stats.flows == 0);
		CHECK(!put1(device, a_to_b(LRK_ADD, 5004)) && !put1(device, b_to_a(LRK_ADD, 5004)));
		close(device);
		enter("relay");
		device = saved;
		run("/sbin/ip netns del N");
	}
	from_a(5004, 1);
	CHECK(reaches_b());
	CHECK(!flush(device));
	/* Namespaces are taken down a little later. */
	for (i = 0; i < 500; i++) {
		a = plain(device, LRK_HELLO, LRK_ABI_VERSION);
		if (!a.hello.flows)
			break;
		usleep(10000);
	}
	CHECK(a.hello.flows == 0);
}
