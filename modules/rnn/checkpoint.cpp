module;
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>
module repal.checkpoint;

import repal.file;
import repal.records;
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
    const std::size_t columns = columns_before_performance + state.history.front().performance.size();
    archive.arrays["history"] = {
        .shape = {state.history.size(), columns},
        .values = table_of(state.history),
        .attributes = {{"axes", "epoch,column"},
                       {"columns", "epoch,updates,sequences_seen,loss,smallest_fraction,performance of each task"}}};
    archive.attributes["key"] = key;
    archive.attributes["epoch"] = fmt::format("{}", state.history.back().epoch);
    archive.attributes["has_ended"] = state.has_ended ? "yes" : "no";
    return archive;
}

/// What training goes on from, too.
Archive record_of(const TrainingState& state, const rnn::NetworkShape& shape,
                  const std::map<std::string, std::string>& provenance, const std::string& key, bool is_checkpoint) {
    Archive archive = archive_of(state, shape, provenance, key);
    add_parameters(archive, "adam/first_moment", shape, state.first_moment);
    add_parameters(archive, "adam/second_moment", shape, state.second_moment);
    archive.attributes["is_checkpoint"] = is_checkpoint ? "yes" : "no";
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

constexpr const char* states_name = "states.part";

std::string group_of(int epoch) {
    return fmt::format("checkpoints/{:04}", epoch);
}

int epoch_of(const Archive& archive) {
    return number_in<int>(archive, "epoch");
}

/// Of the epochs that have a checkpoint.
std::vector<EpochRecord> to_keep(const std::vector<EpochRecord>& records, Keep keep) {
    if (records.empty() || keep == Keep::all) return records;
    if (keep == Keep::quarters) return at_quarters(records);
    std::vector<EpochRecord> ends = {records.front()};
    if (records.size() > 1) ends.push_back(records.back());
    return ends;
}

}  // namespace

std::vector<EpochRecord> at_quarters(const std::vector<EpochRecord>& records) {
    std::vector<EpochRecord> found;
    for (const double fraction : {0.0, 0.25, 0.5, 0.75, 1.0}) {
        const double wanted = fraction * static_cast<double>(records.back().updates);
        const EpochRecord& nearest = *std::ranges::min_element(records, {}, [&](const EpochRecord& record) {
            return std::abs(static_cast<double>(record.updates) - wanted);
        });
        if (found.empty() || found.back().epoch != nearest.epoch) found.push_back(nearest);
    }
    return found;
}

std::vector<std::filesystem::path> CheckpointFolder::others() const {
    std::vector<std::filesystem::path> files;
    const auto add_if_other = [&](const std::filesystem::path& file, const std::optional<std::string>& key) {
        if (key && *key != key_) files.push_back(file);
    };
    add_if_other(final_file(), key_in(final_file()));
    std::optional<std::string> key;
    read_records(states_file(), [&](std::string_view body) {
        if (!key) key = archive_in(body, {}).attribute("key");
    });
    add_if_other(states_file(), key);
    return files;
}

std::size_t CheckpointFolder::remove_others() const {
    const std::vector<std::filesystem::path> files = others();
    for (const std::filesystem::path& file : files) std::filesystem::remove(file);
    if (!files.empty()) std::filesystem::remove(folder_ / "history.csv");
    return files.size();
}

std::optional<TrainingState> CheckpointFolder::latest(const rnn::NetworkShape& shape,
                                                      const std::function<void(const std::string&)>& warn) const {
    std::string last;
    const Records records = read_records(states_file(), [&](std::string_view body) { last = body; });
    if (records.damaged_bytes > 0) {
        warn(fmt::format(
            "{}: its last {} bytes are damaged, perhaps since they were being written when a process "
            "ended; training {}",
            states_file().string(), records.damaged_bytes,
            records.whole > 0 ? "goes on from what is before them" : "begins anew, as nothing is before them"));
        cut_records(states_file(), records);
    }
    if (last.empty()) return {};
    try {
        const Archive archive = archive_in(last);
        if (archive.attribute("key") != key_) return {};
        return state_from(archive, shape);
    } catch (const InputError& error) {
        throw error.at(states_file().string());
    }
}

void CheckpointFolder::write(const TrainingState& state, const rnn::NetworkShape& shape,
                             const std::map<std::string, std::string>& provenance) const {
    append_record(states_file(), bytes_of(record_of(state, shape, provenance, key_, true)));
}

void CheckpointFolder::write_interrupted(const TrainingState& state, const rnn::NetworkShape& shape,
                                         const std::map<std::string, std::string>& provenance) const {
    append_record(states_file(), bytes_of(record_of(state, shape, provenance, key_, false)));
}

