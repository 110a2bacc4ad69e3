/*
 * Stands in for the JavaScript runtime where a test asks what the launcher does: it says how it was
 * started, a line each, and ends with the status that its last argument names.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

extern char **environ;

static void tell_link(const char *what, const char *link)
{
	char target[4096];
	ssize_t length = readlink(link, target, sizeof(target));

	printf("%s %.*s\n", what, (int)(length < 0 ? 0 : length), target);
}

int main(int argc, char **argv)
{
	printf("pid %d\n", (int)getpid());
	tell_link("exe", "/proc/self/exe");
	tell_link("file3", "/proc/self/fd/3");
	for (int i = 0; i < argc; i++)
		printf("argument %s\n", argv[i]);
	for (char **variable = environ; *variable; variable++)
		printf("variable %s\n", *variable);
	return atoi(argv[argc - 1]);
}
