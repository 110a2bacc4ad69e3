/** Numbers of netlink itself and of nfnetlink's messages, named as in linux/netlink.h and nfnetlink.h. */

export const NLM_F_REQUEST = 0x1;
export const NLM_F_ACK = 0x4;
export const NLM_F_DUMP = 0x300;
export const NLM_F_CREATE = 0x400;
export const NLM_F_EXCL = 0x200;
export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
export const NLM_F_DUMP_INTR = 0x10;

export const NLMSG_HEADER_BYTES = 16;
export const NFNL_SUBSYS_NFTABLES = 10;
export const NFNL_MSG_BATCH_BEGIN = 0x10;
export const NFNL_MSG_BATCH_END = 0x11;
export const NFPROTO_IPV4 = 2;
/** struct nfgenmsg: family, version, resource. */
export const NFGENMSG_BYTES = 4;

export const NETLINK_ROUTE = 0;
export const NETLINK_NETFILTER = 12;

export const ENOENT = 2;
