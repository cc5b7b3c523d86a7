/* A plain main for the fuzz targets: replays files, or all files of folders, so that ctest runs each corpus without
 * clang's libFuzzer. Usage: fuzz_X PATH ... */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path, size_t *count)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = f == NULL ? NULL : malloc(1 << 20);
	if (data == NULL) {
		perror(path);
		return -1;
	}
	size_t size = fread(data, 1, 1 << 20, f);
	(void) fclose(f);
	/* exactly as long as the input, so that a sanitizer sees a read past its end */
	uint8_t *exact = malloc(size > 0 ? size : 1);
	if (exact == NULL) {
		free(data);
		return -1;
	}
	memcpy(exact, data, size);
	free(data);
	(void) LLVMFuzzerTestOneInput(exact, size);
	free(exact);
	(*count)++;
	return 0;
}

static int replay_folder(const char *path, DIR *folder, size_t *count)
{
	int result = 0;
	for (struct dirent *entry = readdir(folder); entry != NULL && result == 0; entry = readdir(folder)) {
		char name[4096];
		if (entry->d_name[0] != '.') {
			(void) snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
			result = replay_file(name, count);
		}
	}
	return result;
}

int main(int argc, char **argv)
{
	size_t count = 0;
	for (int i = 1; i < argc; i++) {
		DIR *folder = opendir(argv[i]);
		int result = folder == NULL ? replay_file(argv[i], &count) : replay_folder(argv[i], folder, &count);
		if (folder != NULL) {
			(void) closedir(folder);
		}
		if (result != 0) {
			return 1;
		}
	}
	(void) printf("%zu inputs\n", count);
	return count > 0 ? 0 : 1; /* a target without seeds proves nothing */
}
