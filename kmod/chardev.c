// SPDX-License-Identifier: GPL-2.0
/* /dev/lrkproxy: copies requests in and answers out. uapi/lrkproxy.h says what they are. */
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/nsproxy.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include <net/net_namespace.h>
#include "batch.h"
#include "chardev.h"
#include "events.h"

/**
 * struct lrk_file - an open /dev/lrkproxy
 * @net: the network namespace that it speaks of; a reference
 * @mutex: one write or read at a time
 * @answers: to the last write, or NULL. Under @mutex
 * @count: how many. Under @mutex
 * @taken: how many have been read. Under @mutex, but poll looks too
 * @listener: events
 * @wait: who reads or polls
 */
struct lrk_file {
	struct net *net;
	struct mutex mutex;	/* one write or read at a time */
	union lrk_answer *answers;
	u32 count;
	u32 taken;
	struct lrk_listener listener;
	wait_queue_head_t wait;
};

static int lrk_open(struct inode *inode, struct file *filp)
{
	struct net *net = current->nsproxy->net_ns;
	struct lrk_file *file;

	if (!ns_capable(net->user_ns, CAP_NET_ADMIN))
		return -EPERM;
	file = kzalloc(sizeof(*file), GFP_KERNEL_ACCOUNT);
	if (!file)
		return -ENOMEM;
	file->net = get_net(net);
	mutex_init(&file->mutex);
	init_waitqueue_head(&file->wait);
	lrk_listener_init(&file->listener, &file->wait);
	filp->private_data = file;
	return nonseekable_open(inode, filp);
}

static int lrk_release(struct inode *inode, struct file *filp)
{
	struct lrk_file *file = filp->private_data;

	lrk_events_leave(lrk_net(file->net), &file->listener);
	put_net(file->net);
	kvfree(file->answers);
	kfree(file);
	return 0;
}

static void lrk_set_answers(struct lrk_file *file, union lrk_answer *answers, u32 count)
{
	lockdep_assert_held(&file->mutex);
	kvfree(file->answers);
	file->answers = answers;
	WRITE_ONCE(file->taken, 0);
	WRITE_ONCE(file->count, count);
	if (count)
		wake_up_interruptible_poll(&file->wait, EPOLLIN | EPOLLRDNORM);
}

/* Without memory for it, errno has to do. */
static void lrk_explain(struct lrk_file *file, const struct lrk_batch *batch)
{
	union lrk_answer *answer = kvzalloc(sizeof(*answer), GFP_KERNEL_ACCOUNT);

	if (!answer)
		return;
	answer->header.type = LRK_ANSWER_ERROR;
	if (batch->failed < batch->count)
		answer->header.seq = batch->requests[batch->failed].header.seq;
	answer->error.index = batch->failed;
	answer->error.error = -batch->fault.error;
	answer->error.reason = batch->fault.reason;
	answer->error.offset = batch->fault.offset;
	lrk_set_answers(file, answer, 1);
}

static int lrk_run(struct lrk_file *file, struct lrk_batch *batch)
{
	u32 answers;
	int err;

	err = lrk_batch_check(batch, &answers);
	if (err)
		return err;
	batch->fault = (struct lrk_fault) { -ENOMEM, LRK_REASON_MEMORY, 0 };
	if (batch->requests[0].header.type == LRK_SUBSCRIBE)
		return lrk_events_join(batch->ln, &file->listener);
	if (answers) {
		batch->answers = kvcalloc(answers, sizeof(*batch->answers), GFP_KERNEL_ACCOUNT);
		if (!batch->answers)
			return -ENOMEM;
	}
	err = lrk_batch_run(batch);
	if (err)
		kvfree(batch->answers);
	else
		lrk_set_answers(file, batch->answers, batch->answered);
	return err;
}

static ssize_t lrk_write_requests(struct lrk_file *file, const char __user *buffer, u32 count)
{
	struct lrk_batch batch = { .ln = lrk_net(file->net), .count = count };
	size_t size = (size_t)count * sizeof(*batch.requests);
	void *requests = kvmalloc(size, GFP_KERNEL_ACCOUNT);
	int err;

	if (!requests)
		return -ENOMEM;
	err = -EFAULT;
	if (copy_from_user(requests, buffer, size))
		goto out;
	batch.requests = requests;
	err = lrk_run(file, &batch);
	if (err)
		lrk_explain(file, &batch);
out:
	kvfree(requests);
	return err ? err : size;
}

