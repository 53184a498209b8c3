#pragma once

#include <string>

/// What the shell or the cluster says of the place where the program runs.
namespace command {

/// Of a variable; empty if it is not set.
std::string environment(const char* name);

/// Processors to use: of a job those of its allocation, else those that this process may run on.
int available_processors();

/// " (on node X)" in a job of a cluster, for messages about disks and memory, which are a machine's; else empty.
std::string of_node();

}  // namespace command
