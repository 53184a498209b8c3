#pragma once

#include <chrono>
#include <cstddef>
#include <mutex>
#include <set>
#include <string>
#include <vector>

import repal.reporter;

namespace command {

/// Progress on standard error: a bar on a terminal, a line every ten seconds elsewhere (logs of jobs).
class TerminalReporter final : public repal::Reporter {
 public:
    explicit TerminalReporter(bool is_quiet);

    void begin(const std::string& stage, std::size_t total) override;
    void advance() override;
    void end() override;
    void warn(const std::string& text) override;

 private:
    void draw();
    void clear_bar();

    using Clock = std::chrono::steady_clock;
    bool is_quiet_;
    bool is_terminal_;
    std::mutex mutex_;
    std::string stage_;
    std::size_t total_ = 0;
    std::size_t done_ = 0;
    Clock::time_point started_;
    Clock::time_point drawn_;
    std::set<std::string> warned_;
};

/// Columns padded to their widest entry; the first row is the head. The first column is left-aligned, the others right.
std::string table(const std::vector<std::vector<std::string>>& rows);

}  // namespace command
