#pragma once

#include <string>

/// What the shell or the cluster says of the place where the program runs.
namespace command {

/// The value of a variable of the environment; empty if it is not set.
std::string environment(const char* name);

/// How many processors to use: in a Slurm job those of its allocation, else those that this process may run on.
int available_processors();

/// " (on node X)" in a job of a cluster, for messages about disks and memory, which are a machine's; else empty.
std::string of_node();

/// Why a word of the command line is no number of processors, 1 to 4096; empty if it is one. For CLI11's check(), whose
/// own words for a range are others in each version.
std::string no_number_of_processors(const std::string& word);

}  // namespace command
