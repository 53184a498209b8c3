#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <mutex>
#include <string>
#include <vector>

import repal.reporter;

namespace command {

/// Progress on standard error: a bar on a terminal, a line every ten seconds elsewhere (logs of jobs).
class TerminalReporter final : public repal::Reporter {
 public:
    /// Quiet: says nothing. Verbose: shows every warning, not only the first of each source.
    TerminalReporter(bool is_quiet, bool is_verbose);
    ~TerminalReporter() override;
    TerminalReporter(const TerminalReporter&) = delete;
    TerminalReporter& operator=(const TerminalReporter&) = delete;

    void begin(const std::string& stage, std::size_t total) override;
    void advance() override;
    void end() override;
    void warn(const std::string& source, const std::string& text) override;

 private:
    void draw();
    void clear_bar();

    using Clock = std::chrono::steady_clock;
    bool is_quiet_;
    bool is_verbose_;
    bool is_terminal_;
    std::mutex mutex_;
    std::string stage_;
    std::size_t total_ = 0;
    std::size_t done_ = 0;
    Clock::time_point started_;
    Clock::time_point drawn_;
    std::map<std::string, std::size_t> warnings_;  ///< by source
};

/// Columns padded to their widest entry; the first row is the head. The first column is left-aligned, the others right.
std::string table(const std::vector<std::vector<std::string>>& rows);

}  // namespace command
