/* A log that can't fill the disk: NAME.log, and when that has grown to LOG_FILE_MAX, NAME.log.1 (newest) to .3. */
#ifndef CAIRN_DEPLOY_LOG_FILE_H
#define CAIRN_DEPLOY_LOG_FILE_H

#include "lib/base/bytes.h"

#define LOG_FILE_MAX INT64_C(16777216)
enum { LOG_FILE_KEEP = 3 };

struct log_file {
	char path[512];
	int fd; /* -1: could not be opened; what is written is lost, and opening is tried again each time */
	int64_t size;
};

/* Opens FOLDER/NAME.log for appending. -1 when it can't be opened (errno). */
int log_file_open(struct log_file *l, const char *folder, const char *name) MUST_CHECK;

/* Appends; turns the files over between lines once the limit is passed. A full disk loses text and stops nobody. */
void log_file_write(struct log_file *l, struct bytes text);

void log_file_close(struct log_file *l);

#endif
