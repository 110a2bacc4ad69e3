/*
 * Writes the headers of one frame and passes it on. Run by BPF_PROG_TEST_RUN
 * in live-frame mode, which hands the frames to the stack in batches, as the
 * driver of the relay's network card would.
 */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "frames.h"
#include "inject.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct injection);
} injections SEC(".maps");

static __always_inline __u16 checksum(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return bpf_htons(~sum);
}

static __always_inline void address(struct frame_headers *h, const struct flow *f,
				    __u32 payload_sum)
{
	__u32 addresses = (f->from.ip >> 16) + (f->from.ip & 0xffff) +
			  (f->to.ip >> 16) + (f->to.ip & 0xffff);

	h->from_ip = bpf_htonl(f->from.ip);
	h->to_ip = bpf_htonl(f->to.ip);
	h->ip_checksum = checksum(0x4500 + IP_BYTES + 0x4000 + 0x4011 + addresses);
	h->from_port = bpf_htons(f->from.port);
	h->to_port = bpf_htons(f->to.port);
	h->udp_checksum = checksum(addresses + 17 + 2 * UDP_BYTES + f->from.port +
				   f->to.port + payload_sum);
}

static __always_inline int inject(struct xdp_md *ctx, enum side side)
{
	struct frame_headers *h = (void *)(long)ctx->data;
	__u32 index = side;
	struct injection *in = bpf_map_lookup_elem(&injections, &index);
	struct flow f;

	if (!in || (void *)(h + 1) > (void *)(long)ctx->data_end)
		return XDP_DROP;

	f = in->direct ? direct_flow(side, in->next) : sent_flow(side, in->next);
	f.from.port += in->port_offset;
	f.to.port += in->port_offset;
	in->next += in->stride;
	if (in->next >= in->sessions)
		in->next -= in->sessions;

	/*
	 * Pages are recycled with what the relay made of them: everything the
	 * relay may have changed is written again.
	 */
	h->to_mac[0] = 2;
	h->to_mac[1] = h->to_mac[2] = h->to_mac[3] = 0;
	h->to_mac[4] = side == SIDE_A ? 0x0a : 0x0b;
	h->to_mac[5] = 1;
	h->ether_type = bpf_htons(0x0800);
	h->version_ihl = 0x45;
	h->tos = 0;
	h->ip_length = bpf_htons(IP_BYTES);
	h->ip_id = 0;
	h->fragment = bpf_htons(0x4000);
	h->ttl = 64;
	h->protocol = 17;
	h->udp_length = bpf_htons(UDP_BYTES);
	address(h, &f, in->payload_sum);
	return XDP_PASS;
}

SEC("xdp") int inject_a(struct xdp_md *ctx)
{
	return inject(ctx, SIDE_A);
}

SEC("xdp") int inject_b(struct xdp_md *ctx)
{
	return inject(ctx, SIDE_B);
}

char _license[] SEC("license") = "GPL";
