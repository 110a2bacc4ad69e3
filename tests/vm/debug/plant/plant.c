// SPDX-License-Identifier: GPL-2.0
/* Mistakes made on purpose, to see that the debug kernels complain of them: insmod plant.ko what=NAME. Never shipped. */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

static char *what = "";
module_param(what, charp, 0);

static DEFINE_SPINLOCK(first);
static DEFINE_SPINLOCK(second);
static DEFINE_MUTEX(sleeper);
static LIST_HEAD(readers);

struct plant_entry {
	struct list_head list;
};

static void use_after_free(void)
{
	char *p = kmalloc(100, GFP_KERNEL);

	if (!p)
		return;
	OPTIMIZER_HIDE_VAR(p);
	kfree(p);
	WRITE_ONCE(p[50], 1);
}

static void out_of_bounds(void)
{
	char *p = kmalloc(100, GFP_KERNEL);

	if (!p)
		return;
	OPTIMIZER_HIDE_VAR(p);
	WRITE_ONCE(p[100], 1);
	kfree(p);
}

static void abba(void)
{
	spin_lock(&first);
	spin_lock(&second);
	spin_unlock(&second);
	spin_unlock(&first);
	spin_lock(&second);
	spin_lock(&first);
	spin_unlock(&first);
	spin_unlock(&second);
}

/* The first one is looked for by lockdep; a plain msleep() needs a kernel that counts preemption. */
static void sleep_in_atomic(void)
{
	rcu_read_lock();
	mutex_lock(&sleeper);
	mutex_unlock(&sleeper);
	rcu_read_unlock();
	spin_lock(&first);
	msleep(20);
	spin_unlock(&first);
}

static void rcu_list_unlocked(void)
{
	struct plant_entry *entry;

	list_for_each_entry_rcu(entry, &readers, list)
		pr_info("plant: never here\n");
}

static void leak(void)
{
	void *p = kmalloc(1000, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(p);
}

static int __init plant_init(void)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} plants[] = {
		{ "use-after-free", use_after_free },
		{ "out-of-bounds", out_of_bounds },
		{ "abba", abba },
		{ "sleep-in-atomic", sleep_in_atomic },
		{ "rcu-list", rcu_list_unlocked },
		{ "leak", leak },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(plants); i++) {
		if (strcmp(what, plants[i].name))
			continue;
		plants[i].run();
		return 0;
	}
	return -EINVAL;
}

static void __exit plant_exit(void)
{
}

module_init(plant_init);
module_exit(plant_exit);
MODULE_DESCRIPTION("Mistakes on purpose");
MODULE_LICENSE("GPL");
