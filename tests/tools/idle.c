/*
 * Does nothing until it is killed, whatever its arguments: a process for tests that look at /proc.
 * Static, so that it runs in an empty root.
 */
#include <unistd.h>

int main(void)
{
	for (;;)
		pause();
}
