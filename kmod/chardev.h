/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LRK_CHARDEV_H
#define LRK_CHARDEV_H

int lrk_chardev_init(void);
void lrk_chardev_exit(void);

#endif /* LRK_CHARDEV_H */
