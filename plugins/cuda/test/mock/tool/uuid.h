// UUIDs of GPUs as text: "GPU-" and 8-4-4-4-12 hex digits.
#ifndef MOCK_UUID_H
#define MOCK_UUID_H

#include <cstdio>
#include <cstring>

#include "abi.h"

inline bool parse_uuid(const char *text, CUuuid *uuid) {
  if (strlen(text) != 40 || strncmp(text, "GPU-", 4) != 0) return false;
  const char *at = text + 4;
  for (int i = 0; i < 16; i++) {
    if (*at == '-') at++;
    unsigned byte = 0;
    if (sscanf(at, "%2x", &byte) != 1) return false;
    uuid->bytes[i] = static_cast<unsigned char>(byte);
    at += 2;
  }
  return true;
}

// "OLD=NEW,OLD=NEW" into at most `room` pairs. The count, or -1.
inline int parse_pairs(const char *text, CUcheckpointGpuPair *pairs, int room) {
  int count = 0;
  for (const char *at = text; *at != '\0';) {
    char old_text[41] = "", new_text[41] = "";
    int length = 0;
    if (count == room || sscanf(at, "%40[^=,]=%40[^=,]%n", old_text, new_text, &length) != 2) return -1;
    if (!parse_uuid(old_text, &pairs[count].oldUuid) || !parse_uuid(new_text, &pairs[count].newUuid)) return -1;
    count++;
    at += length;
    if (*at == ',') at++;
    else if (*at != '\0') return -1;
  }
  return count;
}

#endif
