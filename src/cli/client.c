#include "cli/client.h"

#include "admin/control.h"
#include "base/buf.h"
#include "base/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_MAX_BYTES (1024 * 1024)
#define TIMEOUT_S 30

bool client_flags(const struct cli_command *c, int *argc, char **argv,
    struct client_flags *flags)
{
	int kept = 1;

	*flags = (struct client_flags){0};
	for (int i = 1; i < *argc; i++) {
		if (strcmp(argv[i], "--json") == 0) {
			flags->is_json = true;
		} else if (strncmp(argv[i], "--state=", 8) == 0) {
			flags->state = argv[i] + 8;
		} else if (strcmp(argv[i], "--state") == 0) {
			if (i + 1 == *argc) {
				cli_usage(c, "--state needs a directory");
				return false;
			}
			flags->state = argv[++i];
		} else {
			argv[kept++] = argv[i];
		}
	}
	*argc = kept;
	return true;
}

static int connect_to(const char *state)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct timeval limit = {.tv_sec = TIMEOUT_S};
	int n = snprintf(
	    sun.sun_path, sizeof(sun.sun_path), "%s/%s", state, CONTROL_SOCKET);
	int fd;

	if (n < 0 || (size_t)n >= sizeof(sun.sun_path)) {
		fprintf(stderr, "ghlmirror: %s: the path is too long\n", state);
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	}
	if (fd < 0 || connect(fd, (struct sockaddr *)&sun, sizeof(sun)) != 0) {
		fprintf(stderr, "ghlmirror: no daemon answers at %s: %s\n",
		    sun.sun_path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

static bool send_line(int fd, const char *text)
{
	size_t n = strlen(text), done = 0;
	char *line = malloc(n + 1);

	if (!line)
		return false;
	memcpy(line, text, n);
	line[n] = '\n';
	while (done < n + 1) {
		ssize_t w = send(fd, line + done, n + 1 - done, MSG_NOSIGNAL);

		if (w <= 0)
			break;
		done += (size_t)w;
	}
	free(line);
	return done == n + 1;
}

static cJSON *receive(int fd)
{
	struct buf in;
	char chunk[8192];
	ssize_t n;
	cJSON *answer = NULL;

	buf_init(&in, ANSWER_MAX_BYTES);
	while ((n = recv(fd, chunk, sizeof(chunk), 0)) > 0)
		buf_add(&in, chunk, (size_t)n);
	if (n == 0 && in.n > 0 && !in.has_failed)
		answer = cJSON_ParseWithLength(in.p, in.n);
	buf_fini(&in);
	return answer;
}

static cJSON *exchange(int fd, const cJSON *command)
{
	char *text = cJSON_PrintUnformatted(command);
	cJSON *answer = NULL;
	const cJSON *error;

	if (text && send_line(fd, text))
		answer = receive(fd);
	cJSON_free(text);
	if (!answer) {
		fputs("ghlmirror: the daemon did not answer\n", stderr);
		return NULL;
	}
	error = cJSON_GetObjectItemCaseSensitive(answer, "error");
	if (!cJSON_IsString(error))
		return answer;
	fprintf(stderr, "ghlmirror: %s\n", error->valuestring);
	cJSON_Delete(answer);
	return NULL;
}

static cJSON *call(const struct client_flags *flags, cJSON *command)
{
	char *own = flags->state ? NULL : config_default_state();
	const char *state = flags->state ? flags->state : own;
	cJSON *answer = NULL;
	int fd;

	if (!state) {
		fputs("ghlmirror: neither --state, XDG_STATE_HOME nor HOME is "
		      "set\n",
		    stderr);
	} else {
		fd = connect_to(state);
		if (fd >= 0) {
			answer = exchange(fd, command);
			close(fd);
		}
	}
	cJSON_Delete(command);
	free(own);
	return answer;
}

static void print_json(const cJSON *answer)
{
	char *text = cJSON_PrintUnformatted(answer);

	if (text)
		puts(text);
	cJSON_free(text);
}

cJSON *client_command(const char *name)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "command", name);
	return o;
}

int client_run(const struct client_flags *flags, cJSON *command,
    void (*print)(const cJSON *answer))
{
	cJSON *answer = call(flags, command);

	if (!answer)
		return CLI_FAILED;
	if (flags->is_json)
		print_json(answer);
	else
		print(answer);
	cJSON_Delete(answer);
	return CLI_OK;
}

const cJSON *client_member(const cJSON *o, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(o, name);
}

const char *client_text(const cJSON *o, const char *name)
{
	const cJSON *v = client_member(o, name);

	return cJSON_IsString(v) ? v->valuestring : "-";
}

double client_number(const cJSON *o, const char *name)
{
	const cJSON *v = client_member(o, name);

	return cJSON_IsNumber(v) ? v->valuedouble : 0;
}
