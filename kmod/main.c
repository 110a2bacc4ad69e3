// SPDX-License-Identifier: GPL-2.0
/* Beginning and end of the module, in mirror order. */
#include <linux/init.h>
#include <linux/module.h>
#include "ahead.h"
#include "chardev.h"
#include "flow.h"
#include "hook.h"

static int __init lrk_init(void)
{
	int err;

	err = lrk_flow_init();
	if (err)
		return err;
	err = lrk_hook_init();
	if (err)
		goto err_flow;
	err = lrk_ahead_init();
	if (err)
		goto err_hook;
	err = lrk_chardev_init();
	if (err)
		goto err_ahead;
	return 0;

err_ahead:
	lrk_ahead_exit();
err_hook:
	lrk_hook_exit();
err_flow:
	lrk_flow_exit();
	return err;
}

/* No file is open any more: an open one holds the module. */
static void __exit lrk_exit(void)
{
	lrk_chardev_exit();
	lrk_ahead_exit();
	lrk_hook_exit();
	lrk_flow_exit();
}

module_init(lrk_init);
module_exit(lrk_exit);
MODULE_DESCRIPTION("RTP relay of lrkproxy");
MODULE_LICENSE("GPL");
MODULE_VERSION("1");
