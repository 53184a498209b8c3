#include "environment.hpp"

#include <fmt/format.h>
#include <sched.h>

#include <charconv>
#include <cstdlib>
#include <initializer_list>
#include <string>
#include <system_error>

namespace command {

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

int available_processors() {
    for (const char* name : {"SLURM_CPUS_PER_TASK", "SLURM_CPUS_ON_NODE", "PBS_NUM_PPN", "NCPUS", "NSLOTS"}) {
        const std::string text = environment(name);
        int processors = 0;
        const auto end = std::from_chars(text.data(), text.data() + text.size(), processors).ptr;
        if (processors > 0 && end == text.data() + text.size()) return processors;
    }
    cpu_set_t processors;
    return sched_getaffinity(0, sizeof processors, &processors) == 0 ? CPU_COUNT(&processors) : 1;
}

std::string of_node() {
    const std::string node = environment("SLURMD_NODENAME");
    return node.empty() ? "" : fmt::format(" (on node {})", node);
}

std::string no_number_of_processors(const std::string& word) {
    constexpr int most = 4096;
    int n = 0;
    const auto [end, failure] = std::from_chars(word.data(), word.data() + word.size(), n);
    if (failure == std::errc() && end == word.data() + word.size() && n >= 1 && n <= most) return {};
    return fmt::format("expected 1 to {}, got '{}'", most, word);
}

}  // namespace command
