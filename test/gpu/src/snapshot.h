// What /proc tells of a process, copied into a folder: maps, smaps, status ..., all descriptors with their fdinfo, all threads with their stacks.
#pragma once
#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void append_file(int out, const char *path) {
  char bytes[65536];
  int in = open(path, O_RDONLY);
  for (ssize_t n; in >= 0 && (n = read(in, bytes, sizeof bytes)) > 0;)
    if (write(out, bytes, (size_t)n) < 0) break;
  if (in >= 0) close(in);
}

static int create(const char *folder, const char *name) {
  char path[512];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
}

static void copy_all(int pid, const char *folder) {
  const char *files[][2] = {{"maps", "maps"},   {"smaps", "smaps"},         {"status", "status"}, {"limits", "limits"},
                            {"cgroup", "cgroup"}, {"mountinfo", "mountinfo"}, {"net/unix", "unix"}};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, files[i][0]);
    int out = create(folder, files[i][1]);
    append_file(out, path);
    close(out);
  }
}

// Counts all descriptors; `devices`: those of NVIDIA's.
static int list_descriptors(int pid, const char *folder, int *devices) {
  char path[300], link[512];
  int count = 0, out = create(folder, "fds");
  snprintf(path, sizeof path, "/proc/%d/fd", pid);
  DIR *fds = opendir(path);
  for (struct dirent *e; fds && (e = readdir(fds));) {
    if (e->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "/proc/%d/fd/%s", pid, e->d_name);
    ssize_t n = readlink(path, link, sizeof link - 1);
    if (n < 0) continue;
    link[n] = 0;
    count++;
    *devices += strstr(link, "nvidia") && strncmp(link, "/usr", 4) != 0;
    struct stat st = {0};
    stat(path, &st);
    dprintf(out, "== %s -> %s  mode %o rdev %x ino %lu\n", e->d_name, link, st.st_mode, (unsigned)st.st_rdev, (unsigned long)st.st_ino);
    snprintf(path, sizeof path, "/proc/%d/fdinfo/%s", pid, e->d_name);
    append_file(out, path);
  }
  if (fds) closedir(fds);
  close(out);
  return count;
}

static int list_threads(int pid, const char *folder) {
  const char *files[] = {"comm", "wchan", "syscall", "stack", "status"};
  char path[300];
  int count = 0, out = create(folder, "tasks");
  snprintf(path, sizeof path, "/proc/%d/task", pid);
  DIR *tasks = opendir(path);
  for (struct dirent *e; tasks && (e = readdir(tasks));) {
    if (e->d_name[0] == '.') continue;
    count++;
    dprintf(out, "==== %s\n", e->d_name);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
      dprintf(out, "-- %s: ", files[i]);
      snprintf(path, sizeof path, "/proc/%d/task/%s/%s", pid, e->d_name, files[i]);
      append_file(out, path);
      dprintf(out, "\n");
    }
  }
  if (tasks) closedir(tasks);
  close(out);
  return count;
}

static int count_mappings(const char *folder, int *devices) {
  char path[512], line[1024];
  int count = 0;
  snprintf(path, sizeof path, "%s/maps", folder);
  FILE *maps = fopen(path, "r");
  for (; maps && fgets(line, sizeof line, maps); count++) *devices += strstr(line, "/dev/nvidia") != 0;
  if (maps) fclose(maps);
  return count;
}

static void snapshot(int pid, const char *root, const char *label) {
  char folder[300];
  int fd_devices = 0, map_devices = 0;
  snprintf(folder, sizeof folder, "%s/%s", root, label);
  mkdir(folder, 0755);
  copy_all(pid, folder);
  int fds = list_descriptors(pid, folder, &fd_devices);
  int threads = list_threads(pid, folder);
  int maps = count_mappings(folder, &map_devices);
  printf("  snap %s: %d fds (%d of nvidia), %d maps (%d of /dev/nvidia*), %d threads\n", label, fds, fd_devices, maps, map_devices, threads);
}
