/*
 * keeper.c - unit tests of src/capture/keeper.c: which files are made, by a process of its own and
 * without one, and that this process ends with the one that asked.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "run/confine.h"
#include "capture/inputs.h"
#include "capture/keeper.h"
#include "run/privileges.h"

static char dir[64]; /* of this test, and where it runs */

static int set_up(void **state)
{
	(void)state;
	memcpy(dir, "/tmp/tsumari-keeper-XXXXXX", sizeof("/tmp/tsumari-keeper-XXXXXX"));
	return mkdtemp(dir) && chdir(dir) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

static void holds(const char *path, const char *what)
{
	char text[64] = "";
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	assert_non_null(fgets(text, sizeof(text), f));
	assert_string_equal(text, what);
	fclose(f);
}

static void refused(const char *path, int why)
{
	errno = 0;
	assert_int_equal(keeper_new(path), -1);
	assert_int_equal(errno, why);
}

static void made(const char *path)
{
	int fd = keeper_new(path);

	assert_true(fd > STDERR_FILENO);
	assert_int_equal(write(fd, "new", 3), 3);
	assert_int_equal(close(fd), 0);
	holds(path, "new");
	refused(path, EEXIST);
}

/* Those that are not there, in any folder, but no hidden ones. */
static void new_files(void)
{
	char path[128], long_path[5000];

	made("plain");
	made("./dot");
	assert_int_equal(mkdir("in", 0700), 0);
	made("in/../in/x.pcap");
	snprintf(path, sizeof(path), "%s//in//absolute", dir);
	made(path);
	assert_int_equal(symlink("nothing", "link"), 0);
	refused("link", EEXIST);
	refused("in", EEXIST);
	refused("none/x", ENOENT);
	refused(".profile", EACCES);
	refused("in/.hidden", EACCES);
	refused("./in/../.ssh/rc", EACCES);
	refused("...", EACCES);
	assert_int_equal(mkdir(".folder", 0700), 0);
	refused(".folder/x", EACCES);
	memset(long_path, 'x', sizeof(long_path));
	long_path[sizeof(long_path) - 1] = '\0';
	refused(long_path, ENAMETOOLONG);
}

static void write_settings(const char *path, const char *text)
{
	int fd = keeper_settings(path);

	assert_true(fd > STDERR_FILENO);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	assert_true(keeper_settings_done(path));
}

static void empty(void)
{
	assert_int_equal(system("rm -rf -- given others in link plain dot .folder config"), 0);
}

/* Captures that this user cannot read any more. */
static void given_again(void)
{
	int fd;

	fd = keeper_new("given");
	assert_true(fd > STDERR_FILENO);
	assert_int_equal(write(fd, "frames", 6), 6);
	close(fd);
	fd = keeper_new("others");
	close(fd);
	assert_int_equal(chmod("given", 0600), 0);
	assert_int_equal(chmod("others", 0600), 0);
	if (geteuid() == 0)
		assert_int_equal(setresuid(65534, 65534, 65534), 0);
	fd = keeper_capture("given");
	assert_true(fd > STDERR_FILENO);
	close(fd);
	assert_true(keeper_finds("others"));
	assert_false(keeper_finds("none"));
	assert_int_equal(keeper_capture("none"), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(keeper_capture("/etc/shadow"), -1);
	assert_int_equal(errno, EACCES);
}

static void without(void **state)
{
	(void)state;
	new_files();
	write_settings("config/tsumari/config", "a = b\n");
	holds("config/tsumari/config", "a = b\n");
	empty();
}

static bool gives_up(const void *rights)
{
	char err[256];

	if (!privileges_drop(rights, err, sizeof(err)))
		return false;
	confine_keeper();
	return true;
}

static void with(void **state)
{
	struct input list[] = {{.path = "none"}, {.path = "given"}};
	struct inputs inputs = {.list = list, .n = 2};
	struct privileges rights = {.user = "root"};
	int status, alive[2];
	char byte;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(alive), 0);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		close(alive[0]);
		if (!keeper_start("config/tsumari/config", &inputs, gives_up, &rights))
			_exit(1);
		new_files();
		write_settings("config/tsumari/config", "c = d\n");
		given_again();
		/* Whatever is asked for, it is this one that is written. */
		write_settings("other", "e = f\n");
		_exit(0);
	}
	close(alive[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	/* The keeper itself. */
	assert_true(waitpid(-1, &status, 0) > 0);
	assert_int_equal(status, 0);
	holds("config/tsumari/config", "e = f\n");
	assert_int_not_equal(access("other", F_OK), 0);
	/* Nobody holds what the keeper was given by the one that started it. */
	assert_int_equal(read(alive[0], &byte, 1), 0);
	close(alive[0]);
	empty();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without),
		cmocka_unit_test(with),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
