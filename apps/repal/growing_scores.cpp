module;
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <exception>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>
module command.growing_scores;

import repal.error;
import repal.file;
import repal.pair_results;

namespace command {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* header = "scores of repal";

std::string line_of(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";  // causes are the text of plugins
}

}  // namespace

GrowingScores::GrowingScores(const std::string& out, const std::string& key, bool resumes, repal::Progress& progress)
    : file_(out.empty() ? "" : out + ".part"), progress_(progress) {
    if (!file_.empty()) open(key, resumes);
}

GrowingScores::~GrowingScores() {
    if (descriptor_ < 0) return;
    if (results_.empty()) ::unlink(file_.c_str());
    ::close(descriptor_);
}

void GrowingScores::open(const std::string& key, bool resumes) {
    const auto fail = [this](const std::string& problem, const std::string& hint = {}) {
        ::close(std::exchange(descriptor_, -1));
        throw repal::InputError(file_, problem, hint);
    };
    descriptor_ = ::open(file_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (descriptor_ < 0) fail("cannot be written: " + repal::system_error_text(errno));
    if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0)
        fail("another process is writing it", "give each an --out of its own");

    const std::string content = repal::read_file(file_);
    const std::string first_line = line_of({{"of", header}, {"key", key}});
    std::size_t whole = content.find('\n') + 1;  // 0: a kill left no line
    const Json first = Json::parse(content.substr(0, whole), nullptr, false);
    const bool is_ours =
        whole == 0 ? first_line.starts_with(content) : first.is_object() && first.value("of", "") == header;
    if (!is_ours) fail("this file is in the way", "remove it, or name another --out");
    const bool has_scores = content.find('\n', whole) != std::string::npos;
    if (has_scores && !resumes)
        fail("an earlier comparison left its scores here", "--resume goes on with them; remove the file to begin anew");
    if (has_scores && first.value("key", "") != key)
        fail("the scores here are of other files, options or metrics", "remove the file to begin anew");

    if (!has_scores) whole = 0;
    while (has_scores) {  // a last line without an end was cut by a kill
        const std::size_t end = content.find('\n', whole);
        if (end == std::string::npos) break;
        take_line(content.substr(whole, end - whole));
        whole = end + 1;
    }
    if (::ftruncate(descriptor_, static_cast<off_t>(whole)) != 0)
        fail("cannot be written: " + repal::system_error_text(errno));
    if (whole == 0) append(first_line);
    if (resumes)
        progress_.say(has_scores ? fmt::format("{}: {} scores are there already", file_, results_.size())
                                 : fmt::format("{}: there are no scores to go on with", file_));
}

void GrowingScores::take_line(const std::string& line) {
    try {
        const Json json = Json::parse(line);
        const auto metric = json.at("metric").get<std::string>();
        if (json.contains("calibration")) {
            if (auto calibrations = repal::calibrations_from(nlohmann::json::parse(json.at("calibration").dump())))
                calibrations_[metric] = *std::move(calibrations);
            return;
        }
        const auto results = repal::results_from(nlohmann::json::parse(json.at("results").dump()));
        if (results && results->size() == 1)
            results_.insert_or_assign({metric, json.at("pair").get<std::size_t>()}, results->front());
    } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch)
        // A line that is no score, e.g. of a disk that was full, is computed again.
    }
}

void GrowingScores::append(const std::string& line) {
    if (descriptor_ < 0) return;
    const ssize_t written = ::write(descriptor_, line.data(), line.size());
    if (written == static_cast<ssize_t>(line.size())) return;
    progress_.warn(file_, "cannot be written: " + repal::system_error_text(written < 0 ? errno : ENOSPC) +
                              "; a kill would lose what is computed from here on");
}

repal::KeptPairs GrowingScores::of(const std::string& metric) {
    return {.find = [this, metric](std::size_t pair) -> std::optional<repal::PairResult> {
                const auto place = results_.find({metric, pair});
                if (place == results_.end()) return {};
                return place->second;
            },
            .add =
                [this, metric](std::size_t pair, const repal::PairResult& result) {
                    std::string line;
                    if (!file_.empty())
                        line = fmt::format("{{\"metric\":{},\"pair\":{},\"results\":{}}}\n", Json(metric).dump(), pair,
                                           repal::to_json(std::vector{result}));
                    const std::lock_guard lock(mutex_);
                    append(line);
                    results_.insert_or_assign({metric, pair}, result);
                }};
}

const GrowingScores::Calibrations* GrowingScores::calibration_of(const std::string& metric, std::size_t pairs) const {
    const auto place = calibrations_.find(metric);
    return place == calibrations_.end() || place->second.size() != pairs ? nullptr : &place->second;
}

void GrowingScores::add_calibration(const std::string& metric, const Calibrations& calibration) {
    append(fmt::format("{{\"metric\":{},\"calibration\":{}}}\n", Json(metric).dump(), repal::to_json(calibration)));
    calibrations_[metric] = calibration;
}

void GrowingScores::finish() {
    if (descriptor_ < 0) return;
    ::unlink(file_.c_str());
    ::close(std::exchange(descriptor_, -1));
}

}  // namespace command
