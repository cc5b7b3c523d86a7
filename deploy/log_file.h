/* A log that can't fill the disk and does not remember for long: NAME.log, and when that has grown to LOG_FILE_MAX or is a day old,
 * NAME.log.1 (newest) to .5. No line is kept for more than six days, whatever it says (G-30). */
#ifndef CAIRN_DEPLOY_LOG_FILE_H
#define CAIRN_DEPLOY_LOG_FILE_H

#include "lib/base/clock.h"

#define LOG_FILE_MAX INT64_C(16777216)
enum { LOG_FILE_KEEP = 5, LOG_FILE_AGE_S = 86400, LOG_FILE_PATH_SIZE = 512 };

struct log_file {
	char path[LOG_FILE_PATH_SIZE];
	int fd; /* -1: could not be opened; what is written is lost, and opening is tried again each time */
	int64_t size;
	struct timestamp begun; /* not after the first line */
};

/* Opens FOLDER/NAME.log for appending. -1 when it can't be opened (errno). */
int log_file_open(struct log_file *l, const char *folder, const char *name) MUST_CHECK;

/* Appends; turns the files over between lines once the limit is passed. A full disk loses text and stops nobody. */
void log_file_write(struct log_file *l, struct bytes text);

/* Turns over what is a day old, and removes what was turned over more than five days ago. To be called from time to time. */
void log_file_age(struct log_file *l);

void log_file_close(struct log_file *l);

#endif