static ssize_t lrk_write(struct file *filp, const char __user *buffer, size_t size, loff_t *pos)
{
	const struct lrk_batch misfit = { .fault = { -EINVAL, LRK_REASON_SIZE, 0 } };
	struct lrk_file *file = filp->private_data;
	ssize_t done;

	BUILD_BUG_ON(sizeof(union lrk_request) != LRK_REQUEST_SIZE);
	mutex_lock(&file->mutex);
	lrk_set_answers(file, NULL, 0);
	if (size && size % LRK_REQUEST_SIZE == 0) {
		done = lrk_write_requests(file, buffer,
					  min_t(size_t, size / LRK_REQUEST_SIZE, LRK_BATCH_MAX));
	} else {
		lrk_explain(file, &misfit);
		done = misfit.fault.error;
	}
	mutex_unlock(&file->mutex);
	return done;
}

static ssize_t lrk_read_answers(struct lrk_file *file, char __user *buffer, size_t room)
{
	u32 count = min_t(size_t, file->count - file->taken, room);
	size_t size = (size_t)count * sizeof(*file->answers);

	if (!count)
		return 0;
	if (copy_to_user(buffer, file->answers + file->taken, size))
		return -EFAULT;
	WRITE_ONCE(file->taken, file->taken + count);
	return size;
}

static ssize_t lrk_read_events(struct lrk_file *file, char __user *buffer, size_t room)
{
	struct lrk_flow_answer event;
	size_t done = 0;

	for (; room && lrk_events_peek(&file->listener, &event); room--) {
		if (copy_to_user(buffer + done, &event, sizeof(event)))
			return done ? done : -EFAULT;
		lrk_events_drop(&file->listener, &event);
		done += sizeof(event);
	}
	return done;
}

static ssize_t lrk_read_some(struct lrk_file *file, char __user *buffer, size_t room)
{
	ssize_t done;

	mutex_lock(&file->mutex);
	done = lrk_read_answers(file, buffer, room);
	if (!done)
		done = lrk_read_events(file, buffer, room);
	mutex_unlock(&file->mutex);
	return done;
}

static bool lrk_readable(struct lrk_file *file)
{
	return READ_ONCE(file->taken) < READ_ONCE(file->count) || lrk_events_waiting(&file->listener);
}

static ssize_t lrk_read(struct file *filp, char __user *buffer, size_t size, loff_t *pos)
{
	size_t room = min_t(size_t, size, MAX_RW_COUNT) / LRK_ANSWER_SIZE;
	struct lrk_file *file = filp->private_data;
	ssize_t done;

	BUILD_BUG_ON(sizeof(union lrk_answer) != LRK_ANSWER_SIZE);
	if (!room)
		return -EINVAL;
	for (;;) {
		done = lrk_read_some(file, buffer, room);
		if (done)
			return done;
		if (filp->f_flags & O_NONBLOCK)
			return -EAGAIN;
		if (wait_event_interruptible(file->wait, lrk_readable(file)))
			return -ERESTARTSYS;
	}
}

static __poll_t lrk_poll(struct file *filp, poll_table *table)
{
	struct lrk_file *file = filp->private_data;
	__poll_t events = EPOLLOUT | EPOLLWRNORM;

	poll_wait(filp, &file->wait, table);
	return lrk_readable(file) ? events | EPOLLIN | EPOLLRDNORM : events;
}

static const struct file_operations lrk_fops = {
	.owner = THIS_MODULE,
	.open = lrk_open,
	.release = lrk_release,
	.write = lrk_write,
	.read = lrk_read,
	.poll = lrk_poll,
};

static struct miscdevice lrk_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "lrkproxy",
	.mode = 0600,
	.fops = &lrk_fops,
};

/**
 * lrk_chardev_init() - make /dev/lrkproxy
 *
 * Return: 0 or -errno.
 */
int __init lrk_chardev_init(void)
{
	return misc_register(&lrk_device);
}

/**
 * lrk_chardev_exit() - take /dev/lrkproxy away; no file of it is open
 */
void lrk_chardev_exit(void)
{
	misc_deregister(&lrk_device);
}
