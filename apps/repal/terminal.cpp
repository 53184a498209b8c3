module;

#include <fmt/color.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <mutex>
#include <string>
#include <vector>

#include "environment.hpp"
#include "print_error.hpp"
#include "signals.hpp"

module command.terminal;

namespace command {
namespace {

constexpr std::chrono::milliseconds bar_interval(100);
constexpr std::chrono::seconds line_interval(10);

std::string duration(double seconds) {
    const long whole = std::lround(seconds);
    if (whole < 60) return fmt::format("{} s", whole);
    if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
    return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
}

std::size_t width(const std::string& text) {
    // Code points, not bytes: names may be in any script.
    return static_cast<std::size_t>(std::ranges::count_if(
        text, [](char character) { return (static_cast<unsigned char>(character) & 0xC0u) != 0x80u; }));
}

std::string shortened(const std::string& text, std::size_t columns) {
    std::string some;
    for (const char character : text) {
        const bool starts_character = (static_cast<unsigned char>(character) & 0xC0u) != 0x80u;
        if (starts_character && width(some) == columns) break;
        some += character;
    }
    return some;
}

std::string rate(std::size_t done, double seconds) {
    return fmt::format("{:.3g}", static_cast<double>(done) / std::max(seconds, 1e-9));
}

/// Where a line can be drawn over.
bool is_drawing_terminal(FILE* stream) {
    return isatty(fileno(stream)) == 1 && environment("TERM") != "dumb";
}

bool has_colours(FILE* stream) {
    return is_drawing_terminal(stream) && environment("NO_COLOR").empty();
}

std::size_t columns_of_terminal() {
    winsize size{};
    const bool is_known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
    return is_known ? size.ws_col : 80;
}

/// What two warnings have in common that differ in systems and numbers: its words without digits behind "a and b: ".
std::string kind_of(const std::string& text) {
    const std::size_t colon = text.find(": ");
    std::string kind;
    for (const char character : text.substr(colon == std::string::npos ? 0 : colon))
        if (character < '0' || character > '9') kind += character;
    return kind;
}

}  // namespace

std::string toned(Tone tone, const std::string& text, FILE* stream) {
    if (!has_colours(stream)) return text;
    const auto colour = tone == Tone::good      ? fmt::terminal_color::green
                        : tone == Tone::warning ? fmt::terminal_color::yellow
                                                : fmt::terminal_color::red;
    return fmt::format(fmt::fg(colour), "{}", text);
}

TerminalProgress::TerminalProgress(bool is_quiet, bool is_verbose)
    : is_quiet_(is_quiet), is_verbose_(is_verbose), has_bar_(is_drawing_terminal(stderr)) {}

void TerminalProgress::begin(const std::string& stage, std::size_t total) {
    const std::lock_guard lock(mutex_);
    stage_ = {.name = stage};
    total_ = total;
    started_ = drawn_ = Clock::now();
    if (has_bar_) draw();
}

void TerminalProgress::advance() {
    const std::lock_guard lock(mutex_);
    ++stage_.done;
    draw_if_due();
}

void TerminalProgress::drop() {
    const std::lock_guard lock(mutex_);
    if (total_ > 0) --total_;
    draw_if_due();
}

void TerminalProgress::end() {
    const std::lock_guard lock(mutex_);
    clear_bar();
    stage_.seconds = seconds();
    if (!is_quiet_ && stage_.seconds >= 1)
        print_error("{}: {} done in {} ({}/s)\n", stage_.name, stage_.done, duration(stage_.seconds),
                    rate(stage_.done, stage_.seconds));
    if (stage_.done > 0) stages_.push_back(stage_);
    stage_ = {};
}

void TerminalProgress::warn(const std::string& source, const std::string& text) {
    const std::lock_guard lock(mutex_);
    warned_.emplace_back(source, text);
    ++warnings_[source];
    const bool is_new = kinds_.insert(source + kind_of(text)).second;
    if (is_new) ++told_[source];
    if (is_quiet_ || (!is_new && !is_verbose_)) return;
    clear_bar();
    print_error("repal: {}: {}: {}\n", toned(Tone::warning, "warning", stderr), source, text);
}

void TerminalProgress::say(const std::string& text) {
    const std::lock_guard lock(mutex_);
    if (is_quiet_) return;
    clear_bar();
    print_error("{}: {}\n", stage_.name.empty() ? "repal" : stage_.name, text);
}

bool TerminalProgress::is_stop_requested() const {
    return stop_signal() != 0;
}

std::string TerminalProgress::summary() const {
    std::string text;
    for (const Stage& stage : stages_)
        text +=
            fmt::format("{}{}: {} in {}", text.empty() ? "" : "; ", stage.name, stage.done, duration(stage.seconds));
    std::size_t warnings = 0;
    for (const auto& entry : warnings_) warnings += entry.second;
    if (warnings > 0)
        text += fmt::format("{}{} warning{}", text.empty() ? "" : "; ", warnings, warnings == 1 ? "" : "s");
    return text;
}

TerminalProgress::~TerminalProgress() {
    // An error may have left a bar.
    clear_bar();
    if (is_quiet_ || is_verbose_) return;
    for (const auto& [source, count] : warnings_)
        if (const std::size_t more = count - told_[source]; more > 0)
            print_error("repal: {} more warning{} of {}; --verbose shows {}\n", more, more == 1 ? "" : "s", source,
                        more == 1 ? "it" : "them");
}

double TerminalProgress::seconds() const {
    return std::chrono::duration<double>(Clock::now() - started_).count();
}

void TerminalProgress::draw_if_due() {
    const auto interval = has_bar_ ? Clock::duration(bar_interval) : Clock::duration(line_interval);
    if (Clock::now() - drawn_ >= interval) draw();
}

void TerminalProgress::draw() {
    drawn_ = Clock::now();
    if (is_quiet_) return;
    std::string speed;
    std::string left;
    if (stage_.done > 0) {
        speed = fmt::format(", {}/s", rate(stage_.done, seconds()));
        left = fmt::format(", {} left", duration(seconds() / static_cast<double>(stage_.done) *
                                                 static_cast<double>(total_ - std::min(stage_.done, total_))));
    }
    if (!has_bar_) {
        print_error("{}: {} of {}{}{}\n", stage_.name, stage_.done, total_, speed, left);
        return;
    }
    // A line that wraps could not be drawn over. Where there is no room for a bar, the rate can be missed most.
    constexpr std::size_t longest_bar = 24;
    constexpr std::size_t shortest_bar = 4;
    const std::size_t columns = columns_of_terminal() - 1;
    const std::string count = fmt::format("{}/{}", stage_.done, total_);
    const std::size_t taken = width(stage_.name + " [] " + count + speed + left);
    std::string line = stage_.name + " " + count + left;
    if (taken + shortest_bar <= columns) {
        const std::size_t characters = std::min(longest_bar, columns - taken);
        const std::size_t full = std::min(stage_.done, total_) * characters / std::max<std::size_t>(total_, 1);
        line = fmt::format("{} [{}{}] {}{}{}", stage_.name, toned(Tone::good, std::string(full, '#'), stderr),
                           std::string(characters - full, '.'), count, speed, left);
    } else {
        line = shortened(line, columns);
    }
    print_error("\r\033[K{}", line);
    std::fflush(stderr);
}

void TerminalProgress::clear_bar() {
    if (has_bar_ && !stage_.name.empty() && !is_quiet_) print_error("\r\033[K");
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
