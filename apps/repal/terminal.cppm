module;

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

export module command.terminal;

import repal.progress;

namespace command {

/// What a text tells, which decides its colour: green, yellow or red.
export enum class Tone { good, warning, bad };

/// The text in its colour, if the stream (stdout or stderr) is a terminal that shows colours and nobody has said
/// otherwise by NO_COLOR (no-color.org) or TERM=dumb; else as it is.
export std::string toned(Tone tone, const std::string& text, FILE* stream);

/// Progress on standard error: a bar on a terminal, a line every ten seconds elsewhere (logs of jobs). A line about a
/// stage stays when it ends, unless it took less than a second.
export class TerminalProgress final : public repal::Progress {
 public:
    /// Quiet: says nothing. Verbose: shows every warning, not only the first of each source.
    TerminalProgress(bool is_quiet, bool is_verbose);
    ~TerminalProgress() override;
    TerminalProgress(const TerminalProgress&) = delete;
    TerminalProgress& operator=(const TerminalProgress&) = delete;

    void begin(const std::string& stage, std::size_t total) override;
    void advance() override;
    void drop() override;
    void end() override;
    void warn(const std::string& source, const std::string& text) override;
    void say(const std::string& text) override;
    bool is_stop_requested() const override;

    /// Source and text of every warning, in their order, also of those that were not shown.
    using Warnings = std::vector<std::pair<std::string, std::string>>;
    const Warnings& warned() const { return warned_; }

    /// "training: 20 in 14 s; comparing: 288 in 5 s; 2 warnings", of all that was done; empty if nothing was.
    std::string summary() const;

 private:
    using Clock = std::chrono::steady_clock;
    struct Stage {
        std::string name;
        std::size_t done = 0;
        double seconds = 0;
    };

    double seconds() const;
    void draw();
    void draw_if_due();
    void clear_bar();

    bool is_quiet_;
    bool is_verbose_;
    bool has_bar_;
    std::mutex mutex_;
    Stage stage_;
    std::size_t total_ = 0;
    Clock::time_point started_;
    Clock::time_point drawn_;
    std::vector<Stage> stages_;                    ///< that have ended
    std::map<std::string, std::size_t> warnings_;  ///< by source
    std::map<std::string, std::size_t> told_;      ///< of these
    std::set<std::string> kinds_;                  ///< of warnings that were told
    Warnings warned_;
};

/// Columns padded to their widest entry; the first row is the head. The first column is left-aligned, the others right.
export std::string table(const std::vector<std::vector<std::string>>& rows);

}  // namespace command
