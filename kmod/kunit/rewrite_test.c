// SPDX-License-Identifier: GPL-2.0
/* Checksums and header fields after a rewrite, compared with what a full computation says. */
#include <kunit/test.h>
#include <linux/random.h>
#include <linux/skbuff.h>
#include <net/checksum.h>
#include <net/ip.h>
#include "../rewrite.c"

#define PAYLOAD_MAX 400

static struct iphdr *ip_of(struct sk_buff *skb) { return (struct iphdr *)skb->data; }
static struct udphdr *udp_of(struct sk_buff *skb) { return (struct udphdr *)(ip_of(skb) + 1); }

/* What UDP's checksum has to be. */
static __sum16 full_udp(struct sk_buff *skb)
{
	struct udphdr *udp = udp_of(skb);
	unsigned int len = skb->len - sizeof(struct iphdr);
	__sum16 kept = udp->check, sum;

	udp->check = 0;
	sum = csum_tcpudp_magic(ip_of(skb)->saddr, ip_of(skb)->daddr, len, IPPROTO_UDP, csum_partial(udp, len, 0));
	udp->check = kept;
	return sum ? sum : CSUM_MANGLED_0;
}

static struct sk_buff *new_packet(struct kunit *test, unsigned int payload)
{
	struct sk_buff *skb = alloc_skb(LRK_HEADERS + payload, GFP_KERNEL);
	struct iphdr *ip;

	KUNIT_ASSERT_NOT_NULL(test, skb);
	get_random_bytes(skb_put(skb, LRK_HEADERS + payload), LRK_HEADERS + payload);
	skb_reset_network_header(skb);
	skb_set_transport_header(skb, sizeof(struct iphdr));
	skb->protocol = htons(ETH_P_IP);
	ip = ip_of(skb);
	ip->version = 4;
	ip->ihl = 5;
	ip->tot_len = htons(skb->len);
	ip->frag_off = 0;
	ip->protocol = IPPROTO_UDP;
	ip->ttl = max_t(u8, ip->ttl, 2);
	ip_send_check(ip);
	udp_of(skb)->len = htons(skb->len - sizeof(struct iphdr));
	udp_of(skb)->check = full_udp(skb);
	skb->ip_summed = CHECKSUM_NONE;
	return skb;
}

static struct lrk_leaving random_leaving(const struct sk_buff *skb)
{
	const struct iphdr *ip = (const struct iphdr *)skb->data;
	struct lrk_leaving leaving;

	get_random_bytes(&leaving, sizeof(leaving));
	leaving.flags = 0;
	leaving.tos = (get_random_u32() % 64) << 2;
	leaving.delta = csum_sub(csum_add((__force __wsum)leaving.source_addr, (__force __wsum)leaving.dest_addr),
				 csum_add((__force __wsum)ip->saddr, (__force __wsum)ip->daddr));
	return leaving;
}

static void expect_left(struct kunit *test, struct sk_buff *skb, const struct lrk_leaving *leaving, u8 ttl, u8 tos)
{
	KUNIT_EXPECT_TRUE(test, ip_of(skb)->saddr == leaving->source_addr);
	KUNIT_EXPECT_TRUE(test, ip_of(skb)->daddr == leaving->dest_addr);
	KUNIT_EXPECT_TRUE(test, udp_of(skb)->source == leaving->source_port);
	KUNIT_EXPECT_TRUE(test, udp_of(skb)->dest == leaving->dest_port);
	KUNIT_EXPECT_EQ(test, ip_of(skb)->ttl, ttl - 1);
	KUNIT_EXPECT_EQ(test, ip_of(skb)->tos, tos);
	KUNIT_EXPECT_TRUE(test, !ip_fast_csum(ip_of(skb), 5));
}

static void mends_checksums(struct kunit *test)
{
	struct lrk_leaving leaving;
	struct sk_buff *skb;
	u8 ttl, tos;
	int i;

	for (i = 0; i < 20000; i++) {
		skb = new_packet(test, get_random_u32() % PAYLOAD_MAX);
		leaving = random_leaving(skb);
		ttl = ip_of(skb)->ttl;
		tos = ip_of(skb)->tos;
		if (i % 2) {
			leaving.flags = LRK_FLOW_SET_DSCP;
			tos = (tos & INET_ECN_MASK) | leaving.tos;
		}
		lrk_rewrite(skb, &leaving);
		expect_left(test, skb, &leaving, ttl, tos);
		KUNIT_EXPECT_TRUE(test, udp_of(skb)->check == full_udp(skb));
		kfree_skb(skb);
	}
}