bool CheckpointFolder::write_final(const TrainingState& state, const rnn::NetworkShape& shape,
                                   const std::map<std::string, std::string>& provenance, Keep keep, int every) const {
    if (has_final()) return true;
    std::map<int, std::map<std::string, Array>> weights;  // by epoch
    read_records(states_file(), [&](std::string_view body) {
        Archive record = archive_in(body, {"weights"});
        if (record.attribute("is_checkpoint") == "yes") weights[epoch_of(record)] = std::move(record.arrays);
    });
    std::vector<EpochRecord> records = state.history;
    std::erase_if(records, [&](const EpochRecord& record) {
        return record.epoch % every != 0 && record.epoch != state.history.back().epoch;
    });
    if (std::ranges::any_of(records, [&](const EpochRecord& record) { return !weights.contains(record.epoch); }))
        return false;
    Archive archive = archive_of(state, shape, provenance, key_);
    std::vector<std::string> names;
    for (const EpochRecord& record : to_keep(records, keep)) {
        names.push_back(fmt::format("{}", record.epoch));
        for (auto& [name, array] : weights.at(record.epoch))
            archive.arrays[group_of(record.epoch) + "/" + name] = std::move(array);
    }
    archive.attributes["checkpoints"] = fmt::format("{}", fmt::join(names, ","));
    archive.attributes["keep"] = keep_names[static_cast<std::size_t>(keep)];
    write_file(folder_ / "history.csv", history_csv(state, provenance));
    write_archive(final_file(), archive);
    return true;
}

void CheckpointFolder::remove_states() const {
    std::filesystem::remove(states_file());
}

bool CheckpointFolder::has_final() const {
    return key_in(final_file()) == key_;
}

Archive CheckpointFolder::read(const std::vector<std::string>& groups) const {
    Archive archive = read_archive(final_file(), groups);
    if (archive.attribute("key") != key_)
        throw InputError(final_file().string(), "this network is of another configuration",
                         "unless another process trains that one, remove the file and train again");
    return archive;
}

std::vector<EpochRecord> CheckpointFolder::history() const {
    try {
        return history_from(read({"history"}));
    } catch (const InputError& error) {
        throw error.where().empty() ? error.at(final_file().string()) : error;
    }
}

std::vector<EpochRecord> CheckpointFolder::kept(Keep keep) const {
    try {
        const Archive archive = read({"history"});
        const std::string& of_file = archive.attribute("keep");
        if (std::ranges::find(keep_names, of_file) - keep_names.begin() > static_cast<std::ptrdiff_t>(keep))
            throw InputError("", fmt::format("only {} of its checkpoints were kept", of_file),
                             "remove the folder of the network to train it again");
        std::vector<EpochRecord> records = history_from(archive);
        const std::vector<std::string> epochs = archive.names("checkpoints");
        std::erase_if(records, [&](const EpochRecord& record) {
            return std::ranges::find(epochs, fmt::format("{}", record.epoch)) == epochs.end();
        });
        if (records.empty()) throw InputError("", "it has no checkpoints");
        return to_keep(records, keep);
    } catch (const InputError& error) {
        throw error.where().empty() ? error.at(final_file().string()) : error;
    }
}

rnn::Parameters CheckpointFolder::final_parameters(const rnn::NetworkShape& shape) const {
    try {
        return parameters_from(read({"weights"}), "weights", shape);
    } catch (const InputError& error) {
        throw error.where().empty() ? error.at(final_file().string()) : error;
    }
}

rnn::Parameters CheckpointFolder::parameters(const rnn::NetworkShape& shape, int epoch) const {
    try {
        const Archive archive = read({group_of(epoch)});
        if (archive.arrays.empty()) throw InputError("", fmt::format("it has no checkpoint of epoch {}", epoch));
        return parameters_from(archive, group_of(epoch) + "/weights", shape);
    } catch (const InputError& error) {
        throw error.where().empty() ? error.at(final_file().string()) : error;
    }
}

Archive read_state(const std::filesystem::path& place, std::optional<int> epoch) {
    std::filesystem::path file = place;
    if (std::filesystem::is_directory(place))
        file = is_there(place / "final.h5") ? place / "final.h5" : place / states_name;
    if (file.extension() == ".part") {
        if (!is_there(file))
            throw InputError(place.string(),
                             place == file ? "no such file" : "there is neither final.h5 nor states.part");
        std::optional<Archive> found;
        read_records(file, [&](std::string_view body) {
            const Archive head = archive_in(body, {});
            if (head.attribute("is_checkpoint") == "yes" && (!epoch || epoch_of(head) == *epoch))
                found = archive_in(body);
        });
        if (found) return *std::move(found);
        throw InputError(file.string(),
                         epoch ? fmt::format("it has no checkpoint of epoch {}", *epoch) : "it has no checkpoint yet");
    }
    if (!epoch) return read_archive(file, {"weights", "history"});
    Archive archive = read_archive(file, {group_of(*epoch)});
    if (archive.arrays.empty())
        throw InputError(
            file.string(), fmt::format("it has no checkpoint of epoch {}", *epoch),
            archive.attributes.contains("checkpoints") ? "there are " + archive.attributes.at("checkpoints") : "");
    Archive found{.arrays = {}, .attributes = std::move(archive.attributes)};
    for (auto& [name, array] : archive.arrays)
        found.arrays[name.substr(group_of(*epoch).size() + 1)] = std::move(array);
    return found;
}

}  // namespace repal
