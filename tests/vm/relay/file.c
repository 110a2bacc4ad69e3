/* The device's file: its greeting, who may open it, and what closing it leaves. */
#include "relay.h"
#include <sys/stat.h>
#include <sys/wait.h>

void hello(void)
{
	union answer a = plain(device, LRK_HELLO, LRK_ABI_VERSION);
	union request r = { .header = { LRK_HELLO, 0, 3 } };

	CHECK(a.header.type == LRK_ANSWER_HELLO && a.header.seq == 9 && a.hello.version == LRK_ABI_VERSION);
	CHECK(a.hello.max_flows == 400000 && a.hello.flows == 0 && a.hello.net_cookie);
	r.plain.value = LRK_ABI_VERSION + 1;
	CHECK(refused(r, EPROTO, LRK_REASON_VERSION, offsetof(struct lrk_plain_request, value)));
}

void outlives_the_file(void)
{
	CHECK(!put1(device, a_to_b(LRK_ADD, 5004)));
	close(device);
	from_a(5004, 1);
	CHECK(reaches_b());
	device = open(DEVICE, O_RDWR);
	CHECK(ask(device, flow_request(LRK_GET, A, RELAY_A, RTP_A)).flow.packets == 1);
	CHECK(!flush(device));
}

void needs_the_capability(void)
{
	int status, child;

	chmod(DEVICE, 0666);
	child = fork();
	if (!child) {
		if (setresuid(65534, 65534, 65534))
			_exit(2);
		_exit(open(DEVICE, O_RDWR) == -1 && errno == EPERM ? 0 : 1);
	}
	waitpid(child, &status, 0);
	CHECK(status == 0);
	chmod(DEVICE, 0600);
}
