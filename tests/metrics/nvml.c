/* As much of NVIDIA's management library as is asked of it: one GPU of 8 GiB, 3 in use, that works a quarter of the time.
   FAIL is the error of every question, PIDS the processes that have 1 GiB each. */
#include <stdlib.h>
#include <string.h>

typedef struct { unsigned long long total, available, used; } memory;
typedef struct { unsigned int gpu, memory; } utilization;
typedef struct { unsigned int pid; unsigned long long used; unsigned int gpu_instance, compute_instance; } process;

static int failure(const char *name) { const char *said = getenv(name); return said ? atoi(said) : 0; }

int nvmlInitWithFlags(unsigned int flags) { return failure("FAIL_INIT"); }
const char *nvmlErrorString(int error) { return "as told"; }

int nvmlDeviceGetHandleByPciBusId_v2(const char *address, void **device) {
  *device = (void *)1;
  return strcmp(address, "0000:01:00.0") ? 6 : failure("FAIL");
}

int nvmlDeviceGetMemoryInfo(void *device, memory *found) {
  *found = (memory){8ULL << 30, 5ULL << 30, 3ULL << 30};
  return failure("FAIL");
}

int nvmlDeviceGetUtilizationRates(void *device, utilization *found) {
  *found = (utilization){25, 10};
  return 0;
}

int nvmlDeviceGetComputeRunningProcesses_v3(void *device, unsigned int *count, process *found) {
  char *said = strdup(getenv("PIDS") ? getenv("PIDS") : "");
  unsigned int room = found ? *count : 0, there = 0;
  for (char *pid = strtok(said, " "); pid; pid = strtok(NULL, " "), there++)
    if (there < room) found[there] = (process){atoi(pid), 1ULL << 30, 0, 0};
  free(said);
  *count = there;
  return there > room ? 7 : 0;
}
