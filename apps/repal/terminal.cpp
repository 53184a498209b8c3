#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <string>
#include <vector>

#include "terminal.hpp"

namespace command {
namespace {

constexpr std::chrono::milliseconds bar_interval(100);
constexpr std::chrono::seconds line_interval(10);

std::string duration(double seconds) {
    const auto whole = static_cast<long>(seconds + 0.5);
    if (whole < 60) return fmt::format("{} s", whole);
    if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
    return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
}

std::size_t width(const std::string& text) {
    // Code points, not bytes: names may be in any script.
    return static_cast<std::size_t>(std::ranges::count_if(
        text, [](char character) { return (static_cast<unsigned char>(character) & 0xC0u) != 0x80u; }));
}

}  // namespace

TerminalReporter::TerminalReporter(bool is_quiet, bool is_verbose)
    : is_quiet_(is_quiet), is_verbose_(is_verbose), is_terminal_(isatty(STDERR_FILENO) == 1) {}

void TerminalReporter::begin(const std::string& stage, std::size_t total) {
    const std::lock_guard lock(mutex_);
    stage_ = stage;
    total_ = total;
    done_ = 0;
    started_ = drawn_ = Clock::now();
    draw();
}

void TerminalReporter::advance() {
    const std::lock_guard lock(mutex_);
    ++done_;
    const auto interval = is_terminal_ ? Clock::duration(bar_interval) : Clock::duration(line_interval);
    if (Clock::now() - drawn_ >= interval) draw();
}

void TerminalReporter::end() {
    const std::lock_guard lock(mutex_);
    clear_bar();
    const double seconds = std::chrono::duration<double>(Clock::now() - started_).count();
    if (!is_quiet_) fmt::print(stderr, "{}: {} done in {}\n", stage_, done_, duration(seconds));
    stage_.clear();
}

void TerminalReporter::warn(const std::string& source, const std::string& text) {
    const std::lock_guard lock(mutex_);
    if (++warnings_[source] > 1 && !is_verbose_) return;
    if (is_quiet_) return;
    clear_bar();
    fmt::print(stderr, "repal: warning: {}: {}\n", source, text);
}

TerminalReporter::~TerminalReporter() {
    if (is_quiet_ || is_verbose_) return;
    for (const auto& [source, count] : warnings_)
        if (count > 1) fmt::print(stderr, "repal: {} more warnings of {}; --verbose shows them\n", count - 1, source);
}

void TerminalReporter::draw() {
    drawn_ = Clock::now();
    if (is_quiet_) return;
    const double seconds = std::chrono::duration<double>(drawn_ - started_).count();
    std::string rest;
    if (done_ > 0 && seconds > 0)
        rest = fmt::format(", {:.3g}/s, {} left", static_cast<double>(done_) / seconds,
                           duration(seconds / static_cast<double>(done_) * static_cast<double>(total_ - done_)));
    if (!is_terminal_) {
        fmt::print(stderr, "{}: {} of {}{}\n", stage_, done_, total_, rest);
        return;
    }
    constexpr std::size_t cells = 24;
    const std::size_t full = done_ * cells / std::max<std::size_t>(total_, 1);
    fmt::print(stderr, "\r\033[K{} [{}{}] {}/{}{}", stage_, std::string(full, '#'), std::string(cells - full, '.'),
               done_, total_, rest);
    std::fflush(stderr);
}

void TerminalReporter::clear_bar() {
    if (is_terminal_ && !stage_.empty() && !is_quiet_) fmt::print(stderr, "\r\033[K");
}

std::string table(const std::vector<std::vector<std::string>>& rows) {
    std::vector<std::size_t> widths;
    for (const auto& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t column = 0; column < row.size(); ++column)
            widths[column] = std::max(widths[column], width(row[column]));
    }
    std::string text;
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t column = 0; column < row.size(); ++column) {
            const std::string padding(widths[column] - width(row[column]), ' ');
            line += column == 0 ? row[column] + padding : "  " + padding + row[column];
        }
        text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
    }
    return text;
}

}  // namespace command
