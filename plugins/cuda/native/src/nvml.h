// libnvidia-ml.so.1, opened at run time: what the driver's management library tells of devices and of who uses them. Everything here may be absent; that is told in
// words. Numbers and layouts as NVIDIA documents them for NVML 11 and later; declared by hand, so that the build needs no NVML.
#pragma once

#include <string>

// JSON: {"devices":[{"uuid","total","free","mig","persistence","processes":[{"pid","bytes"}],"mps":[PID]}]}, sizes in bytes, null for what the library does not
// tell; or {"unseen":"why"}. `beside`: path of the driver library, whose folder is looked into first. Blocks as long as the library does.
std::string survey_devices(const std::string &beside);
