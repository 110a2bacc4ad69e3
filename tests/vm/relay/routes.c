/* Routes, links, addresses and neighbours that change under a flow. */
#include "relay.h"

/* Nobody answers for the address; and then somebody does. */
void waits_for_a_neighbour(void)
{
	union request r = flow(LRK_ADD, A, RELAY_A, RTP_A, RELAY_B, RTP_B, "10.2.0.77", 5004, 5004);

	CHECK(!put1(device, r));
	from_a(5004, 1);
	from_a(5004, 2);
	CHECK(nothing(raw_b, 5004));
	run("/sbin/ip -n B addr add 10.2.0.77/32 dev pB && /sbin/ip neigh flush dev vB");
	from_a(5004, 3);
	CHECK(reaches(raw_b, 5004));
	run("/sbin/ip -n B addr del 10.2.0.77/32 dev pB");
	CHECK(!flush(device));
}

void follows_changes(void)
{
	union request r = flow(LRK_ADD, A, RELAY_A, RTP_A, RELAY_B, RTP_B, "10.9.0.9", 5004, 5004);

	run("/sbin/ip route add 10.9.0.9 via 10.2.0.2 && /sbin/ip -n B addr add 10.9.0.9/32 dev lo && /sbin/ip -n C addr add 10.9.0.9/32 dev lo");
	CHECK(!put1(device, r));
	from_a(5004, 1);
	CHECK(reaches(raw_b, 5004));
	run("/sbin/ip route replace 10.9.0.9 via 10.3.0.2");
	from_a(5004, 2);
	CHECK(reaches(raw_c, 5004) && nothing(raw_b, 5004));
	/* The link goes down: there is no way, so it is left to others; and comes back. */
	run("/sbin/ip link set vC down");
	from_a(5004, 3);
	CHECK(is_left(5004));
	run("/sbin/ip link set vC up && /sbin/ip route add 10.9.0.9 via 10.3.0.2");
	from_a(5004, 4);
	CHECK(reaches(raw_c, 5004));
	/* The neighbour has another card, which is found out; and one that is set by hand. */
	run("/sbin/ip -n C link set pC down && /sbin/ip -n C link set pC address 02:00:00:00:00:77 && /sbin/ip -n C link set pC up");
	run("/sbin/ip neigh flush dev vC");
	from_a(5004, 5);
	CHECK(reaches(raw_c, 5004));
	run("/sbin/ip neigh replace 10.3.0.2 lladdr 02:00:00:00:00:78 dev vC nud permanent");
	from_a(5004, 6);
	CHECK(nothing(raw_c, 5004));
	run("/sbin/ip neigh replace 10.3.0.2 lladdr 02:00:00:00:00:77 dev vC nud permanent");
	from_a(5004, 7);
	CHECK(reaches(raw_c, 5004));
	/* The address goes, and with it the route. */
	run("/sbin/ip addr del 10.3.0.1/24 dev vC");
	from_a(5004, 8);
	CHECK(is_left(5004));
	run("/sbin/ip addr add 10.3.0.1/24 dev vC && /sbin/ip route add 10.9.0.9 via 10.3.0.2");
	from_a(5004, 9);
	CHECK(reaches(raw_c, 5004));
	/* The link is deleted with a flow over it. The kernel says so if somebody holds it. */
	run("/sbin/ip link del vC");
	from_a(5004, 10);
	CHECK(is_left(5004));
	run("/sbin/ip route add 10.9.0.9 via 10.2.0.2");
	from_a(5004, 11);
	CHECK(reaches(raw_b, 5004));
	run("/sbin/ip route add prohibit 10.9.0.9/32 metric 0 2>/dev/null || /sbin/ip route replace prohibit 10.9.0.9/32");
	CHECK(!flush(device));
}
