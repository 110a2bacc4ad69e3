/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Included before all else, and the only file that names kernel versions. Nothing from 6.1 on needs a shim so far.
 * Shims have names of our own, since a distribution's kernel may have what its version does not promise.
 */
#ifndef LRK_COMPAT_H
#define LRK_COMPAT_H

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 10, 0)
#error "lrkproxy needs Linux 5.10 or newer"
#endif

#include <linux/skbuff.h>
#include <net/net_namespace.h>

/* 5.12 made it a number; before, it is made when somebody asks, by a function that modules cannot call. */
static inline u64 lrk_net_cookie(const struct net *net)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 12, 0)
	return net->ns.inum;
#else
	return net->net_cookie;
#endif
}

/* 5.18 made the time stamp of two kinds. */
static inline void lrk_skb_clear_tstamp(struct sk_buff *skb)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 18, 0)
	skb->tstamp = 0;
#else
	skb_clear_tstamp(skb);
#endif
}

#endif /* LRK_COMPAT_H */
