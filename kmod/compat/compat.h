/* SPDX-License-Identifier: GPL-2.0 */
/* The only file that names kernel versions. Nothing between 6.1 and 7.2 needs a shim so far. */
#ifndef LRK_COMPAT_H
#define LRK_COMPAT_H

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "lrkproxy needs Linux 6.1 or newer"
#endif

#endif /* LRK_COMPAT_H */