/* RFC 768: a sender that made none; there is none to mend. */
static void leaves_no_checksum(struct kunit *test)
{
	struct sk_buff *skb = new_packet(test, 20);
	struct lrk_leaving leaving = random_leaving(skb);

	udp_of(skb)->check = 0;
	lrk_rewrite(skb, &leaving);
	KUNIT_EXPECT_TRUE(test, !udp_of(skb)->check);
	kfree_skb(skb);
}

/* The last two bytes make the sum after the rewrite 0, which has to be written as 0xffff. */
static void writes_0_as_ffff(struct kunit *test)
{
	struct lrk_leaving leaving;
	struct sk_buff *skb;
	struct iphdr before;
	struct udphdr ports;
	__be16 *last;
	int i;

	for (i = 0; i < 1000; i++) {
		skb = new_packet(test, 20);
		leaving = random_leaving(skb);
		last = (__be16 *)(skb->data + skb->len - sizeof(*last));
		before = *ip_of(skb);
		ports = *udp_of(skb);
		ip_of(skb)->saddr = leaving.source_addr;
		ip_of(skb)->daddr = leaving.dest_addr;
		udp_of(skb)->source = leaving.source_port;
		udp_of(skb)->dest = leaving.dest_port;
		*last = 0;
		*last = (__force __be16)full_udp(skb);
		*ip_of(skb) = before;
		*udp_of(skb) = ports;
		udp_of(skb)->check = full_udp(skb);
		lrk_rewrite(skb, &leaving);
		KUNIT_EXPECT_EQ(test, (__force u16)udp_of(skb)->check, 0xffff);
		kfree_skb(skb);
	}
}

/* The device is to make it: so far it is that of the pseudo-header. */
static void mends_partial_checksums(struct kunit *test)
{
	struct lrk_leaving leaving;
	struct sk_buff *skb;
	unsigned int len;
	int i;

	for (i = 0; i < 5000; i++) {
		skb = new_packet(test, get_random_u32() % PAYLOAD_MAX);
		leaving = random_leaving(skb);
		len = skb->len - sizeof(struct iphdr);
		udp_of(skb)->check = ~csum_tcpudp_magic(ip_of(skb)->saddr, ip_of(skb)->daddr, len, IPPROTO_UDP, 0);
		skb->ip_summed = CHECKSUM_PARTIAL;
		skb->csum_start = skb_transport_header(skb) - skb->head;
		skb->csum_offset = offsetof(struct udphdr, check);
		KUNIT_EXPECT_TRUE(test, lrk_rewrite_fits(skb));
		lrk_rewrite(skb, &leaving);
		KUNIT_EXPECT_TRUE(test, skb->ip_summed == CHECKSUM_PARTIAL);
		KUNIT_EXPECT_EQ(test, skb_checksum_help(skb), 0);
		KUNIT_EXPECT_TRUE(test, udp_of(skb)->check == full_udp(skb));
		kfree_skb(skb);
	}
}

static void refuses_other_partial_checksums(struct kunit *test)
{
	struct sk_buff *skb = new_packet(test, 60);

	KUNIT_EXPECT_TRUE(test, lrk_rewrite_fits(skb));
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = skb_transport_header(skb) - skb->head + 30;
	skb->csum_offset = offsetof(struct udphdr, check);
	KUNIT_EXPECT_FALSE(test, lrk_rewrite_fits(skb));
	skb->csum_start -= 30;
	skb->csum_offset = 16;	/* TCP's */
	KUNIT_EXPECT_FALSE(test, lrk_rewrite_fits(skb));
	kfree_skb(skb);
}

/* A sum over the whole packet, from the device, would no longer be right. */
static void forgets_complete_checksums(struct kunit *test)
{
	struct sk_buff *skb = new_packet(test, 20);
	struct lrk_leaving leaving = random_leaving(skb);

	skb->csum = csum_partial(skb->data, skb->len, 0);
	skb->ip_summed = CHECKSUM_COMPLETE;
	lrk_rewrite(skb, &leaving);
	KUNIT_EXPECT_TRUE(test, skb->ip_summed == CHECKSUM_NONE);
	KUNIT_EXPECT_TRUE(test, udp_of(skb)->check == full_udp(skb));
	kfree_skb(skb);
}

static struct kunit_case rewrite_cases[] = {
	KUNIT_CASE(mends_checksums),
	KUNIT_CASE(leaves_no_checksum),
	KUNIT_CASE(writes_0_as_ffff),
	KUNIT_CASE(mends_partial_checksums),
	KUNIT_CASE(refuses_other_partial_checksums),
	KUNIT_CASE(forgets_complete_checksums),
	{}
};

static struct kunit_suite rewrite_suite = {
	.name = "lrk_rewrite",
	.test_cases = rewrite_cases,
};

kunit_test_suite(rewrite_suite);
