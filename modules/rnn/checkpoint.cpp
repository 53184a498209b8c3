module;
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>
module repal.checkpoint;

import repal.file;
import repal.store;

namespace repal {
namespace {

constexpr std::size_t columns_before_performance = 5;

std::vector<double> table_of(const std::vector<EpochRecord>& history) {
    std::vector<double> table;
    for (const EpochRecord& record : history) {
        table.insert(table.end(), {static_cast<double>(record.epoch), static_cast<double>(record.updates),
                                   static_cast<double>(record.sequences_seen), record.loss, record.smallest_fraction});
        table.insert(table.end(), record.performance.begin(), record.performance.end());
    }
    return table;
}

std::vector<EpochRecord> history_from(const Archive& archive) {
    const auto& table = archive.values<double>("history");
    const std::uint64_t rows = archive.arrays.at("history").shape.at(0);
    const std::size_t columns = table.size() / std::max<std::uint64_t>(rows, 1);
    if (rows == 0 || columns < columns_before_performance) throw InputError("", "the history is damaged");
    std::vector<EpochRecord> history;
    for (auto row = table.begin(); row != table.end(); row += static_cast<std::ptrdiff_t>(columns))
        history.push_back(
            {.epoch = static_cast<int>(row[0]),
             .updates = static_cast<std::int64_t>(row[1]),
             .sequences_seen = static_cast<std::int64_t>(row[2]),
             .loss = row[3],
             .performance = {row + columns_before_performance, row + static_cast<std::ptrdiff_t>(columns)},
             .smallest_fraction = row[4]});
    return history;
}

Archive archive_of(const TrainingState& state, const rnn::NetworkShape& shape,
                   const std::map<std::string, std::string>& provenance, const std::string& key) {
    Archive archive{.arrays = {}, .attributes = provenance};
    add_parameters(archive, "weights", shape, state.parameters);
    add_parameters(archive, "adam/first_moment", shape, state.first_moment);
    add_parameters(archive, "adam/second_moment", shape, state.second_moment);
    const std::size_t columns = columns_before_performance + state.history.front().performance.size();
    archive.arrays["history"] = {
        .shape = {state.history.size(), columns},
        .values = table_of(state.history),
        .attributes = {{"axes", "epoch,column"},
                       {"columns", "epoch,updates,sequences_seen,loss,smallest_fraction,performance of each task"}}};
    archive.attributes["key"] = key;
    archive.attributes["epoch"] = fmt::format("{}", state.history.back().epoch);
    archive.attributes["has_ended"] = state.has_ended ? "yes" : "no";
    if (state.begun_batches > 0) {
        archive.attributes["begun_batches"] = fmt::format("{}", state.begun_batches);
        archive.attributes["begun_loss"] = fmt::format("{}", state.begun_loss);
    }
    return archive;
}

template <class Number>
Number number_in(const Archive& archive, const char* attribute) {
    const auto found = archive.attributes.find(attribute);
    Number number{};
    if (found == archive.attributes.end()) return number;
    const std::string& text = found->second;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failure != std::errc() || end != text.data() + text.size())
        throw InputError("", fmt::format("the attribute {} is damaged: '{}'", attribute, text));
    return number;
}

TrainingState state_from(const Archive& archive, const rnn::NetworkShape& shape) {
    return {.parameters = parameters_from(archive, "weights", shape),
            .first_moment = parameters_from(archive, "adam/first_moment", shape),
            .second_moment = parameters_from(archive, "adam/second_moment", shape),
            .history = history_from(archive),
            .has_ended = archive.attribute("has_ended") == "yes",
            .begun_batches = number_in<std::size_t>(archive, "begun_batches"),
            .begun_loss = number_in<double>(archive, "begun_loss")};
}

/// checkpoint_NNNN.h5, the latest first.
std::vector<std::filesystem::path> checkpoints_in(const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> files;
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator(folder, none))
        if (entry.path().filename().string().starts_with("checkpoint_") && entry.path().extension() == ".h5")
            files.push_back(entry.path());
    const auto length_then_name = [](const std::filesystem::path& file) {
        const std::string name = file.filename().string();
        return std::pair(name.size(), name);
    };
    std::ranges::sort(files, std::greater{}, length_then_name);
    return files;
}

