module;
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
export module repal.checkpoint;

export import repal.training;

namespace repal {

/// Which states stay on disk when a training has ended: all that were written; those nearest to its quarters, with the
/// first and the last; the first and the last.
export enum class Keep : std::uint8_t { all, quarters, ends };

/// "all", "quarters", "ends"
export inline constexpr std::array<std::string_view, 3> keep_names = {"all", "quarters", "ends"};

/// The records at fractions of the last one's updates, each once, in their order.
export std::vector<EpochRecord> at_quarters(const std::vector<EpochRecord>& records);

/// Where the states of one training are kept: while it runs all in states.part, to which each epoch adds a record; in
/// the end the weights of those that are to be kept in final.h5, and history.csv. A state belongs to a training if it
/// carries its key.
export class CheckpointFolder {
 public:
    CheckpointFolder(std::filesystem::path folder, std::string key)
        : folder_(std::move(folder)), key_(std::move(key)) {}

    /// Files that a training of another configuration has left.
    std::vector<std::filesystem::path> others() const;

    /// Removes them, so that a folder holds one training; how many there were.
    std::size_t remove_others() const;

    /// The latest state of this training; none if it has not begun. A record that was being written when the process
    /// ended is cut off after `warn` was told of it.
    /// Throws InputError if a state of this key is of another architecture.
    std::optional<TrainingState> latest(const rnn::NetworkShape& shape,
                                        const std::function<void(const std::string&)>& warn) const;

    /// Adds a checkpoint, the state at the end of an epoch.
    void write(const TrainingState& state, const rnn::NetworkShape& shape,
               const std::map<std::string, std::string>& provenance) const;

    /// Adds a state that is no checkpoint, within an epoch or at the end of one: only latest() sees it.
    void write_interrupted(const TrainingState& state, const rnn::NetworkShape& shape,
                           const std::map<std::string, std::string>& provenance) const;

    /// final.h5, with the last state and the weights of checkpoints, and history.csv; leaves what is there of this
    /// training. False, and nothing is written, if states are missing that a checkpoint every so many epochs makes,
    /// e.g. since two processes that saw no lock of each other wrote them.
    bool write_final(const TrainingState& state, const rnn::NetworkShape& shape,
                     const std::map<std::string, std::string>& provenance, Keep keep, int every) const;

    /// What only a training that goes on needs.
    void remove_states() const;

    std::filesystem::path final_file() const { return folder_ / "final.h5"; }
    bool has_final() const;

    /// What was measured until the training ended, in all epochs. Throws InputError, as the next three, if final.h5 is
    /// not there.
    std::vector<EpochRecord> history() const;

    /// The same of those epochs whose weights are to be kept. Throws, too, if fewer were.
    std::vector<EpochRecord> kept(Keep keep) const;

    rnn::Parameters final_parameters(const rnn::NetworkShape& shape) const;

    /// The weights at the end of an epoch that is kept.
    rnn::Parameters parameters(const rnn::NetworkShape& shape, int epoch) const;

 private:
    std::filesystem::path states_file() const { return folder_ / "states.part"; }
    void append(Archive archive) const;
    Archive read(const std::vector<std::string>& groups) const;

    std::filesystem::path folder_;
    std::string key_;
};

/// A state of a training, with its weights, as an archive of network_from(): of the folder of a network, its final.h5
/// or its states.part; of the last epoch that is there, or a given one. Throws InputError if it is not there.
export Archive read_state(const std::filesystem::path& place, std::optional<int> epoch);

}  // namespace repal
