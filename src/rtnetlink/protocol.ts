/** Numbers of rtnetlink, named as in linux/rtnetlink.h, if_link.h, if_addr.h and neighbour.h. */

export const RTM_NEWLINK = 16;
export const RTM_GETLINK = 18;
export const RTM_GETADDR = 22;
export const RTM_GETROUTE = 26;
export const RTM_GETNEIGH = 30;

export const AF_INET = 2;
export const IFF_LOOPBACK = 8;

export const IFLA_IFNAME = 3;
export const IFLA_MTU = 4;
export const IFLA_MASTER = 10;
export const IFLA_LINKINFO = 18;
export const IFLA_INFO_KIND = 1;
export const IFLA_INFO_DATA = 2;
export const IFLA_BR_NF_CALL_IPTABLES = 36;

export const IFA_LOCAL = 2;

export const RTA_DST = 1;
export const RTA_SRC = 2;
export const RTA_IIF = 3;
export const RTA_OIF = 4;
export const RTA_GATEWAY = 5;
export const RTA_METRICS = 8;
export const RTA_MULTIPATH = 9;
export const RTAX_MTU = 2;
export const RTM_F_LOOKUP_TABLE = 0x1000;
export const RTM_F_FIB_MATCH = 0x2000;

export const NDA_DST = 1;
export const NUD_INCOMPLETE = 0x01;
export const NUD_FAILED = 0x20;

export const RTMGRP_LINK = 0x1;
export const RTMGRP_IPV4_IFADDR = 0x10;
export const RTMGRP_IPV4_ROUTE = 0x40;
export const RTMGRP_IPV4_RULE = 0x80;