std::string history_csv(const TrainingState& state, const std::map<std::string, std::string>& provenance) {
    std::string text = "epoch,updates,sequences_seen,loss,smallest_fraction";
    const auto tasks = provenance.find("learned");
    if (tasks != provenance.end() && !tasks->second.empty()) text += "," + tasks->second;
    text += "\n";
    for (const EpochRecord& record : state.history) {
        text += fmt::format("{},{},{},{},{}", record.epoch, record.updates, record.sequences_seen, record.loss,
                            record.smallest_fraction);
        for (const double performance : record.performance) text += fmt::format(",{}", performance);
        text += "\n";
    }
    return text;
}

rnn::Parameters weights_in(const Archive& archive, const std::filesystem::path& file, const rnn::NetworkShape& shape) {
    try {
        return parameters_from(archive, "weights", shape);
    } catch (const InputError& error) {
        throw error.at(file.string());
    }
}

}  // namespace

/// The files of all states, the furthest first. interrupted.h5 is the furthest: the next checkpoint removes it.
std::vector<std::filesystem::path> CheckpointFolder::states() const {
    std::vector<std::filesystem::path> files = checkpoints_in(folder_);
    std::error_code none;
    if (std::filesystem::is_regular_file(interrupted_file(), none)) files.insert(files.begin(), interrupted_file());
    return files;
}

std::size_t CheckpointFolder::remove_others() const {
    std::vector<std::filesystem::path> files = states();
    files.push_back(final_file());
    std::size_t removed = 0;
    for (const std::filesystem::path& file : files) {
        const auto key = key_in(file);
        if (key && *key != key_ && std::filesystem::remove(file)) ++removed;
    }
    if (removed > 0) std::filesystem::remove(folder_ / "history.csv");
    return removed;
}

std::optional<TrainingState> CheckpointFolder::latest(const rnn::NetworkShape& shape,
                                                      const std::function<void(const std::string&)>& warn) const {
    for (const std::filesystem::path& file : states()) {
        Archive archive;
        try {
            archive = read_archive(file);
            if (archive.attribute("key") != key_) continue;
        } catch (const InputError& damaged) {
            warn(fmt::format("{}; it is left out", damaged.what()));
            continue;
        }
        try {
            return state_from(archive, shape);
        } catch (const InputError& error) {
            throw error.at(file.string());
        }
    }
    return {};
}

void CheckpointFolder::write(const TrainingState& state, const rnn::NetworkShape& shape,
                             const std::map<std::string, std::string>& provenance) const {
    write_archive(checkpoint_file(state.history.back().epoch), archive_of(state, shape, provenance, key_));
    std::filesystem::remove(interrupted_file());
}

void CheckpointFolder::write_interrupted(const TrainingState& state, const rnn::NetworkShape& shape,
                                         const std::map<std::string, std::string>& provenance) const {
    write_archive(interrupted_file(), archive_of(state, shape, provenance, key_));
}

void CheckpointFolder::write_final(const TrainingState& state, const rnn::NetworkShape& shape,
                                   const std::map<std::string, std::string>& provenance) const {
    write_file(folder_ / "history.csv", history_csv(state, provenance));
    write_archive(final_file(), archive_of(state, shape, provenance, key_));
}

std::filesystem::path CheckpointFolder::checkpoint_file(int epoch) const {
    return folder_ / fmt::format("checkpoint_{:04}.h5", epoch);
}

Archive CheckpointFolder::read(const std::filesystem::path& file) const {
    Archive archive = read_archive(file);
    if (archive.attribute("key") != key_)
        throw InputError(file.string(), "this network is of another configuration", "remove the file and train again");
    return archive;
}

std::vector<EpochRecord> CheckpointFolder::history() const {
    try {
        return history_from(read(final_file()));
    } catch (const InputError& error) {
        throw error.where().empty() ? error.at(final_file().string()) : error;
    }
}

rnn::Parameters CheckpointFolder::final_parameters(const rnn::NetworkShape& shape) const {
    return weights_in(read(final_file()), final_file(), shape);
}

rnn::Parameters CheckpointFolder::parameters(const rnn::NetworkShape& shape, int epoch) const {
    return weights_in(read(checkpoint_file(epoch)), checkpoint_file(epoch), shape);
}

}  // namespace repal
